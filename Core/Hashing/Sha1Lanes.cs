// SHA-1's compression (FIPS 180-4, 6.1.2) of one block after the other, in as many streams side by side as there are lanes.
// The 80 rounds are four phases of 20. Rounds rename the five working words instead of moving them, so five make a loop;
// the message schedule runs one phase ahead, where its instructions fill the gaps that each round's chain of sums leaves.
// That chain is the limit: what comes last in it (the rotated a) is added last.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

static unsafe class Sha1Lanes<TLanes, T> where TLanes : ILanes<T> where T : unmanaged
{
    const int RoundCount = 80, PhaseLength = 20;

    /// <param name="state">Five words, updated.</param>
    /// <param name="streams">As many as there are lanes; <paramref name="blocks"/> × 64 bytes are read of each.</param>
    [SkipLocalsInit]
    public static void Compress(T* state, byte** streams, nint blocks)
    {
        byte* room = stackalloc byte[(RoundCount + 1) * sizeof(T)];
        var w = (T*)(((nint)room + sizeof(T) - 1) & -sizeof(T));
        for (nint offset = 0; blocks > 0; blocks--, offset += BlockHash.BlockSize)
        {
            TLanes.LoadBlock(streams, offset, w);
            for (int t = 16; t < PhaseLength; t++) Schedule(w + t);

            T a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
            Rounds<ChoosePhase>(ref a, ref b, ref c, ref d, ref e, w);
            Rounds<ParityPhase>(ref a, ref b, ref c, ref d, ref e, w + PhaseLength);
            Rounds<MajorityPhase>(ref a, ref b, ref c, ref d, ref e, w + 2 * PhaseLength);
            Rounds<LastPhase>(ref a, ref b, ref c, ref d, ref e, w + 3 * PhaseLength);
            state[0] = TLanes.Add(state[0], a);
            state[1] = TLanes.Add(state[1], b);
            state[2] = TLanes.Add(state[2], c);
            state[3] = TLanes.Add(state[3], d);
            state[4] = TLanes.Add(state[4], e);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Rounds<TPhase>(ref T a, ref T b, ref T c, ref T d, ref T e, T* w) where TPhase : IPhase
    {
        T k = TLanes.All(TPhase.Constant);
        for (T* end = w + PhaseLength; w < end; w += 5)
        {
            Round<TPhase>(a, ref b, c, d, ref e, w, k);
            Round<TPhase>(e, ref a, b, c, ref d, w + 1, k);
            Round<TPhase>(d, ref e, a, b, ref c, w + 2, k);
            Round<TPhase>(c, ref d, e, a, ref b, w + 3, k);
            Round<TPhase>(b, ref c, d, e, ref a, w + 4, k);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Round<TPhase>(T a, ref T b, T c, T d, ref T e, T* w, T k) where TPhase : IPhase
    {
        if (!TPhase.IsLast) Schedule(w + PhaseLength);
        e = TLanes.Add(TLanes.Add(TLanes.Add(e, TLanes.Add(*w, k)), TPhase.Mix(b, c, d)), TLanes.RotateLeft(a, 5));
        b = TLanes.RotateLeft(b, 30);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Schedule(T* w) => *w = TLanes.RotateLeft(TLanes.Xor(TLanes.Parity(w[-16], w[-14], w[-8]), w[-3]), 1);

    interface IPhase
    {
        static abstract uint Constant { get; }
        static virtual bool IsLast => false;
        static abstract T Mix(T b, T c, T d);
    }

    struct ChoosePhase : IPhase
    {
        public static uint Constant => 0x5A827999;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => TLanes.Choose(b, c, d);
    }

    struct ParityPhase : IPhase
    {
        public static uint Constant => 0x6ED9EBA1;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => TLanes.Parity(b, c, d);
    }

    struct MajorityPhase : IPhase
    {
        public static uint Constant => 0x8F1BBCDC;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => TLanes.Majority(b, c, d);
    }

    struct LastPhase : IPhase
    {
        public static uint Constant => 0xCA62C1D6;
        public static bool IsLast => true;
        [MethodImpl(MethodImplOptions.AggressiveInlining)] public static T Mix(T b, T c, T d) => TLanes.Parity(b, c, d);
    }
}
