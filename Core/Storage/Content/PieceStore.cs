// A torrent's content on disk: reads and writes name an offset in the content, all files laid end to end; the borders
// between files are this class's business. Positional (no file position is shared) and never memory-mapped: mapped
// payload counts as the process's own memory and gets containers killed.
// Files and their folders appear at the first write to them, are never preallocated (holes stay holes) and are opened
// without following links beneath the root. A file that exists is written to only if it was adopted (FileOpener), and one
// that is longer than the torrent says keeps its tail until the end of the download. Padding files (BEP 47) are never on
// disk; bytes of files nobody asked for go to the selection's edge file. A file that disappears under way is a fault, not
// made again without its verified pieces. Any thread may call anything. Two writers of the same bytes leave either's bytes.
using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Storage;

sealed unsafe class PieceStore : IDisposable
{
    /// <summary>Open files kept. Half of the smallest descriptor limit in use (256 on macOS).</summary>
    public const int DefaultHandleLimit = 128;

    // Stretches handed to one system call. IOV_MAX is 1024; 64 blocks are a megabyte and pin in 2.5 KB of stack.
    const int MaxStretches = 64;

    const string CutByOthers = "another program cut it while it was downloaded";

    readonly ContentPlace _place;
    readonly bool _readOnly;
    readonly FileSelection? _selection;
    readonly Disk _disk;
    readonly FileOpener _opener;
    readonly HandleCache _handles;
    readonly bool[] _aside; // this file's bytes are in the edge file
    readonly bool[] _hasTail; // this file was longer than the torrent says when the store was opened
    readonly long[] _reached; // how long this file was at least, found or made by us

    /// <summary>A store to download into. A link beneath the root is refused: the names in a torrent are a stranger's.</summary>
    /// <param name="root">The output folder: every path of <paramref name="files"/> is beneath it. Made when needed.</param>
    /// <param name="selection">Null: every file was asked for. One that was not, but exists in its full length, is read where it is.</param>
    /// <param name="disk">Which file calls to use; the fastest there are if null.</param>
    public PieceStore(FileMap files, string root, FileSelection? selection = null, int handleLimit = DefaultHandleLimit, Disk? disk = null)
        : this(files, new ContentPlace(Path.GetFullPath(root), null), readOnly: false, selection, handleLimit, disk) { }

    PieceStore(FileMap files, ContentPlace place, bool readOnly, FileSelection? selection, int handleLimit, Disk? disk)
    {
        Files = files = place.Locate(files);
        _place = place;
        _readOnly = readOnly;
        _selection = selection;
        _disk = disk ?? Disk.Native;
        _handles = new HandleCache(handleLimit);
        _opener = new FileOpener(files, place, selection, _disk);
        _reached = new long[files.Files.Count + 1];
        _aside = new bool[files.Files.Count];
        _hasTail = new bool[files.Files.Count];
        for (int file = 0; selection is not null && file < _aside.Length; file++)
            _aside[file] = !selection.Wants(file) && FileStamp.Of(place.PathOf(files.Files[file])).Length != files.Files[file].Length;
        for (int file = 0; !readOnly && file < _aside.Length; file++)
        {
            if (files.Files[file].IsPadding || _aside[file]) continue;
            _opener.Recall(file);
            long length = FileStamp.Of(PathOf(file)).Length;
            _hasTail[file] = length > files.Files[file].Length;
            _reached[file] = Math.Clamp(length, 0, files.Files[file].Length);
        }
    }

    /// <summary>A store over the user's own content, to seed or verify: nothing is made or written, links are followed.</summary>
    /// <param name="path">The content itself, whatever its name, or the folder that holds it.</param>
    public static PieceStore ForContent(FileMap files, string path, int handleLimit = DefaultHandleLimit, Disk? disk = null) =>
        new(files, ContentPlace.Find(files, path), readOnly: true, selection: null, handleLimit, disk);

