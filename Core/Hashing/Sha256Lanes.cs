// SHA-256's compression (FIPS 180-4, 6.2.2) of one block after the other, in as many streams side by side as there are lanes.
// Rounds rename the eight working words instead of moving them, so eight make a loop; the message schedule runs 16 rounds
// ahead, where its instructions fill the gaps that each round's chain of sums leaves.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

static unsafe class Sha256Lanes<TLanes, T> where TLanes : ILanes<T> where T : unmanaged
{
    const int StateWords = 8, BlockWords = 16, RoundCount = 64, ScheduledRounds = RoundCount - BlockWords;

    /// <param name="state">Eight words, updated.</param>
    /// <param name="streams">As many as there are lanes; <paramref name="blocks"/> × 64 bytes are read of each.</param>
    [SkipLocalsInit]
    public static void Compress(T* state, byte** streams, nint blocks)
    {
        byte* room = stackalloc byte[(RoundCount + StateWords + 1) * sizeof(T)];
        var w = (T*)(((nint)room + sizeof(T) - 1) & -sizeof(T));
        T* after = w + RoundCount;
        for (nint offset = 0; blocks > 0; blocks--, offset += BlockHash.BlockSize)
        {
            TLanes.LoadBlock(streams, offset, w);
            Rounds<Scheduling>(state, after, w, 0, ScheduledRounds);
            Rounds<NotScheduling>(after, after, w, ScheduledRounds, RoundCount);
            for (int i = 0; i < StateWords; i++) state[i] = TLanes.Add(state[i], after[i]);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // two loops in one method are more than the register allocator follows
    static void Rounds<TSchedule>(T* before, T* after, T* w, int from, int to) where TSchedule : ISchedule
    {
        T a = before[0], b = before[1], c = before[2], d = before[3], e = before[4], f = before[5], g = before[6], h = before[7];
        fixed (uint* k = Sha256.RoundConstants)
        {
            for (int t = from; t < to; t += 8)
            {
                h = First<TSchedule>(e, f, g, h, w + t, k[t]); d = TLanes.Add(d, h); h = Second(a, b, c, h);
                g = First<TSchedule>(d, e, f, g, w + t + 1, k[t + 1]); c = TLanes.Add(c, g); g = Second(h, a, b, g);
                f = First<TSchedule>(c, d, e, f, w + t + 2, k[t + 2]); b = TLanes.Add(b, f); f = Second(g, h, a, f);
                e = First<TSchedule>(b, c, d, e, w + t + 3, k[t + 3]); a = TLanes.Add(a, e); e = Second(f, g, h, e);
                d = First<TSchedule>(a, b, c, d, w + t + 4, k[t + 4]); h = TLanes.Add(h, d); d = Second(e, f, g, d);
                c = First<TSchedule>(h, a, b, c, w + t + 5, k[t + 5]); g = TLanes.Add(g, c); c = Second(d, e, f, c);
                b = First<TSchedule>(g, h, a, b, w + t + 6, k[t + 6]); f = TLanes.Add(f, b); b = Second(c, d, e, b);
                a = First<TSchedule>(f, g, h, a, w + t + 7, k[t + 7]); e = TLanes.Add(e, a); a = Second(b, c, d, a);
            }
        }
        after[0] = a; after[1] = b; after[2] = c; after[3] = d; after[4] = e; after[5] = f; after[6] = g; after[7] = h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T First<TSchedule>(T e, T f, T g, T h, T* w, uint k) where TSchedule : ISchedule
    {
        if (TSchedule.IsWanted) Schedule(w + BlockWords);
        T rotated = TLanes.Parity(TLanes.RotateLeft(e, 26), TLanes.RotateLeft(e, 21), TLanes.RotateLeft(e, 7));
        return TLanes.Add(TLanes.Add(TLanes.Add(h, TLanes.Add(TLanes.All(k), TLanes.At(w))), TLanes.Choose(e, f, g)), rotated);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Second(T a, T b, T c, T first)
    {
        T rotated = TLanes.Parity(TLanes.RotateLeft(a, 30), TLanes.RotateLeft(a, 19), TLanes.RotateLeft(a, 10));
        return TLanes.Add(TLanes.Add(first, TLanes.Majority(a, b, c)), rotated);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Schedule(T* w)
    {
        T x = TLanes.At(w - 15), y = TLanes.At(w - 2);
        T fromX = TLanes.Parity(TLanes.RotateLeft(x, 25), TLanes.RotateLeft(x, 14), TLanes.ShiftRight(x, 3));
        T fromY = TLanes.Parity(TLanes.RotateLeft(y, 15), TLanes.RotateLeft(y, 13), TLanes.ShiftRight(y, 10));
        *w = TLanes.Add(TLanes.Add(TLanes.At(w - 16), TLanes.At(w - 7)), TLanes.Add(fromX, fromY));
    }

    interface ISchedule
    {
        static abstract bool IsWanted { get; }
    }

    struct Scheduling : ISchedule
    {
        public static bool IsWanted => true;
    }

    struct NotScheduling : ISchedule
    {
        public static bool IsWanted => false;
    }
}
