// Which files that exist already may be written by a download. Their names are a stranger's choice, so a name alone decides
// nothing. A file that exists is written to if one of these holds:
//   - the state of this download says that it is as we left it, or that we have made it and nothing shows that somebody has
//     written something else into it since: it is no longer than it should be, no shorter than it was, and has a piece that
//     was whole if there was one
//   - it shows that it is the torrent's: a kilobyte of it lies in pieces that match. Zeros do not count, for every disk
//     image has them; nor do a few bytes at the end of a neighbour's piece
//   - the user said --force
// Otherwise it stays as it is, even if it is empty: an empty authorized_keys is not a stranger's to fill. If nobody asked for
// it, the bytes of its border pieces go to the edge file. If it was asked for, the download ends before anything is written
// anywhere, with one exception: the file has the length it should have, and all its pieces that do not match reach into
// other files, so the fault may well be theirs (a small file beside one that is missing). Its bytes go to the edge file, too,
// and are compared with it at the end.
// Not thread-safe; before the first write.
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class Ownership(MetainfoFile metainfo, PieceStore store, PiecePicker picker)
{
    /// <summary>Bytes, other than zeros, that are no coincidence.</summary>
    const int Proof = 1024;

    const int ChunkSize = 16 * 1024;

    readonly List<int> _setAside = [], _unproven = []; // the latter were asked for
    readonly byte[] _chunk = new byte[ChunkSize];
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
            if (stamps[file].Length == 0 && !Disk.Native.IsRegular(path))
            {
                if (store.Wants(file)) return new(DiskFault.Io, path, "it is not a regular file");
                continue;
            }
            bool ours = (force && store.Wants(file)) || state?.Ours![file] == true || (entry.Length > 0 && made.Holds(file, path) && MayBeLeftByUs(file, stamps[file].Length, state));
            bool hasLength = stamps[file].Length == entry.Length;
            if (ours) store.Adopt(file);
            else if (hasLength && !IsNeeded(file)) continue; // nothing will be written to it
            else if (IsProven(file)) store.Adopt(file);
            else if (!store.Wants(file)) SetAside(file);
            else if (hasLength && !picker.Have.IsEmpty && DependsOnOthers(file))
            {
                SetAside(file);
                _unproven.Add(file);
            }
            else if (obstacle.IsOk) obstacle = Occupied(path, stamps[file].Length);
            else others++;
        }
        return others == 0 ? obstacle : obstacle with { Reason = $"{obstacle.Reason}, and {others:N0} more like it" };
    }

    void SetAside(int file)
    {
        store.SetAside(file);
        _setAside.Add(file);
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

    /// <summary>For the beginning: pieces that match have bytes in files that were set aside, and are read from the edge file from
    /// here on.</summary>
    public DiskResult CopyVerified()
    {
        if (_setAside.Count == 0) return DiskResult.Ok;
        using var inPlace = PieceStore.ForContent(store.Files, store.Place);
        DiskResult result = DiskResult.Ok;
        foreach (int file in _setAside)
        {
            foreach ((long offset, int length) in Verified(file))
            {
                result = inPlace.Read(offset, _chunk.AsSpan(0, length));
                if (result.IsOk) result = store.Write(offset, _chunk.AsSpan(0, length));
                if (!result.IsOk) return result;
            }
        }
        return result;
    }

    /// <summary>For the end of the download, when all bytes are there: the files that could not be told at the start.</summary>
    public DiskResult CompareUnproven()
    {
        if (_unproven.Count == 0) return DiskResult.Ok;
        byte[] right = new byte[ChunkSize];
        using var inPlace = PieceStore.ForContent(store.Files, store.Place);
        foreach (int file in _unproven)
        {
            FileEntry entry = metainfo.Files.Files[file];
            for (long done = 0; done < entry.Length;)
            {
                int count = (int)Math.Min(ChunkSize, entry.Length - done);
                DiskResult read = store.Read(entry.Offset + done, right.AsSpan(0, count));
                if (read.IsOk) read = inPlace.Read(entry.Offset + done, _chunk.AsSpan(0, count));
                if (!read.IsOk) return read;
                if (!right.AsSpan(0, count).SequenceEqual(_chunk.AsSpan(0, count)))
                    return new(DiskFault.Occupied, inPlace.PathOf(file), "a file is there that is not the torrent's; all others are complete");
                done += count;
            }
        }
        return DiskResult.Ok;
    }

    bool IsProven(int file)
    {
        long proof = 0;
        foreach ((long offset, int length) in Verified(file))
        {
            Span<byte> part = _chunk.AsSpan(0, length);
            if (store.Read(offset, part).IsOk && part.ContainsAnyExcept((byte)0)) proof += length;
            if (proof >= Proof) return true;
        }
        return false;
    }

    /// <summary>False if the file, which was made by us, has been filled with something else: `cp` keeps the file and its birth.</summary>
    bool MayBeLeftByUs(int file, long length, ResumeState? state)
    {
        FileEntry entry = metainfo.Files.Files[file];
        if (length > entry.Length) return false;
        if (state is null) return true;
        if (length < state.Lengths![file]) return false;
        // Whole pieces of the file alone: one at its border may be lost through the neighbour.
        long pieceLength = metainfo.Geometry.PieceLength;
        int from = (int)((entry.Offset + pieceLength - 1) / pieceLength), end = (int)((entry.Offset + entry.Length) / pieceLength);
        bool lost = false;
        for (int piece = state.Lost!.NextSet(from); piece >= 0 && piece < end; piece = state.Lost.NextSet(piece + 1))
        {
            if (picker.Have[piece]) return true;
            lost = true;
        }
        return !lost;
    }

    /// <summary>The file's bytes that lie in pieces which match, in chunks; offsets in the content.</summary>
    IEnumerable<(long Offset, int Length)> Verified(int file)
    {
        FileEntry entry = metainfo.Files.Files[file];
        for (long at = entry.Offset, end = entry.Offset + entry.Length; at < end;)
        {
            int piece = (int)(at / metainfo.Geometry.PieceLength);
            long border = Math.Min(end, metainfo.Geometry.OffsetOf(piece) + metainfo.Geometry.LengthOf(piece));
            int length = picker.Have[piece] ? (int)Math.Min(ChunkSize, border - at) : 0;
            if (length > 0) yield return (at, length);
            at = length > 0 ? at + length : border;
        }
    }

    /// <summary>A piece of the file will be fetched.</summary>
    bool IsNeeded(int file)
    {
        if (metainfo.Files.Files[file].Length == 0) return false;
        (int first, int last) = PiecesOf(file);
        int needed = picker.Needed.NextSet(first);
        return needed >= 0 && needed <= last;
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
            if (!shared && !picker.Have[piece]) return false;
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
