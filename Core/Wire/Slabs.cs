// The buffers of all connections: receives and sends of up to 256 KiB while few are in use, of less and less as more are, so
// that hundreds of peers at full speed fit into a few MiB; and, from smaller arenas, small messages that wait to be sent and
// frames of which only a part has come. The framework's pool keeps a buffer of every size for every thread that ever returned
// one: with two threads a peer, as many buffers as threads.
// Any thread may call. A leaf: its lock is held over nothing else.
using System.Buffers;
using System.Runtime.InteropServices;

namespace TinyTorrent.Wire;

sealed class Slabs
{
    /// <summary>Bytes. The smallest receive holds a block with its header, and twice a small receive.</summary>
    public const int Smallest = 32 * 1024, Largest = 256 * 1024;

    /// <summary>Bytes of large buffers lent before everybody gets no more than is needed, and kept for the next.</summary>
    public const int Budget = 4 << 20;

    const int Share = 16;

    public static readonly Slabs Shared = new();

    readonly Lock _gate = new();
    readonly Arenas[] _arenas = [new(unit: 256), new(unit: 1024), new(unit: 4096)]; // each for up to a quarter of its arena, the last for all

    Arenas Large => _arenas[^1];

    /// <summary>Bytes lent at this moment.</summary>
    public long Lent { get { lock (_gate) return _arenas[0].Lent + _arenas[1].Lent + Large.Lent; } }

    /// <summary>A buffer of <paramref name="wished"/> bytes, or of less if many are lent, but of at least <paramref name="needed"/>.</summary>
    public Memory<byte> Rent(int wished, int needed)
    {
        if (needed > Largest) return ArrayPool<byte>.Shared.Rent(needed).AsMemory(0, needed); // the bitfield of a huge torrent
        lock (_gate)
        {
            long share = Math.Min(wished, (Budget - Large.Lent) / Share);
            int length = (int)Math.Max(needed, Math.Min(share, Largest));
            while (true)
            {
                Arenas arenas = For(length);
                if (arenas.TryLend(length, out Memory<byte> buffer)) return buffer;
                // Nobody gets more than it needs by making us hold more than the budget.
                if (length == needed || arenas.Held < Budget) arenas.Grow();
                else length = Math.Max(length / 2, needed);
            }
        }
    }

    Arenas For(int length)
    {
        foreach (Arenas arenas in _arenas) if (length <= arenas.Length / 4) return arenas;
        return Large;
    }

    public void Return(ReadOnlyMemory<byte> buffer)
    {
        if (!MemoryMarshal.TryGetArray(buffer, out ArraySegment<byte> piece) || piece.Count == 0) return;
        lock (_gate)
        {
            foreach (Arenas arenas in _arenas)
            {
                if (piece.Array!.Length != arenas.Length) continue;
                arenas.TakeBack(piece, keep: Budget);
                return;
            }
        }
        ArrayPool<byte>.Shared.Return(piece.Array!);
    }
}
