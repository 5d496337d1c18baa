// Takes any number of streams through a hash, as many at a time as suits the machine: two over its SHA extensions, or as
// many as its vectors have lanes for. Two streams over the extensions keep pace with eight lanes; sixteen are ahead.
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace TinyTorrent.Hashing;

static unsafe class SideBySide
{
    const int MaxLanes = 16, MaxSets = 2, MaxStateWords = 8;

    static readonly bool s_haveInstructions = ShaInstructions<Sha1>.IsSupported && ShaInstructions<Sha256>.IsSupported;

    /// <summary>
    /// Streams side by side that work here, 1 and up: 2 stands for the SHA extensions, the others for lanes. In a build for
    /// any x86-64 the wide ones are not compiled in.
    /// </summary>
    public static int[] Widths { get; } =
    [
        .. new[]
        {
            1, s_haveInstructions ? ShaInstructions.Count : 0, Lanes4.IsSupported ? 4 : 0, Lanes8.IsSupported ? 8 : 0, Lanes16.IsSupported ? 16 : 0,
        }.Where(width => width > 0),
    ];

    /// <summary>The width used: the fastest there is, or the widest that TINYTORRENT_LANES allows.</summary>
    public static int Width { get; } = int.TryParse(Environment.GetEnvironmentVariable("TINYTORRENT_LANES"), out int most)
        ? Widths.LastOrDefault(width => width <= most, 1)
        : s_haveInstructions && !Lanes16.IsSupported ? ShaInstructions.Count : Widths[^1];

    // Two sets need three-operand instructions or many registers: x86-64 without AVX has neither.
    static readonly bool s_twoSetsPay = Vector256.IsHardwareAccelerated || AdvSimd.IsSupported;

    /// <summary>Streams that make the best of this width.</summary>
    public static int StreamsFor(int width) => width <= ShaInstructions.Count || !s_twoSetsPay ? width : MaxSets * width;

    /// <summary>Takes blocks of <paramref name="count"/> streams into their states.</summary>
    /// <param name="states">Each stream's words.</param>
    /// <param name="streams">Where each stream's next block is.</param>
    /// <param name="blocks">Blocks taken of every stream.</param>
    /// <param name="width">One of <see cref="Widths"/>.</param>
    public static void Compress<THash>(uint** states, byte** streams, int count, nint blocks, int width) where THash : IBlockHash
    {
        for (int taken; count > 0; count -= taken, states += taken, streams += taken)
        {
            taken = Math.Min(count, StreamsFor(width));
            // A vector with idle lanes is no slower than two streams one after the other; only a single one goes alone.
            if (width == ShaInstructions.Count) ShaInstructions<THash>.Compress(states, streams, taken, blocks);
            else if (taken == 1) THash.Compress<Lanes1, uint>(*states, streams, sets: 1, blocks);
            else if (Lanes16.IsSupported && width == Lanes16.Count) Together<THash, Lanes16, Vector512<uint>>(states, streams, taken, blocks);
            else if (Lanes8.IsSupported && width == Lanes8.Count) Together<THash, Lanes8, Vector256<uint>>(states, streams, taken, blocks);
            else Together<THash, Lanes4, Vector128<uint>>(states, streams, taken, blocks);
        }
    }

    /// <param name="count">1 to two sets of lanes. Lanes without a stream repeat the first one for nothing.</param>
    static void Together<THash, TLanes, T>(uint** states, byte** streams, int count, nint blocks)
        where THash : IBlockHash where TLanes : ILanes<T> where T : unmanaged
    {
        uint* state = stackalloc uint[MaxSets * MaxStateWords * MaxLanes];
        byte** all = stackalloc byte*[MaxSets * MaxLanes];
        int words = THash.InitialState.Length;
        int sets = count > TLanes.Count ? 2 : 1;
        for (int lane = 0; lane < sets * TLanes.Count; lane++)
        {
            int from = lane < count ? lane : 0;
            all[lane] = streams[from];
            for (int word = 0; word < words; word++) state[At(lane, word)] = states[from][word];
        }
        THash.Compress<TLanes, T>((T*)state, all, sets, blocks);
        for (int lane = 0; lane < count; lane++)
        {
            for (int word = 0; word < words; word++) states[lane][word] = state[At(lane, word)];
        }

        int At(int lane, int word) => (lane / TLanes.Count * words + word) * TLanes.Count + lane % TLanes.Count;
    }
}