    /// <summary>The same, where it is known which of the two it is.</summary>
    public static PieceStore ForContent(FileMap files, ContentPlace place) =>
        new(files, place, readOnly: true, selection: null, DefaultHandleLimit, disk: null);

    public FileMap Files { get; }

    /// <summary>Where each file that is made is noted before its first byte.</summary>
    public MadeFiles Made { init => _opener.Made = value; }

    /// <summary>Files open, for tests.</summary>
    internal int OpenFiles => _handles.Count;

    int EdgeFile => Files.Files.Count;

    /// <summary>Where the files are, or would be.</summary>
    public ContentPlace Place => _place;

    /// <summary>Where the file is, or would be, on disk. A padding file's path names nothing.</summary>
    public string PathOf(int file) => file == EdgeFile || _aside[file] ? _selection!.EdgePath : _place.PathOf(Files.Files[file]);

    /// <summary>True if the file was asked for.</summary>
    public bool Wants(int file) => _selection?.Wants(file) != false;

    /// <summary>True if the file's bytes are in the selection's edge file.</summary>
    public bool IsAside(int file) => _aside[file];

    /// <summary>What had the file's name when the store was opened may be written to, and is cut at the end. Before the first write.</summary>
    public void Adopt(int file) => _opener.Adopt(file);

    /// <summary>The file stays as it is: its bytes go to the edge file, which has room for two pieces of it. Before the first
    /// write; with a selection only.</summary>
    public void SetAside(int file) => _aside[file] = true;

    /// <summary>Fills <paramref name="into"/> from the content. <see cref="DiskFault.Missing"/> if any of it lies beyond its
    /// file's end; what was never written before the end reads as zeros.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the content.</exception>
    public DiskResult Read(long offset, Span<byte> into)
    {
        fixed (byte* at = into)
        {
            var stretch = new Stretch(at, into.Length);
            return Transfer(offset, new Span<Stretch>(ref stretch), into.Length, writing: false);
        }
    }

