// Hashes downloaded pieces on a thread of its own, for all torrents. Pieces that wait are taken together, for hashing
// several side by side costs little more than one. A set that is not full waits a moment for more: at full speed that
// fills it, at low speed nobody notices.
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class PieceVerifier : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    readonly record struct Waiting(TorrentDisk Disk, int Piece);

    readonly object _gate = new();
    readonly Queue<Waiting> _waiting = new();
    readonly Thread _thread;
    readonly PieceHasher _hasher = new(); // the thread's
    readonly Waiting[] _batch = new Waiting[SideBySide.Width]; // what is being hashed; empty places between two sets
    bool _disposed;
    Exception? _fault;

    public PieceVerifier()
    {
        _thread = new Thread(Work) { Name = "verify", IsBackground = true };
        _thread.Start();
    }

    /// <summary>A fault of ours: nothing is hashed any more. Null while there is none.</summary>
    public Exception? Fault { get { lock (_gate) return _fault; } }

    /// <summary>The answer goes to <see cref="TorrentDisk.OnHashed"/>.</summary>
    public void Add(TorrentDisk disk, int piece)
    {
        lock (_gate)
        {
            _waiting.Enqueue(new Waiting(disk, piece));
            if (_waiting.Count is 1 || _waiting.Count == SideBySide.Width) Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Drops what waits of a disk, and returns when nothing of it is being hashed.</summary>
    public void Forget(TorrentDisk disk)
    {
        lock (_gate)
        {
            for (int i = _waiting.Count; i > 0; i--)
            {
                Waiting waiting = _waiting.Dequeue();
                if (waiting.Disk != disk) _waiting.Enqueue(waiting);
            }
            while (Array.Exists(_batch, hashed => hashed.Disk == disk)) Monitor.Wait(_gate);
        }
    }

    void Work()
    {
        try
        {
            HashSets();
        }
        catch (Exception e) // the engine ends with it, instead of the process without its state saved
        {
            lock (_gate) _fault = e;
        }
        finally
        {
            EndSet();
        }
    }

    void HashSets()
    {
        var pieces = new PieceToHash[_batch.Length];
        Span<byte> digests = new byte[_batch.Length * Sha1.Size];
        Span<bool> wasRead = new bool[_batch.Length];
        for (int count; (count = Take()) > 0; EndSet())
        {
            for (int i = 0; i < count; i++) pieces[i] = _batch[i].Disk.ToHash(_batch[i].Piece);
            _hasher.Hash(pieces.AsSpan(0, count), digests, wasRead);
            for (int i = 0; i < count; i++)
                if (wasRead[i]) _batch[i].Disk.OnHashed(_batch[i].Piece, digests.Slice(i * Sha1.Size, Sha1.Size));
        }
    }

    /// <summary>SHA-1 of each block of a piece, one after the other; null if it cannot be read. Only within
    /// <see cref="TorrentDisk.OnHashed"/>, where the hasher has nothing else to do.</summary>
    public byte[]? HashBlocks(TorrentDisk disk, Geometry geometry, int piece)
    {
        var blocks = new PieceToHash[geometry.BlocksIn(piece)];
        for (int i = 0; i < blocks.Length; i++)
        {
            BlockRef block = geometry.Block(piece, i);
            blocks[i] = new PieceToHash(disk, geometry.OffsetOf(piece) + block.Begin, block.Length);
        }
        var hashes = new byte[blocks.Length * Sha1.Size];
        var wasRead = new bool[blocks.Length];
        _hasher.Hash(blocks, hashes, wasRead);
        return Array.TrueForAll(wasRead, read => read) ? hashes : null;
    }

    /// <summary>Waits for pieces and takes a set of them; 0 when disposed.</summary>
    int Take()
    {
        lock (_gate)
        {
            do
            {
                while (_waiting.Count == 0 && !_disposed) Monitor.Wait(_gate);
                if (_waiting.Count < _batch.Length && !_disposed) Monitor.Wait(_gate, s_patience);
                if (_disposed) return 0;
            }
            while (_waiting.Count == 0); // what waited was dropped
            int count = Math.Min(_batch.Length, _waiting.Count);
            for (int i = 0; i < count; i++) _batch[i] = _waiting.Dequeue();
            return count;
        }
    }

    void EndSet()
    {
        lock (_gate)
        {
            Array.Clear(_batch);
            Monitor.PulseAll(_gate);
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
