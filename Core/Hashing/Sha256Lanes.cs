// SHA-256's compression (FIPS 180-4, 6.2.2) of one block after the other, in as many streams side by side as T has lanes.
// Rounds rename the eight working words instead of moving them, so eight make a loop; the message schedule runs 16 rounds
// ahead, where its instructions fill the gaps that each round's chain of sums leaves.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

static unsafe class Sha256Lanes<T> where T : unmanaged, ILanes<T>
{
    const int RoundCount = 64, BlockWords = 16;

    /// <param name="state">Eight words, updated.</param>
    /// <param name="streams">As many as there are lanes; <paramref name="blocks"/> × 64 bytes are read of each.</param>
    [SkipLocalsInit]
    public static void Compress(T* state, byte** streams, nint blocks)
    {
        byte* room = stackalloc byte[(RoundCount + 1) * sizeof(T)];
        var w = (T*)(((nint)room + sizeof(T) - 1) & -sizeof(T));
        T* working = stackalloc T[8];
        for (nint offset = 0; blocks > 0; blocks--, offset += 64)
        {
            T.LoadBlock(streams, offset, w);
            new Span<T>(state, 8).CopyTo(new Span<T>(working, 8));
            Rounds<Scheduling>(working, w, 0, RoundCount - BlockWords);
            Rounds<NotScheduling>(working, w, RoundCount - BlockWords, RoundCount);
            for (int i = 0; i < 8; i++) state[i] += working[i];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Rounds<TSchedule>(T* state, T* w, int from, int to) where TSchedule : ISchedule
    {
        T a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
        fixed (uint* k = Constants)
        {
            for (int t = from; t < to; t += 8)
            {
                Round<TSchedule>(a, b, c, ref d, e, f, g, ref h, w + t, k[t]);
                Round<TSchedule>(h, a, b, ref c, d, e, f, ref g, w + t + 1, k[t + 1]);
                Round<TSchedule>(g, h, a, ref b, c, d, e, ref f, w + t + 2, k[t + 2]);
                Round<TSchedule>(f, g, h, ref a, b, c, d, ref e, w + t + 3, k[t + 3]);
                Round<TSchedule>(e, f, g, ref h, a, b, c, ref d, w + t + 4, k[t + 4]);
                Round<TSchedule>(d, e, f, ref g, h, a, b, ref c, w + t + 5, k[t + 5]);
                Round<TSchedule>(c, d, e, ref f, g, h, a, ref b, w + t + 6, k[t + 6]);
                Round<TSchedule>(b, c, d, ref e, f, g, h, ref a, w + t + 7, k[t + 7]);
            }
        }
        state[0] = a; state[1] = b; state[2] = c; state[3] = d; state[4] = e; state[5] = f; state[6] = g; state[7] = h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Round<TSchedule>(T a, T b, T c, ref T d, T e, T f, T g, ref T h, T* w, uint k) where TSchedule : ISchedule
    {
        if (TSchedule.IsWanted) Schedule(w + BlockWords);
        T sum = h + (*w + T.All(k)) + T.Choose(e, f, g) + T.Parity(T.RotateLeft(e, 26), T.RotateLeft(e, 21), T.RotateLeft(e, 7));
        d += sum;
        h = sum + T.Majority(a, b, c) + T.Parity(T.RotateLeft(a, 30), T.RotateLeft(a, 19), T.RotateLeft(a, 10));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Schedule(T* w)
    {
        T x = w[-15], y = w[-2];
        *w = w[-16] + w[-7]
            + T.Parity(T.RotateLeft(x, 25), T.RotateLeft(x, 14), x >>> 3)
            + T.Parity(T.RotateLeft(y, 15), T.RotateLeft(y, 13), y >>> 10);
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