    /// <summary>Fills the buffers one after the other: one system call for up to 64 of them that lie in the same file.</summary>
    public DiskResult Read(long offset, ReadOnlySpan<Memory<byte>> into) =>
        TransferPinned(
            offset,
            // The two structs differ in name only; the BCL's own MemoryMarshal.AsMemory relies on it.
            MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<Memory<byte>, ReadOnlyMemory<byte>>(ref MemoryMarshal.GetReference(into)), into.Length),
            writing: false);

    /// <exception cref="ArgumentOutOfRangeException">The range is not within the content.</exception>
    public DiskResult Write(long offset, ReadOnlySpan<byte> from)
    {
        fixed (byte* at = from)
        {
            var stretch = new Stretch(at, from.Length);
            return Transfer(offset, new Span<Stretch>(ref stretch), from.Length, writing: true);
        }
    }

    /// <summary>Writes the buffers one after the other: one system call for up to 64 of them that lie in the same file.</summary>
    public DiskResult Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> from) => TransferPinned(offset, from, writing: true);

    /// <summary>Returns when all writes that had returned before the call would survive a power cut.</summary>
    public DiskResult Flush()
    {
        if (_opener.Sync() is { IsOk: false } fault) return fault;
        int[] written = _handles.TakeWritten();
        for (int i = 0; i < written.Length; i++)
        {
            // Syncing through a new handle covers what was written through one closed since.
            DiskResult result = Rent(written[i], writing: true, out HandleCache.Entry? entry);
            if (result.IsOk)
            {
                result = Named(_disk.Sync(entry!.Handle), written[i]);
                _handles.Return(entry, written: false);
            }
            if (!result.IsOk)
            {
                _handles.KeepWritten(written.AsSpan(i));
                return result;
            }
        }
        return DiskResult.Ok;
    }

    /// <summary>Makes the files that no write will ever make, where there are none.</summary>
    public DiskResult CreateEmptyFiles()
    {
        for (int file = 0; file < Files.Files.Count; file++)
        {
            if (Files.Files[file] is not { Length: 0, IsPadding: false } || _aside[file] || _opener.IsOurs(file)) continue;
            if (FileStamp.Of(PathOf(file)).Length == 0) continue;
            DiskResult result = Rent(file, writing: true, out HandleCache.Entry? entry);
            if (!result.IsOk) return result;
            _handles.Return(entry!, written: true);
        }
        return DiskResult.Ok;
    }

    /// <summary>Cuts files of ours that were longer than the torrent says at the start. For the end of a download; files nobody
    /// asked for are left alone. What has been written behind the end since is somebody's, and a fault.</summary>
    public DiskResult CutLongFiles()
    {
        for (int file = 0; file < Files.Files.Count; file++)
        {
            if (Files.Files[file].IsPadding || !_opener.IsOurs(file) || _aside[file] || !Wants(file)) continue;
            if (FileStamp.Of(PathOf(file)).Length <= Files.Files[file].Length) continue;
            DiskResult result = Rent(file, writing: true, out HandleCache.Entry? entry);
            if (!result.IsOk) return result;
            result = _hasTail[file] ? CutToLength(entry!.Handle, Files.Files[file].Length) : new(DiskFault.Io, null, "another program made it longer while it was downloaded");
            _handles.Return(entry!, written: true);
            if (!result.IsOk) return Named(result, file);
        }
        return DiskResult.Ok;
    }

    /// <summary>For the end of a download: <see cref="CutLongFiles"/>, and <see cref="Look"/> whether all is there.</summary>
    public DiskResult Finish()
    {
        DiskResult result = CutLongFiles();
        return result.IsOk ? Look(out _) : result;
    }

    /// <summary>Looks at every file as it is by now; where a file's bytes lie in the edge file, at that.</summary>
    public FileStamp[] Stamps()
    {
        var stamps = new FileStamp[Files.Files.Count];
        FileStamp edge = _selection is null ? FileStamp.Absent : FileStamp.Of(_selection.EdgePath);
        for (int file = 0; file < stamps.Length; file++)
        {
            if (Files.Files[file].IsPadding) stamps[file] = FileStamp.Absent;
            else stamps[file] = _aside[file] ? edge : FileStamp.Of(PathOf(file));
        }
        return stamps;
    }

    /// <summary><see cref="Stamps"/>, and <see cref="DiskFault.Missing"/> if a file is shorter than it was or gone: what was
    /// verified in it is lost.</summary>
    public DiskResult Look(out FileStamp[] stamps)
    {
        long[] reached = [.. _reached]; // before the look: files grow meanwhile
        Thread.MemoryBarrier();
        stamps = Stamps();
        for (int file = 0; file < stamps.Length; file++)
        {
            if (Files.Files[file].IsPadding || Math.Max(0, stamps[file].Length) >= reached[_aside[file] ? EdgeFile : file]) continue;
            return new(DiskFault.Missing, PathOf(file), stamps[file] == FileStamp.Absent ? "it disappeared while it was downloaded" : CutByOthers);
        }
        return DiskResult.Ok;
    }

    /// <summary>Closes the files. A call that is under way ends well; later ones are a fault.</summary>
    public void Dispose() => _handles.Dispose();

    DiskResult TransferPinned(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers, bool writing)
    {
        Span<Stretch> stretches = stackalloc Stretch[MaxStretches];
        while (!buffers.IsEmpty)
        {
            Pins pins = default;
            int used = 0;
            long length = 0;
            try
            {
                for (; !buffers.IsEmpty && used < MaxStretches; buffers = buffers[1..])
                {
                    if (buffers[0].IsEmpty) continue;
                    pins[used] = buffers[0].Pin();
                    stretches[used++] = new Stretch((byte*)pins[used - 1].Pointer, buffers[0].Length);
                    length += buffers[0].Length;
                }
                DiskResult result = Transfer(offset, stretches[..used], length, writing);
                if (!result.IsOk) return result;
                offset += length;
            }
            finally
            {
                while (used > 0) pins[--used].Dispose();
            }
        }
        return DiskResult.Ok;
    }

    DiskResult Transfer(long offset, Span<Stretch> stretches, long length, bool writing)
    {
        foreach (FileSlice slice in Files.Slices(offset, length))
        {
            // Cut the stretches at the file's border, and give the rest of the one that was cut to the next file.
            int last = 0;
            nint left = (nint)slice.Length;
            while (left > stretches[last].Length) left -= stretches[last++].Length;
            Stretch rest = stretches[last].From(left);
            stretches[last] = stretches[last].Upto(left);

            DiskResult result = TransferSlice(slice, stretches[..(last + 1)], writing);
            if (!result.IsOk) return result;
            stretches[last] = rest;
            stretches = stretches[(rest.Length == 0 ? last + 1 : last)..];
        }
        return DiskResult.Ok;
    }

    DiskResult TransferSlice(in FileSlice slice, Span<Stretch> stretches, bool writing)
    {
        if (Files.Files[slice.File].IsPadding)
        {
            if (!writing) foreach (Stretch stretch in stretches) stretch.Clear();
            return DiskResult.Ok;
        }

        int file = _aside[slice.File] ? EdgeFile : slice.File;
        long offset = file == EdgeFile ? _selection!.Place(slice) : slice.Offset;
        if (offset < 0) return new(DiskFault.Missing, _place.PathOf(Files.Files[slice.File]), "the file is not among those asked for");

        DiskResult result = Rent(file, writing, out HandleCache.Entry? entry);
        if (!result.IsOk) return result;
        if (!writing) result = _disk.Read(entry!.Handle, stretches, offset);
        else
        {
            // Once a file that was cut is written to again, it has its length back and zeros in place of what was verified.
            result = WasCut(entry!.Handle, file) ? new(DiskFault.Missing, null, CutByOthers) : _disk.Write(entry.Handle, stretches, offset);
            if (result.IsOk) Reach(file, offset + slice.Length);
        }
        _handles.Return(entry, written: writing);
        return Named(result, file);
    }

    DiskResult Rent(int file, bool writing, out HandleCache.Entry? entry)
    {
        if (_handles.TryRent(file, writing, out entry)) return DiskResult.Ok;
        if (writing && _readOnly) return new(DiskFault.ReadOnly, PathOf(file), "the content is open for reading only");

        DiskResult result = writing ? _opener.OpenToWrite(file, out SafeFileHandle? handle) : _opener.OpenToRead(file, followLinks: _readOnly, out handle);
        if (!result.IsOk)
        {
            handle?.Dispose();
            return Named(result, file);
        }
        entry = _handles.Add(file, handle!, writing);
        return entry is null ? new(DiskFault.Io, PathOf(file), "the store is closed") : DiskResult.Ok;
    }

    static DiskResult CutToLength(SafeFileHandle handle, long length)
    {
        try
        {
            if (RandomAccess.GetLength(handle) > length) RandomAccess.SetLength(handle, length);
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e);
        }
    }

    bool WasCut(SafeFileHandle handle, int file)
    {
        long reached = Volatile.Read(ref _reached[file]); // before the look: the file grows first
        return RandomAccess.GetLength(handle) < reached;
    }

    void Reach(int file, long end)
    {
        for (long before = Volatile.Read(ref _reached[file]); before < end;)
        {
            long seen = Interlocked.CompareExchange(ref _reached[file], end, before);
            if (seen == before) return;
            before = seen;
        }
    }

    DiskResult Named(DiskResult result, int file) => result.IsOk || result.Path is not null ? result : result with { Path = PathOf(file) };

    [InlineArray(MaxStretches)]
    struct Pins
    {
        MemoryHandle _first;
    }
}
