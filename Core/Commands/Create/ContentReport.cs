// What a check of some content found, file by file. A file is judged by the pieces that touch it and by its length: the
// pieces of a torrent do not notice bytes behind a file's end.
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

enum PieceState : byte
{
    /// <summary>A file it touches is absent or too short.</summary>
    Missing,
    Damaged,
    Whole,
}

enum FileState
{
    Whole,
    Missing,
    TooShort,
    TooLong,
    Damaged,
    /// <summary>Only pieces shared with a missing file stand against it.</summary>
    Unknown,
}

/// <param name="File">Index into the torrent's files.</param>
/// <param name="Pieces">Pieces that touch the file.</param>
/// <param name="Bad">Those that are not whole, as ranges with both ends.</param>
readonly record struct FileReport(int File, FileState State, int Pieces, IReadOnlyList<(int First, int Last)> Bad)
{
    public string StateName => State switch
    {
        FileState.TooShort => "too short",
        FileState.TooLong => "too long",
        _ => State.ToString().ToLowerInvariant(),
    };
}

sealed class ContentReport
{
    /// <param name="lengths">Of each file on disk; -1 for one that is not there.</param>
    public ContentReport(FileMap files, Geometry geometry, PieceState[] pieces, long[] lengths)
    {
        for (int piece = 0; piece < pieces.Length; piece++)
        {
            if (pieces[piece] != PieceState.Missing) ReadBytes += geometry.LengthOf(piece);
            if (pieces[piece] != PieceState.Whole) continue;
            WholePieces++;
            WholeBytes += geometry.LengthOf(piece);
        }
        for (int file = 0; file < files.Files.Count; file++)
        {
            if (!files.Files[file].IsPadding) Files.Add(Judge(file, files.Files[file], geometry, pieces, lengths[file]));
        }
    }

    /// <summary>Every file but padding, in the torrent's order.</summary>
    public List<FileReport> Files { get; } = [];

    public int WholePieces { get; }
    public long WholeBytes { get; }

    /// <summary>Of the pieces that could be hashed, whole or not.</summary>
    public long ReadBytes { get; }

    public bool IsWhole => Files.TrueForAll(file => file.State == FileState.Whole);

    static FileReport Judge(int index, in FileEntry file, Geometry geometry, PieceState[] pieces, long length)
    {
        int first = (int)(file.Offset / geometry.PieceLength);
        int end = file.Length == 0 ? first : (int)((file.Offset + file.Length - 1) / geometry.PieceLength) + 1;
        bool isDamaged = false;
        List<(int First, int Last)> bad = [];
        for (int piece = first; piece < end; piece++)
        {
            if (pieces[piece] == PieceState.Whole) continue;
            isDamaged |= pieces[piece] == PieceState.Damaged;
            if (bad.Count > 0 && bad[^1].Last == piece - 1) bad[^1] = (bad[^1].First, piece);
            else bad.Add((piece, piece));
        }
        FileState state = length < 0 ? FileState.Missing
            : length < file.Length ? FileState.TooShort
            : isDamaged ? FileState.Damaged
            : bad.Count > 0 ? FileState.Unknown
            : length > file.Length ? FileState.TooLong
            : FileState.Whole;
        return new FileReport(index, state, end - first, bad);
    }
}
