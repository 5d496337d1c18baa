// One 32-bit word of several streams side by side, a stream in each lane of a vector register. The kernels of SHA-1 and
// SHA-256 are written once over this. Lanes1 (one stream in ordinary registers), Lanes4, Lanes8 and Lanes16 are its widths.
// The words stay bare vectors, not wrapped in a type with operators: wrapping and unwrapping them would exhaust the
// compiler's budget for inlining within a few rounds, and a call per addition is ten times slower.
using System.Diagnostics.CodeAnalysis;

namespace TinyTorrent.Hashing;

/// <typeparam name="T">The register: <c>uint</c> or a vector of them.</typeparam>
unsafe interface ILanes<T> where T : unmanaged
{
    /// <summary>Streams side by side.</summary>
    static abstract int Count { get; }

    /// <summary>The same word in every lane.</summary>
    static abstract T All(uint word);

    /// <summary>The word at an address that is a multiple of the register's size. SSE takes it straight from there only if that is said.</summary>
    static virtual T At(T* aligned) => *aligned;

    static abstract T Add(T a, T b);
    static abstract T Xor(T a, T b);
    static abstract T ShiftRight(T a, [ConstantExpected] byte bits);
    static abstract T RotateLeft(T a, [ConstantExpected] byte bits);

    /// <summary>Bit by bit: where <paramref name="which"/> is 1 that of <paramref name="a"/>, elsewhere that of <paramref name="b"/>.</summary>
    static abstract T Choose(T which, T a, T b);

    /// <summary>Bit by bit, what at least two of the three have.</summary>
    static abstract T Majority(T a, T b, T c);

    static abstract T Parity(T a, T b, T c);

    /// <summary>Fills <c>words[0..16]</c> with the big-endian words of the 64-byte block at <paramref name="offset"/> of each stream.</summary>
    static abstract void LoadBlock(byte** streams, nint offset, T* words);
}
