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
        fixed (uint* k = Constants)
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

    static ReadOnlySpan<uint> Constants =>
    [
        0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
        0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
        0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
        0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
        0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
        0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
        0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
        0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
    ];
}
