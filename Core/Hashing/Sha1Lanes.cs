// SHA-1's compression (FIPS 180-4, 6.1.2) of one block after the other, in as many streams side by side as T has lanes.
// The 80 rounds are four phases of 20. Rounds rename the five working words instead of moving them, so five make a loop;
// the message schedule runs one phase ahead, where its instructions fill the gaps that each round's chain of sums leaves.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

static unsafe class Sha1Lanes<T> where T : unmanaged, ILanes<T>
{
    const int RoundCount = 80, PhaseLength = 20;

    /// <param name="state">Five words, updated.</param>
    /// <param name="streams">As many as there are lanes; <paramref name="blocks"/> × 64 bytes are read of each.</param>
    [SkipLocalsInit]
    public static void Compress(T* state, byte** streams, nint blocks)
    {
        byte* room = stackalloc byte[(RoundCount + 1) * sizeof(T)];
        T* w = (T*)(((nint)room + sizeof(T) - 1) & -sizeof(T));
        T* working = stackalloc T[5];
        for (nint offset = 0; blocks > 0; blocks--, offset += 64)
        {
            T.LoadBlock(streams, offset, w);
            for (int t = 16; t < PhaseLength; t++) Schedule(w + t);

            new Span<T>(state, 5).CopyTo(new Span<T>(working, 5));
            Rounds<ChoosePhase>(working, w);
            Rounds<ParityPhase>(working, w + PhaseLength);
            Rounds<MajorityPhase>(working, w + 2 * PhaseLength);
            Rounds<LastPhase>(working, w + 3 * PhaseLength);
            for (int i = 0; i < 5; i++) state[i] += working[i];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // each phase has an inlining budget of its own
    static void Rounds<TPhase>(T* state, T* w) where TPhase : IPhase
    {
        T a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        T k = T.All(TPhase.Constant);
        for (T* end = w + PhaseLength; w < end; w += 5)
        {
            e = Round<TPhase>(a, b, c, d, e, w + 0, k); b = T.RotateLeft(b, 30);
            d = Round<TPhase>(e, a, b, c, d, w + 1, k); a = T.RotateLeft(a, 30);
            c = Round<TPhase>(d, e, a, b, c, w + 2, k); e = T.RotateLeft(e, 30);
            b = Round<TPhase>(c, d, e, a, b, w + 3, k); d = T.RotateLeft(d, 30);
            a = Round<TPhase>(b, c, d, e, a, w + 4, k); c = T.RotateLeft(c, 30);
        }
        state[0] = a; state[1] = b; state[2] = c; state[3] = d; state[4] = e;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Round<TPhase>(T a, T b, T c, T d, T e, T* w, T k) where TPhase : IPhase
    {
        if (!TPhase.IsLast) Schedule(w + PhaseLength);
        return e + (*w + k) + TPhase.Mix(b, c, d) + T.RotateLeft(a, 5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Schedule(T* w) => *w = T.RotateLeft(T.Parity(w[-16], w[-14], w[-8]) ^ w[-3], 1);

    interface IPhase
    {
        static abstract uint Constant { get; }
        static virtual bool IsLast => false;
        static abstract T Mix(T b, T c, T d);
    }

    struct ChoosePhase : IPhase
    {
        public static uint Constant => 0x5A827999;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => T.Choose(b, c, d);
    }

    struct ParityPhase : IPhase
    {
        public static uint Constant => 0x6ED9EBA1;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => T.Parity(b, c, d);
    }

    struct MajorityPhase : IPhase
    {
        public static uint Constant => 0x8F1BBCDC;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => T.Majority(b, c, d);
    }

    struct LastPhase : IPhase
    {
        public static uint Constant => 0xCA62C1D6;
        public static bool IsLast => true;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => T.Parity(b, c, d);
    }
}
