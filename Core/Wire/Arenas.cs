// Memory that is lent in pieces of any length: arenas of 64 units, and a bit for every unit that is lent. What one borrower
// gives back serves the next whatever the two lengths are, where a pool by sizes keeps a stock of each. The arenas are pinned:
// a system call need not pin what it is given, and the collector never moves it.
// The owner's lock is held in every call.
using System.Numerics;
using System.Runtime.InteropServices;

namespace TinyTorrent.Wire;

/// <param name="unit">Bytes; every length is rounded up to it.</param>
sealed class Arenas(int unit)
{
    const int Units = 64;

    sealed class Arena(int length)
    {
        public readonly byte[] Bytes = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        public ulong Lent;
    }

    readonly List<Arena> _arenas = [];

    /// <summary>Bytes of one arena: the longest piece.</summary>
    public int Length => Units * unit;

    /// <summary>Bytes of all arenas, lent or not.</summary>
    public long Held => (long)_arenas.Count * Length;

    /// <summary>Bytes lent, each piece rounded up.</summary>
    public long Lent { get; private set; }

    /// <summary>False if no arena has so many bytes, 1 to <see cref="Length"/>, free in a row.</summary>
    public bool TryLend(int bytes, out Memory<byte> piece)
    {
        int units = (bytes + unit - 1) / unit;
        foreach (Arena arena in _arenas)
        {
            ulong starts = ~arena.Lent; // after the loop: where so many free units begin
            for (int run = 1, step; run < units; run += step) starts &= starts >> (step = Math.Min(run, units - run));
            if (starts == 0) continue;
            int first = BitOperations.TrailingZeroCount(starts);
            arena.Lent |= Mask(first, units);
            Lent += units * unit;
            piece = MemoryMarshal.CreateFromPinnedArray(arena.Bytes, first * unit, units * unit);
            return true;
        }
        piece = default;
        return false;
    }

    /// <summary>One arena more, all of it free.</summary>
    public void Grow() => _arenas.Add(new Arena(Length));

    /// <summary>Takes a piece back whole. An arena that is free then goes to the collector if more than <paramref name="keep"/> bytes
    /// are held and less than half of them lent: who borrows and returns at a border must not have an arena made each time.</summary>
    public void TakeBack(ArraySegment<byte> piece, long keep)
    {
        int index = 0;
        while (_arenas[index].Bytes != piece.Array) index++;
        Arena arena = _arenas[index];
        arena.Lent &= ~Mask(piece.Offset / unit, piece.Count / unit);
        Lent -= piece.Count;
        if (arena.Lent == 0 && Held > Math.Max(keep, 2 * Lent)) _arenas.RemoveAt(index);
    }

    static ulong Mask(int first, int units) => ulong.MaxValue >> (Units - units) << first;
}
