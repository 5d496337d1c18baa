// The large buffers of all connections: receives and sends of up to 256 KiB while few are in use, of less and less as more
// are, so that hundreds of peers at full speed fit into a few MiB. The framework's pool keeps a buffer of every size for every
// thread that ever returned one: with two threads a peer, as many buffers as threads.
// Any thread may call. A leaf: its lock is held over nothing else.
using System.Buffers;
using System.Numerics;

namespace TinyTorrent.Wire;

/// <summary>A pool of buffers in powers of two from 32 to 256 KiB.</summary>
sealed class Slabs
{
    /// <summary>Bytes. The smallest holds a block with its header, and twice a small receive.</summary>
    public const int Smallest = 32 * 1024, Largest = 256 * 1024;

    /// <summary>Bytes lent before only the smallest are lent, and kept for the next.</summary>
    public const int Budget = 8 << 20;

    const int Share = 16;

    public static readonly Slabs Shared = new();

    readonly Lock _gate = new();
    readonly Stack<byte[]>[] _free = [new(), new(), new(), new()];
    long _lent, _kept;

    /// <summary>Bytes lent at this moment.</summary>
    public long Lent { get { lock (_gate) return _lent; } }

    /// <summary>A buffer of <paramref name="wished"/> bytes, or of less if many are lent, but of at least <paramref name="needed"/>.</summary>
    public byte[] Rent(int wished, int needed)
    {
        if (!IsSlab(Math.Max(wished, needed))) return ArrayPool<byte>.Shared.Rent(Math.Max(wished, needed));
        lock (_gate)
        {
            long share = Math.Min(wished, (Budget - _lent) / Share);
            int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(needed, Smallest));
            while (size * 2 <= share) size *= 2;
            _lent += size;
            if (!_free[Index(size)].TryPop(out byte[]? buffer)) return GC.AllocateUninitializedArray<byte>(size);
            _kept -= size;
            return buffer;
        }
    }

    public void Return(byte[] buffer)
    {
        if (!IsSlab(buffer.Length))
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return;
        }
        lock (_gate)
        {
            _lent -= buffer.Length;
            if (_kept + buffer.Length > Budget) return; // the collector's
            _kept += buffer.Length;
            _free[Index(buffer.Length)].Push(buffer);
        }
    }

    // What is smaller is what little a peer is left with while it waits; what is larger, a rare message.
    static bool IsSlab(int size) => size is > Smallest / 2 and <= Largest;

    static int Index(int size) => BitOperations.Log2((uint)size / Smallest);
}
