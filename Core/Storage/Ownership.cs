// Which files that exist already may be written by a download. Their names are a stranger's choice, so a name alone decides
// nothing. A file that exists is written to if one of these holds:
//   - the state of this download says that it is as we left it, or that we have made it
//   - it shows that it is the torrent's: a kilobyte of it lies in pieces that match. Zeros do not count, for every disk
//     image has them; nor do a few bytes at the end of a neighbour's piece
//   - it is empty, so there is nothing to lose
//   - the user said --force
// Otherwise it stays as it is. One that nobody asked for lends its bytes to nothing: those of its border pieces go to the
// edge file. One that was asked for ends the download before anything is written anywhere, with one exception: the file has
// the length it should have, and all its pieces that do not match reach into other files, so the fault may well be theirs
// (a small file beside one that is missing). Its bytes go to the edge file, too, and are compared with it at the end.
// Not thread-safe; before the first write.
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class Ownership(MetainfoFile metainfo, PieceStore store, Bitfield have)
{
    /// <summary>Bytes, other than zeros, that are no coincidence.</summary>
    const int Proof = 1024;

    const int ChunkSize = 16 * 1024;

    readonly List<int> _unproven = [];
    readonly HashSet<string> _passable = []; // folders that are folders, or can be made

    /// <summary>Decides for every file.</summary>
    /// <param name="state">What the resume file says; null if there is none.</param>
    /// <param name="force">The user wants what is there to be overwritten.</param>
    /// <returns><see cref="DiskFault.Occupied"/>: something else is in the way, and nothing may be written.</returns>
    public DiskResult Settle(ResumeState? state, MadeFiles made, bool force)
    {
        FileStamp[] stamps = store.Stamps();
        DiskResult obstacle = DiskResult.Ok;
        int others = 0;
        for (int file = 0; file < stamps.Length; file++)
        {
            FileEntry entry = metainfo.Files.Files[file];
            if (entry.IsPadding || store.IsAside(file)) continue;
            string path = store.PathOf(file);
            if (store.Wants(file) && WayTo(path) is { IsOk: false } blocked) return blocked;
            if (stamps[file] == FileStamp.Absent) continue;
            bool ours = force || stamps[file].Length == 0 || state?.Unchanged![file] == true || (entry.Length > 0 && made.Holds(file, path));
            if (!store.Wants(file))
            {
                if (!ours && !IsProven(file)) store.SetAside(file);
                else store.Adopt(file);
                continue;
            }
            if (ours || IsProven(file)) store.Adopt(file);
            else if (stamps[file].Length == entry.Length && IsWhole(file)) continue; // nothing will be written to it
            else if (stamps[file].Length == entry.Length && !have.IsEmpty && DependsOnOthers(file))
            {
                store.SetAside(file);
                _unproven.Add(file);
            }
            else if (obstacle.IsOk) obstacle = Occupied(path, stamps[file].Length);
            else others++;
        }
        return others == 0 ? obstacle : obstacle with { Reason = $"{obstacle.Reason}, and so {(others == 1 ? "does another file" : $"do {others} more files")}" };
    }

    static DiskResult Occupied(string path, long length) => new(
        DiskFault.Occupied, path, $"a file of {length:N0} bytes is there that has no piece of the torrent");

    /// <summary>A fault if a link or a folder has the file's name, or a link or a file that of a folder above it.</summary>
    DiskResult WayTo(string path)
    {
        for (string? folder = Path.GetDirectoryName(path); folder is not null && folder.Length > store.Place.Root.Length && _passable.Add(folder);)
        {
            if (Disk.IsLink(folder)) return new(DiskFault.Permission, folder, DiskResult.LinkRefused);
            if (File.Exists(folder)) return new(DiskFault.Io, folder, "a file is there, where the torrent has a folder");
            folder = Path.GetDirectoryName(folder);
        }
        if (Disk.IsLink(path)) return new(DiskFault.Permission, path, DiskResult.LinkRefused);
        return Directory.Exists(path) ? new(DiskFault.Io, path, "a folder is there, where the torrent has a file") : DiskResult.Ok;
    }

    /// <summary>For the end of the download, when all bytes are there: the files that could not be told at the start.</summary>
    public DiskResult CompareUnproven()
    {
        if (_unproven.Count == 0) return DiskResult.Ok;
        byte[] right = new byte[ChunkSize], found = new byte[ChunkSize];
        using var inPlace = PieceStore.ForContent(store.Files, store.Place);
        foreach (int file in _unproven)
        {
            FileEntry entry = metainfo.Files.Files[file];
            for (long done = 0; done < entry.Length;)
            {
                int count = (int)Math.Min(ChunkSize, entry.Length - done);
                DiskResult read = store.Read(entry.Offset + done, right.AsSpan(0, count));
                if (read.IsOk) read = inPlace.Read(entry.Offset + done, found.AsSpan(0, count));
                if (!read.IsOk) return read;
                if (!right.AsSpan(0, count).SequenceEqual(found.AsSpan(0, count)))
                    return new(DiskFault.Occupied, inPlace.PathOf(file), "a file is there that is not the torrent's; all others are complete");
                done += count;
            }
        }
        return DiskResult.Ok;
    }

    bool IsProven(int file)
    {
        byte[] chunk = new byte[ChunkSize];
        FileEntry entry = metainfo.Files.Files[file];
        long proof = 0;
        for (long at = entry.Offset, end = entry.Offset + entry.Length; at < end && proof < Proof;)
        {
            int piece = (int)(at / metainfo.Geometry.PieceLength);
            long border = Math.Min(end, metainfo.Geometry.OffsetOf(piece) + metainfo.Geometry.LengthOf(piece));
            if (!have[piece])
            {
                at = border;
                continue;
            }
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(ChunkSize, border - at));
            if (store.Read(at, part).IsOk && part.ContainsAnyExcept((byte)0)) proof += part.Length;
            at += part.Length;
        }
        return proof >= Proof;
    }

    bool IsWhole(int file)
    {
        (int first, int last) = PiecesOf(file);
        for (int piece = first; piece <= last; piece++)
            if (!have[piece]) return false;
        return metainfo.Files.Files[file].Length > 0;
    }

    /// <summary>No piece that does not match lies in this file alone, and the edge file has room for it.</summary>
    bool DependsOnOthers(int file)
    {
        FileEntry entry = metainfo.Files.Files[file];
        (int first, int last) = PiecesOf(file);
        if (entry.Length == 0 || last - first > 1) return false;
        for (int piece = first; piece <= last; piece++)
        {
            bool shared = false;
            foreach (FileSlice slice in metainfo.Files.Slices(metainfo.Geometry.OffsetOf(piece), metainfo.Geometry.LengthOf(piece)))
                shared |= slice.File != file && !metainfo.Files.Files[slice.File].IsPadding;
            if (!shared && !have[piece]) return false;
        }
        return true;
    }

    (int First, int Last) PiecesOf(int file)
    {
        FileEntry entry = metainfo.Files.Files[file];
        int length = metainfo.Geometry.PieceLength;
        return ((int)(entry.Offset / length), (int)((entry.Offset + Math.Max(entry.Length, 1) - 1) / length));
    }
}
