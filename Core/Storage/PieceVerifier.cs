// Hashes downloaded pieces on a thread of its own, for all torrents. Pieces that wait are taken together, for hashing
// several side by side costs little more than one. A set that is not full waits a moment for more: at full speed that
// fills it, at low speed nobody notices.
using TinyTorrent.Hashing;

namespace TinyTorrent.Storage;

sealed class PieceVerifier : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    readonly record struct Waiting(TorrentDisk Disk, int Piece);

    readonly object _gate = new();
    readonly Queue<Waiting> _waiting = new();
    readonly Thread _thread;
    bool _disposed;

    public PieceVerifier()
    {
        _thread = new Thread(Work) { Name = "verify", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The answer goes to <see cref="TorrentDisk.OnHashed"/>.</summary>
    public void Add(TorrentDisk disk, int piece)
    {
        lock (_gate)
        {
            _waiting.Enqueue(new Waiting(disk, piece));
            if (_waiting.Count is 1 || _waiting.Count == SideBySide.Width) Monitor.Pulse(_gate);
        }
    }

    void Work()
    {
        var hasher = new PieceHasher();
        var batch = new Waiting[SideBySide.Width];
        var pieces = new PieceToHash[batch.Length];
        Span<byte> digests = new byte[batch.Length * Sha1.Size];
        Span<bool> wasRead = new bool[batch.Length];
        for (int count; (count = Take(batch)) > 0;)
        {
            for (int i = 0; i < count; i++) pieces[i] = batch[i].Disk.ToHash(batch[i].Piece);
            hasher.Hash(pieces.AsSpan(0, count), digests, wasRead);
            for (int i = 0; i < count; i++)
                if (wasRead[i]) batch[i].Disk.OnHashed(batch[i].Piece, digests.Slice(i * Sha1.Size, Sha1.Size));
        }
    }

    /// <summary>Waits for pieces and takes a set of them; 0 when disposed.</summary>
    int Take(Span<Waiting> batch)
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_disposed) Monitor.Wait(_gate);
            if (_waiting.Count < batch.Length && !_disposed) Monitor.Wait(_gate, s_patience);
            if (_disposed) return 0;
            int count = Math.Min(batch.Length, _waiting.Count);
            for (int i = 0; i < count; i++) batch[i] = _waiting.Dequeue();
            return count;
        }
    }

    /// <summary>Finishes the set under way; what waits stays unverified on disk.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }
        _thread.Join();
    }
}
