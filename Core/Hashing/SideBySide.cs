// Takes any number of streams through a hash, as many at a time as the machine's widest vectors have lanes.
using System.Runtime.Intrinsics;

namespace TinyTorrent.Hashing;

static unsafe class SideBySide
{
    const int MaxStateWords = 8, MaxLanes = 16;

    /// <summary>The widths that work here, 1 and up. In a build for any x86-64 the wider ones are not compiled in.</summary>
    public static int[] Widths { get; } =
        [.. new[] { 1, Lanes4.IsSupported ? 4 : 0, Lanes8.IsSupported ? 8 : 0, Lanes16.IsSupported ? 16 : 0 }.Where(width => width > 0)];

    /// <summary>Lanes used: the most there are, or as many as TINYTORRENT_LANES allows.</summary>
    public static int Width { get; } = WidestUpTo(
        int.TryParse(Environment.GetEnvironmentVariable("TINYTORRENT_LANES"), out int most) ? most : MaxLanes);

    static int WidestUpTo(int most) => Widths.LastOrDefault(width => width <= most, 1);

    /// <summary>Takes blocks of <paramref name="count"/> streams into their states.</summary>
    /// <param name="states">Each stream's words.</param>
    /// <param name="streams">Where each stream's next block is.</param>
    /// <param name="blocks">Blocks taken of every stream.</param>
    /// <param name="width">One of <see cref="Widths"/>.</param>
    public static void Compress<THash>(uint** states, byte** streams, int count, nint blocks, int width) where THash : IBlockHash
    {
        for (int done = 0; done < count;)
        {
            // Two streams take a wide kernel no longer than one after the other, so it is only left to a single one.
            int taken = Math.Min(count - done, width);
            uint** state = states + done;
            byte** stream = streams + done;
            if (taken == 1) THash.Compress<Lanes1, uint>(*state, stream, blocks);
            else if (width == 4) Together<THash, Lanes4, Vector128<uint>>(state, stream, taken, blocks);
            else if (width == 8) Together<THash, Lanes8, Vector256<uint>>(state, stream, taken, blocks);
            else Together<THash, Lanes16, Vector512<uint>>(state, stream, taken, blocks);
            done += taken;
        }
    }

    /// <param name="count">From 1 to the number of lanes; the other lanes repeat the first stream for nothing.</param>
    static void Together<THash, TLanes, T>(uint** states, byte** streams, int count, nint blocks)
        where THash : IBlockHash where TLanes : ILanes<T> where T : unmanaged
    {
        T* state = stackalloc T[MaxStateWords];
        byte** all = stackalloc byte*[MaxLanes];
        int words = THash.InitialState.Length;
        for (int lane = 0; lane < TLanes.Count; lane++)
        {
            int from = lane < count ? lane : 0;
            all[lane] = streams[from];
            for (int word = 0; word < words; word++) ((uint*)(state + word))[lane] = states[from][word];
        }
        THash.Compress<TLanes, T>(state, all, blocks);
        for (int lane = 0; lane < count; lane++)
        {
            for (int word = 0; word < words; word++) states[lane][word] = ((uint*)(state + word))[lane];
        }
    }
}
