// One stream in ordinary registers: what is left over when too few streams wait to fill a vector.
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

readonly unsafe struct Lanes1(uint word) : ILanes<Lanes1>
{
    readonly uint _word = word;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 All(uint word) => new(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator +(Lanes1 a, Lanes1 b) => new(a._word + b._word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator ^(Lanes1 a, Lanes1 b) => new(a._word ^ b._word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 RotateLeft(Lanes1 a, [ConstantExpected] byte bits) => new(BitOperations.RotateLeft(a._word, bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator >>>(Lanes1 a, int bits) => new(a._word >>> bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Choose(Lanes1 which, Lanes1 a, Lanes1 b) => new(b._word ^ (which._word & (a._word ^ b._word)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Majority(Lanes1 a, Lanes1 b, Lanes1 c) => new((a._word & b._word) | (c._word & (a._word | b._word)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Parity(Lanes1 a, Lanes1 b, Lanes1 c) => new(a._word ^ b._word ^ c._word);

    public static void LoadBlock(byte** streams, nint offset, Lanes1* words)
    {
        var block = new ReadOnlySpan<byte>(*streams + offset, 64);
        for (int i = 0; i < 16; i++) words[i] = new(BinaryPrimitives.ReadUInt32BigEndian(block[(4 * i)..]));
    }
}
