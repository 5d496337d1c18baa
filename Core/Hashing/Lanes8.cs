// Eight streams in 256 bits: x86-64 with AVX2.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TinyTorrent.Hashing;

readonly unsafe struct Lanes8(Vector256<uint> words) : ILanes<Lanes8>, IQuarters<Lanes8>
{
    readonly Vector256<uint> _words = words;

    public static int Count => 8;

    public static bool IsSupported => Avx2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 All(uint word) => new(Vector256.Create(word));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 a, Lanes8 b) => new(a._words + b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator ^(Lanes8 a, Lanes8 b) => new(a._words ^ b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 RotateLeft(Lanes8 a, [ConstantExpected] byte bits) => new((a._words << bits) | (a._words >>> (32 - bits)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator >>>(Lanes8 a, int bits) => new(a._words >>> bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Choose(Lanes8 which, Lanes8 a, Lanes8 b) => new(b._words ^ (which._words & (a._words ^ b._words)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Majority(Lanes8 a, Lanes8 b, Lanes8 c) => new((a._words & b._words) | (c._words & (a._words | b._words)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Parity(Lanes8 a, Lanes8 b, Lanes8 c) => new(a._words ^ b._words ^ c._words);

    public static void LoadBlock(byte** streams, nint offset, Lanes8* words) => Transpose<Lanes8>.Block(streams, offset, words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load(byte** streams, nint offset)
    {
        Vector256<byte> bytes = Vector256.Create(Vector128.Load(streams[0] + offset), Vector128.Load(streams[4] + offset));
        return new(Avx2.Shuffle(bytes, Vector256.Create(0x0405060700010203u, 0x0C0D0E0F08090A0B, 0x0405060700010203, 0x0C0D0E0F08090A0B).AsByte()).AsUInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ZipLow(Lanes8 a, Lanes8 b) => new(Avx2.UnpackLow(a._words, b._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ZipHigh(Lanes8 a, Lanes8 b) => new(Avx2.UnpackHigh(a._words, b._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 JoinLow(Lanes8 a, Lanes8 b) => new(Avx2.UnpackLow(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 JoinHigh(Lanes8 a, Lanes8 b) => new(Avx2.UnpackHigh(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32());
}
