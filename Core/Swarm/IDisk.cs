namespace TinyTorrent.Swarm;

/// <summary>
/// A torrent's content as the swarm sees it: one stretch of bytes. Called without the torrent's lock, from any thread.
/// What went wrong is kept by the implementation for whoever runs the torrent; here it only matters that it did.
/// </summary>
interface IDisk
{
    /// <summary>Writes the buffers one after the other from <paramref name="offset"/> on.</summary>
    bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers);

    /// <summary>Fills the buffers one after the other from <paramref name="offset"/> on.</summary>
    bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers);

    /// <summary>Has a piece hashed whose blocks are all written; the answer is <see cref="Torrent.OnPieceHashed"/>. Does not block.</summary>
    void Verify(int piece);

    /// <summary>SHA-1 of each block of the piece, one after the other; null if it cannot be read. Called only by what
    /// <see cref="Verify"/> leads to, on the same thread.</summary>
    byte[]? HashBlocks(int piece);
}
