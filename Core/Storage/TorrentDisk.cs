using TinyTorrent.Swarm;

namespace TinyTorrent.Storage;

/// <summary>The disk of one torrent: the store for its bytes, the shared verifier for its pieces, and what went wrong. Any thread may call.</summary>
sealed class TorrentDisk(PieceStore store, Action<int> verify) : IDisk
{
    readonly Lock _gate = new();
    DiskResult _fault;

    /// <summary>The first fault, which ends the torrent; Ok while there is none.</summary>
    public DiskResult Fault { get { lock (_gate) return _fault; } }

    public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers) => Note(store.Write(offset, buffers));

    public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers) => Note(store.Read(offset, buffers));

    public void Verify(int piece) => verify(piece);

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
