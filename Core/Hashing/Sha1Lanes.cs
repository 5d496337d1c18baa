// SHA-1's compression (FIPS 180-4, 6.1.2) of one block after the other, in as many streams side by side as there are lanes,
// or in twice as many: each round waits for the sums of the one before, and a second set of lanes fills the time.
// The 80 rounds are four phases of 20. Rounds rename the five working words instead of moving them, so five make a loop.
// The message schedule runs one phase ahead.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

interface ISets
{
    /// <summary>1 or 2.</summary>
    static abstract int Count { get; }
}

readonly struct OneSet : ISets
{
    public static int Count => 1;
}

readonly struct TwoSets : ISets
{
    public static int Count => 2;
}

static unsafe class Sha1Lanes<TLanes, T, TSets> where TLanes : ILanes<T> where T : unmanaged where TSets : ISets
{
    const int StateWords = 5, BlockWords = 16, RoundCount = 80, PhaseLength = 20;

    /// <param name="state">Five words for each set, updated.</param>
    /// <param name="streams">As many as there are lanes; <paramref name="blocks"/> × 64 bytes are read of each.</param>
    [SkipLocalsInit]
    public static void Compress(T* state, byte** streams, nint blocks)
    {
        byte* room = stackalloc byte[((RoundCount + StateWords) * TSets.Count + 1) * sizeof(T)];
        var w = (T*)(((nint)room + sizeof(T) - 1) & -sizeof(T));
        T* after = w + RoundCount * TSets.Count;
        for (nint offset = 0; blocks > 0; blocks--, offset += BlockHash.BlockSize)
        {
            for (int set = 0; set < TSets.Count; set++)
            {
                T* words = w + set * RoundCount;
                TLanes.LoadBlock(streams + set * TLanes.Count, offset, words);
                for (int t = BlockWords; t < PhaseLength; t++) Schedule(words + t);
            }
            Rounds<ChoosePhase>(state, after, w);
            Rounds<ParityPhase>(after, after, w + PhaseLength);
            Rounds<MajorityPhase>(after, after, w + 2 * PhaseLength);
            Rounds<LastPhase>(after, after, w + 3 * PhaseLength);
            for (int i = 0; i < StateWords * TSets.Count; i++) state[i] = TLanes.Add(state[i], after[i]);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // all phases in one method are more than the compiler keeps in registers
    static void Rounds<TPhase>(T* before, T* after, T* w) where TPhase : IPhase
    {
        T k = TLanes.All(TPhase.Constant);
        T a = before[0], b = before[1], c = before[2], d = before[3], e = before[4];
        if (TSets.Count == 1)
        {
            for (T* end = w + PhaseLength; w < end; w += 5) FiveRounds<TPhase>(ref a, ref b, ref c, ref d, ref e, w, k);
        }
        else
        {
            T a2 = before[5], b2 = before[6], c2 = before[7], d2 = before[8], e2 = before[9];
            for (T* end = w + PhaseLength; w < end; w += 5)
            {
                FiveRounds<TPhase>(ref a, ref b, ref c, ref d, ref e, w, k);
                FiveRounds<TPhase>(ref a2, ref b2, ref c2, ref d2, ref e2, w + RoundCount, k);
            }
            after[5] = a2; after[6] = b2; after[7] = c2; after[8] = d2; after[9] = e2;
        }
        after[0] = a; after[1] = b; after[2] = c; after[3] = d; after[4] = e;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void FiveRounds<TPhase>(ref T a, ref T b, ref T c, ref T d, ref T e, T* w, T k) where TPhase : IPhase
    {
        Round<TPhase>(a, ref b, c, d, ref e, w, k);
        Round<TPhase>(e, ref a, b, c, ref d, w + 1, k);
        Round<TPhase>(d, ref e, a, b, ref c, w + 2, k);
        Round<TPhase>(c, ref d, e, a, ref b, w + 3, k);
        Round<TPhase>(b, ref c, d, e, ref a, w + 4, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Round<TPhase>(T a, ref T b, T c, T d, ref T e, T* w, T k) where TPhase : IPhase
    {
        if (!TPhase.IsLast) Schedule(w + PhaseLength);
        // The rotated a is the last to be known, so it is added last.
        e = TLanes.Add(TLanes.Add(TLanes.Add(e, TLanes.Add(k, TLanes.At(w))), TPhase.Mix(b, c, d)), TLanes.RotateLeft(a, 5));
        b = TLanes.RotateLeft(b, 30);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Schedule(T* w) => *w = TLanes.RotateLeft(TLanes.Xor(TLanes.Parity(TLanes.At(w - 16), TLanes.At(w - 14), TLanes.At(w - 8)), TLanes.At(w - 3)), 1);

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
