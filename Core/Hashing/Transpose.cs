// From streams to lanes: word j of every stream's next 64-byte block into vector j.
// Four streams' quarters of a block (16 bytes, four words) form a 4 × 4 matrix of words in each quarter of the registers;
// two rounds of zipping turn its rows into columns.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

/// <summary>A vector of one or more quarters of 128 bits. The zips work within each quarter.</summary>
unsafe interface IQuarters<T> where T : unmanaged
{
    /// <summary>
    /// 16 bytes, as big-endian words, of every fourth stream: those at <paramref name="offset"/> in <c>streams[0]</c>,
    /// <c>streams[4]</c>, <c>streams[8]</c>, … Each quarter holds one stream's.
    /// </summary>
    static abstract T Load(byte** streams, nint offset);

    /// <summary>The first two words of each, taking turns: a0 b0 a1 b1.</summary>
    static abstract T ZipLow(T a, T b);

    /// <summary>The last two words of each, taking turns: a2 b2 a3 b3.</summary>
    static abstract T ZipHigh(T a, T b);

    /// <summary>a0 a1 b0 b1.</summary>
    static abstract T JoinLow(T a, T b);

    /// <summary>a2 a3 b2 b3.</summary>
    static abstract T JoinHigh(T a, T b);
}

static unsafe class Transpose<TLanes, T> where TLanes : IQuarters<T> where T : unmanaged
{
    [MethodImpl(MethodImplOptions.NoInlining)] // it would use up the kernel's inlining budget
    public static void Block(byte** streams, nint offset, T* words)
    {
        for (T* end = words + 16; words < end; words += 4, offset += 16)
        {
            T row0 = TLanes.Load(streams, offset), row1 = TLanes.Load(streams + 1, offset);
            T row2 = TLanes.Load(streams + 2, offset), row3 = TLanes.Load(streams + 3, offset);
            T low01 = TLanes.ZipLow(row0, row1), low23 = TLanes.ZipLow(row2, row3);
            T high01 = TLanes.ZipHigh(row0, row1), high23 = TLanes.ZipHigh(row2, row3);
            words[0] = TLanes.JoinLow(low01, low23);
            words[1] = TLanes.JoinHigh(low01, low23);
            words[2] = TLanes.JoinLow(high01, high23);
            words[3] = TLanes.JoinHigh(high01, high23);
        }
    }
}
