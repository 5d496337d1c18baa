// Which of a torrent's files were asked for, and where the bytes of the others go. A piece at the border of a wanted file
// can only be verified whole, so it brings bytes of its neighbours along; a neighbour nobody asked for is not created for
// them. They lie in one edge file, which has room for the first and the last piece of every file and no more:
// file 0's head and tail, file 1's head and tail, … (a file of up to two pieces lies there whole). The layout does not
// depend on the selection, so the edge file outlives a change of mind. Immutable.
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class FileSelection
{
    readonly FileMap _files;
    readonly bool[] _wanted;
    readonly long[] _rooms;
    readonly int _edge;

    /// <param name="wanted">For each file of the map whether it was asked for.</param>
    /// <param name="edgePath">The edge file, made with its folder when the first byte needs it; the folder above is the user's.</param>
    public FileSelection(FileMap files, bool[] wanted, int pieceLength, string edgePath)
    {
        if (wanted.Length != files.Files.Count) throw new ArgumentException("one flag for each file", nameof(wanted));
        (_files, _wanted, _edge) = (files, wanted, pieceLength);
        EdgePath = Path.GetFullPath(edgePath);
        _rooms = new long[wanted.Length];
        for (int file = 1; file < wanted.Length; file++) _rooms[file] = _rooms[file - 1] + Room(files.Files[file - 1].Length);
    }

    public string EdgePath { get; }

    /// <summary>The edge file as a path beneath a folder of the user's: links in <see cref="EdgeBeneath"/> are not followed.</summary>
    public string EdgeRoot => Path.GetDirectoryName(Path.GetDirectoryName(EdgePath))!;
    public string EdgeBeneath => Path.GetFileName(Path.GetDirectoryName(EdgePath)) + '/' + Path.GetFileName(EdgePath);

    public bool Wants(int file) => _wanted[file];

    /// <summary>Not every file was asked for.</summary>
    public bool IsPart => Array.IndexOf(_wanted, false) >= 0;

    /// <summary>Has the picker skip every piece that no wanted file touches.</summary>
    public void SkipOthers(Geometry geometry, PiecePicker picker)
    {
        var touched = new Bitfield(geometry.PieceCount);
        for (int i = 0; i < _wanted.Length; i++)
        {
            FileEntry file = _files.Files[i];
            if (!_wanted[i] || file.Length == 0) continue;
            int last = (int)((file.Offset + file.Length - 1) / geometry.PieceLength);
            for (int piece = (int)(file.Offset / geometry.PieceLength); piece <= last; piece++) touched.Set(piece);
        }
        for (int piece = 0; piece < geometry.PieceCount; piece++)
            if (!touched[piece]) picker.SetPriority(piece, PiecePriority.Skip);
    }

    /// <summary>Where a slice of an unwanted file lies in the edge file; -1 if no piece of a wanted file touches it.</summary>
    public long Place(in FileSlice slice)
    {
        long length = _files.Files[slice.File].Length, room = Room(length);
        if (room == length || slice.Offset + slice.Length <= _edge) return _rooms[slice.File] + slice.Offset;
        long fromEnd = length - slice.Offset;
        return fromEnd <= _edge ? _rooms[slice.File] + room - fromEnd : -1;
    }

    long Room(long length) => Math.Min(length, 2L * _edge);
}
