// A catalogue on disk. An entry is <info-hash>.torrent, the bytes as they were published, and <info-hash>.entry, a note of
// what else is kept. The .torrent is what makes an entry: it is written after the note and removed before it, each in one
// step, so whatever stops the program leaves whole entries and at most a note that belongs to nothing.
// A file whose content is not what its name says is set aside, not deleted. Calls must not overlap.
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Storage;

sealed class CatalogueFolder(string path)
{
    const string TorrentSuffix = ".torrent", NoteSuffix = ".entry", BrokenSuffix = ".broken";

    public string Path { get; } = path;

    string TorrentPath(CatalogueEntry entry) => System.IO.Path.Combine(Path, entry.InfoHash + TorrentSuffix);

    string NotePath(CatalogueEntry entry) => System.IO.Path.Combine(Path, entry.InfoHash + NoteSuffix);

    /// <summary>Hands over every entry; makes the folder if it is absent.</summary>
    /// <param name="warn">Told what was wrong and what became of it.</param>
    public DiskResult Load(Action<CatalogueEntry> found, Action<string> warn)
    {
        try
        {
            Directory.CreateDirectory(Path);
            foreach (string file in Directory.GetFiles(Path))
            {
                string extension = System.IO.Path.GetExtension(file);
                if (extension == TorrentSuffix) LoadEntry(file, found, warn);
                else if (extension == NoteSuffix && !File.Exists(System.IO.Path.ChangeExtension(file, TorrentSuffix))) File.Delete(file);
                else if (extension == AtomicFile.BesideSuffix) File.Delete(file); // from a write that was cut off
            }
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, Path);
        }
    }

    void LoadEntry(string file, Action<CatalogueEntry> found, Action<string> warn)
    {
        if (new FileInfo(file).Length > MetainfoFile.MaxBytes || !MetainfoFile.TryParse(File.ReadAllBytes(file), out MetainfoFile? metainfo, out string problem))
            SetAside(file, "not a .torrent", warn);
        else if (System.IO.Path.GetFileNameWithoutExtension(file) != metainfo.InfoHash.ToString())
            SetAside(file, $"its info-hash is {metainfo.InfoHash}, not its name", warn);
        else
            found(LoadNote(System.IO.Path.ChangeExtension(file, NoteSuffix), metainfo, warn) ?? new CatalogueEntry(metainfo, Written(file), default));
    }

    static CatalogueEntry? LoadNote(string file, MetainfoFile metainfo, Action<string> warn)
    {
        if (!File.Exists(file)) return null; // an operator has put the .torrent here
        if (new FileInfo(file).Length <= EntryNote.MaxSize && EntryNote.TryRead(File.ReadAllBytes(file), metainfo, out CatalogueEntry? entry)) return entry;
        SetAside(file, "not readable, so its publisher cannot take the entry away", warn);
        return null;
    }

    static long Written(string file) => new DateTimeOffset(File.GetLastWriteTimeUtc(file)).ToUnixTimeSeconds();

    static void SetAside(string file, string why, Action<string> warn)
    {
        File.Move(file, file + BrokenSuffix, overwrite: true);
        warn($"{file}: {why}; set aside as {System.IO.Path.GetFileName(file)}{BrokenSuffix}");
    }

    public DiskResult Save(CatalogueEntry entry, ReadOnlySpan<byte> torrent)
    {
        DiskResult note = SaveNote(entry);
        return note.IsOk ? AtomicFile.Write(TorrentPath(entry), torrent) : note;
    }

    public DiskResult SaveNote(CatalogueEntry entry) => AtomicFile.Write(NotePath(entry), EntryNote.Write(entry));

    public DiskResult Remove(CatalogueEntry entry)
    {
        try
        {
            File.Delete(TorrentPath(entry));
            File.Delete(NotePath(entry));
            return Disk.Native.SyncFolder(Path);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, TorrentPath(entry));
        }
    }

    /// <summary>The .torrent of an entry; null if the disk does not give it.</summary>
    public byte[]? Read(CatalogueEntry entry)
    {
        try
        {
            return File.ReadAllBytes(TorrentPath(entry));
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return null; // removed meanwhile, or a fault that the next start will name
        }
    }
}
