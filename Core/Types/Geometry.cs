// How a torrent is cut: content -> pieces (hashed) -> blocks (the unit on the wire). All arithmetic about it is here.
namespace TinyTorrent.Types;

/// <summary>A range of one piece as it is named on the wire (BEP 3). Raw until <see cref="Geometry.Contains"/> has said yes.</summary>
readonly record struct BlockRef(int Piece, int Begin, int Length)
{
    /// <summary>Seeded at random by the framework: a stranger can't choose blocks that fall into one bucket.</summary>
    public override int GetHashCode() => HashCode.Combine(Piece, Begin, Length);
}

/// <summary>The shape of a torrent's content.</summary>
/// <param name="TotalLength">Bytes in all files together, 0 or more.</param>
/// <param name="PieceLength">Bytes in every piece but the last; 1 to 512 MiB.</param>
readonly record struct Geometry(long TotalLength, int PieceLength)
{
    /// <summary>Bytes in a block: what clients request at a time. The last block of a piece may be shorter.</summary>
    public const int BlockLength = 16 * 1024;

    public const int MaxPieceLength = 512 * 1024 * 1024;

    /// <summary>More pieces than this are refused (their hashes alone make a .torrent of 42 MB; one from the network, of 10 MB, has 500,000 at most).</summary>
    public const int MaxPieceCount = 0x200000;

    public int PieceCount => (int)((TotalLength + PieceLength - 1) / PieceLength);

    public int LengthOf(int piece) => (int)Math.Min(PieceLength, TotalLength - OffsetOf(piece));

    /// <summary>Bytes in these pieces together.</summary>
    public long BytesOf(Bitfield pieces)
    {
        long bytes = (long)pieces.Count * PieceLength;
        int last = PieceCount - 1;
        return last >= 0 && pieces[last] ? bytes - PieceLength + LengthOf(last) : bytes;
    }

    /// <summary>Where the piece starts in the content, all files laid end to end.</summary>
    public long OffsetOf(int piece) => (long)piece * PieceLength;

    public int BlocksIn(int piece) => (LengthOf(piece) + BlockLength - 1) / BlockLength;

    public BlockRef Block(int piece, int block)
    {
        int begin = block * BlockLength;
        return new BlockRef(piece, begin, Math.Min(BlockLength, LengthOf(piece) - begin));
    }

    /// <summary>True if a peer may name this range. Written so that no untrusted sum can overflow.</summary>
    public bool Contains(in BlockRef b) =>
        (uint)b.Piece < (uint)PieceCount && b.Begin >= 0 && b.Length > 0 && b.Begin <= LengthOf(b.Piece) - b.Length;

    /// <summary>True if the range may also be asked for at once: a client that asks for more than 16 KiB speaks another protocol.</summary>
    public bool ContainsBlock(in BlockRef b) => b.Length <= BlockLength && Contains(b);
}
