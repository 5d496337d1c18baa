// A torrent's files laid end to end: where each lies in the content, and which files a range of the content touches.
namespace TinyTorrent.Metainfo;

/// <param name="Path">Below the output folder, components joined by '/', every one of them a safe file name.</param>
/// <param name="Offset">Where the file starts in the content.</param>
/// <param name="IsPadding">Zeros that only align the next file (BEP 47): part of the pieces, never created on disk.</param>
/// <param name="OriginalPath">The path as the torrent gives it, of as many components, where <paramref name="Path"/> is another:
/// content that is there already may lie under it. Never made.</param>
readonly record struct FileEntry(string Path, long Offset, long Length, bool IsPadding, string? OriginalPath = null);

/// <summary>The part of a range that lies in one file.</summary>
/// <param name="File">Index into <see cref="FileMap.Files"/>.</param>
/// <param name="Offset">Where it starts in that file.</param>
/// <param name="Length">Bytes, at least 1.</param>
readonly record struct FileSlice(int File, long Offset, long Length);

/// <summary>Immutable; any thread may call.</summary>
sealed class FileMap
{
    readonly FileEntry[] _files;

    /// <param name="files">In content order: each starts where the one before ends, the first at 0.</param>
    public FileMap(FileEntry[] files)
    {
        _files = files;
        foreach (FileEntry file in files)
        {
            if (file.Offset != TotalLength || file.Length < 0) throw new ArgumentException("files must lie end to end", nameof(files));
            TotalLength = checked(TotalLength + file.Length);
            HasOriginalPaths |= file.OriginalPath is not null;
        }
    }

    public IReadOnlyList<FileEntry> Files => _files;

    /// <summary>True if some files may lie under another path than <see cref="FileEntry.Path"/>.</summary>
    public bool HasOriginalPaths { get; }

    /// <summary>Bytes in all files together.</summary>
    public long TotalLength { get; }

    /// <summary>The index of the file that holds the byte at <paramref name="offset"/>, 0 to <see cref="TotalLength"/> - 1.</summary>
    public int FileAt(long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(offset, TotalLength);
        int low = 0, high = _files.Length;
        while (high - low > 1)
        {
            int middle = (low + high) >>> 1;
            if (_files[middle].Offset <= offset) low = middle;
            else high = middle;
        }
        return low; // the last one that starts there: empty files before it hold no byte
    }

    /// <summary>The files a range touches, in order and without the empty ones: <c>foreach (FileSlice slice in map.Slices(…))</c>.</summary>
    public Walk Slices(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, TotalLength - offset);
        return new Walk(_files, length == 0 ? 0 : FileAt(offset), offset, length);
    }

    /// <summary>Enumerates slices without allocating.</summary>
    public struct Walk
    {
        readonly FileEntry[] _files;
        int _file;
        long _offset, _left;

        internal Walk(FileEntry[] files, int file, long offset, long length)
        {
            (_files, _file, _offset, _left) = (files, file, offset, length);
        }

        public FileSlice Current { get; private set; }

        public readonly Walk GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_left == 0) return false;
            while (_files[_file].Length == 0) _file++;
            ref readonly FileEntry file = ref _files[_file];
            long within = _offset - file.Offset;
            long length = Math.Min(_left, file.Length - within);
            Current = new FileSlice(_file++, within, length);
            _offset += length;
            _left -= length;
            return true;
        }
    }
}
