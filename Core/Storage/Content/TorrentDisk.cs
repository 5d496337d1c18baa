using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;

namespace TinyTorrent.Storage;

/// <summary>
/// The disk of one torrent: the store for its bytes, the shared verifier for its pieces, and what went wrong. Any thread may call.
/// </summary>
/// <param name="hashed">Told whether a piece matches its hash, from the verifier's thread.</param>
sealed class TorrentDisk(MetainfoFile metainfo, PieceStore store, PieceVerifier verifier, Action<int, bool> hashed) : IDisk, IPieceReader
{
    readonly Lock _gate = new();
    DiskResult _fault;

    /// <summary>The first fault, which ends the torrent; Ok while there is none.</summary>
    public DiskResult Fault { get { lock (_gate) return _fault; } }

    public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers) => Note(store.Write(offset, buffers));

    public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers) => Note(store.Read(offset, buffers));

    public bool TryRead(long offset, Span<byte> into) => Note(store.Read(offset, into));

    public void Verify(int piece) => verifier.Add(this, piece);

    public byte[]? HashBlocks(int piece) => verifier.HashBlocks(this, metainfo.Geometry, piece);

    public PieceToHash ToHash(int piece) => new(this, metainfo.Geometry.OffsetOf(piece), metainfo.Geometry.LengthOf(piece));

    public void OnHashed(int piece, ReadOnlySpan<byte> digest) => hashed(piece, digest.SequenceEqual(metainfo.HashOf(piece)));

    /// <summary>True if there is no fault to note.</summary>
    public bool Note(in DiskResult result)
    {
        if (result.IsOk) return true;
        lock (_gate)
        {
            if (_fault.IsOk) _fault = result;
        }
        return false;
    }
}
