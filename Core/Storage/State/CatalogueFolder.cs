// A catalogue on disk. An entry is <info-hash>.torrent, the bytes as they were published, and <info-hash>.entry, a note of
// what else is kept. The .torrent is what makes an entry: it is written after the note and removed before it, each in one
// step, so whatever stops the program leaves whole entries and at most a note that belongs to nothing.
// A note that describes its entry is believed at the start, so that no .torrent has to be read then: one of another length is.
// A file whose content is not what its name says is set aside, not deleted. Calls for one entry must not overlap.
using Microsoft.Win32.SafeHandles;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class CatalogueFolder(string path)
{
    const string TorrentSuffix = ".torrent", NoteSuffix = ".entry", BrokenSuffix = ".broken";

    public string Path { get; } = path;

    string TorrentPath(CatalogueEntry entry) => System.IO.Path.Combine(Path, entry.InfoHash + TorrentSuffix);

    string NotePath(CatalogueEntry entry) => System.IO.Path.Combine(Path, entry.InfoHash + NoteSuffix);

    /// <summary>Makes the folder if it is absent, and finds out whether it can be read and written.</summary>
    public DiskResult Open()
    {
        if (File.Exists(Path)) return new DiskResult(DiskFault.Missing, Path, "a file, not a folder");
        try
        {
            Directory.CreateDirectory(Path);
            using IEnumerator<string> files = Directory.EnumerateFiles(Path).GetEnumerator();
            files.MoveNext();
            string probe = System.IO.Path.Combine(Path, "probe" + AtomicFile.BesideSuffix);
            File.Delete(probe);
            new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, Path);
        }
    }

    /// <summary>Hands over every entry.</summary>
    /// <param name="warn">Told what was wrong and what became of it.</param>
    /// <param name="stop">Ends it between two entries.</param>
    public DiskResult Load(Action<CatalogueEntry> found, Action<string> warn, Func<bool> stop)
    {
        DiskResult fault = DiskResult.Ok;
        try
        {
            foreach (string file in Directory.GetFiles(Path))
            {
                if (stop()) break;
                DiskResult loaded = LoadFile(file, found, warn);
                if (fault.IsOk) fault = loaded;
            }
            return fault;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, Path);
        }
    }

    /// <summary>One that cannot be read costs none of the others.</summary>
    DiskResult LoadFile(string file, Action<CatalogueEntry> found, Action<string> warn)
    {
        try
        {
            string extension = System.IO.Path.GetExtension(file);
            if (extension == TorrentSuffix) LoadEntry(file, found, warn);
            else if (extension == NoteSuffix && !File.Exists(System.IO.Path.ChangeExtension(file, TorrentSuffix))) File.Delete(file);
            else if (extension == AtomicFile.BesideSuffix) File.Delete(file); // from a write that was cut off
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, file);
        }
    }

    void LoadEntry(string file, Action<CatalogueEntry> found, Action<string> warn)
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(file), noteFile = System.IO.Path.ChangeExtension(file, NoteSuffix);
        byte[] note = File.Exists(noteFile) && new FileInfo(noteFile).Length <= EntryNote.MaxSize ? File.ReadAllBytes(noteFile) : [];
        long length = new FileInfo(file).Length;
        if (InfoHash.TryParseHex(name, out InfoHash hash) && EntryNote.TryRead(note, hash, out CatalogueEntry? entry) && entry.TorrentSize == length)
            found(entry);
        else if (length > MetainfoFile.MaxBytes || !MetainfoFile.TryParse(File.ReadAllBytes(file), out MetainfoFile? metainfo, out _))
            SetAside(file, "not a .torrent", warn);
        else if (name != metainfo.InfoHash.ToString())
            SetAside(file, $"its info-hash is {metainfo.InfoHash}, not its name", warn);
        else if (EntryNote.TryRead(note, metainfo, out entry))
            found(entry);
        else
        {
            // Without a note an operator has put the .torrent here.
            if (File.Exists(noteFile)) SetAside(noteFile, "not readable, so its publisher cannot take the entry away", warn);
            found(new CatalogueEntry(metainfo, Written(file), default));
        }
    }

    static long Written(string file) => new DateTimeOffset(File.GetLastWriteTimeUtc(file)).ToUnixTimeSeconds();

    static void SetAside(string file, string why, Action<string> warn)
    {
        File.Move(file, file + BrokenSuffix, overwrite: true);
        warn($"{file}: {why}; set aside as {System.IO.Path.GetFileName(file)}{BrokenSuffix}");
    }

    /// <summary>Its .torrent is not what it was when the entry was made.</summary>
    /// <param name="warn">As for <see cref="Load"/>.</param>
    public DiskResult SetAside(CatalogueEntry entry, Action<string> warn)
    {
        try
        {
            SetAside(TorrentPath(entry), "damaged", warn);
            File.Delete(NotePath(entry));
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, TorrentPath(entry));
        }
    }

    public DiskResult Save(CatalogueEntry entry, ReadOnlySpan<byte> torrent)
    {
        DiskResult note = SaveNote(entry);
        return note.IsOk ? AtomicFile.Write(TorrentPath(entry), torrent, isPrivate: true) : note;
    }

    public DiskResult SaveNote(CatalogueEntry entry) => AtomicFile.Write(NotePath(entry), EntryNote.Write(entry), isPrivate: true);

    /// <summary>Takes its files away; see <see cref="Sync"/>.</summary>
    public DiskResult Remove(CatalogueEntry entry)
    {
        try
        {
            File.Delete(TorrentPath(entry));
            File.Delete(NotePath(entry));
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, TorrentPath(entry));
        }
    }

    /// <summary>What was removed stays away, whatever happens.</summary>
    public DiskResult Sync() => Disk.Native.SyncFolder(Path);

    /// <summary>The .torrent of an entry, for reading; null if the disk does not give it.</summary>
    public SafeFileHandle? Open(CatalogueEntry entry) => Try(() => File.OpenHandle(TorrentPath(entry), share: FileShare.Read | FileShare.Delete));

    /// <summary>The .torrent of an entry; null if the disk does not give it.</summary>
    public byte[]? Read(CatalogueEntry entry) => Try(() => File.ReadAllBytes(TorrentPath(entry)));

    static T? Try<T>(Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return null; // removed meanwhile, or a fault that the next start will name
        }
    }
}
