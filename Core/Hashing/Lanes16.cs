// Sixteen streams in 512 bits: x86-64 with AVX-512, which also rotates and mixes three words in one instruction.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TinyTorrent.Hashing;

readonly unsafe struct Lanes16(Vector512<uint> words) : ILanes<Lanes16>, IQuarters<Lanes16>
{
    // Truth tables for TernaryLogic: bit (4a + 2b + c) is the result for these bits.
    const byte ChooseTable = 0xCA, MajorityTable = 0xE8, ParityTable = 0x96;

    readonly Vector512<uint> _words = words;

    public static int Count => 16;

    public static bool IsSupported => Avx512BW.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 All(uint word) => new(Vector512.Create(word));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator +(Lanes16 a, Lanes16 b) => new(a._words + b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator ^(Lanes16 a, Lanes16 b) => new(a._words ^ b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 RotateLeft(Lanes16 a, [ConstantExpected] byte bits) => new(Avx512F.RotateLeft(a._words, bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator >>>(Lanes16 a, int bits) => new(a._words >>> bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Choose(Lanes16 which, Lanes16 a, Lanes16 b) => new(Avx512F.TernaryLogic(which._words, a._words, b._words, ChooseTable));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Majority(Lanes16 a, Lanes16 b, Lanes16 c) => new(Avx512F.TernaryLogic(a._words, b._words, c._words, MajorityTable));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Parity(Lanes16 a, Lanes16 b, Lanes16 c) => new(Avx512F.TernaryLogic(a._words, b._words, c._words, ParityTable));

    public static void LoadBlock(byte** streams, nint offset, Lanes16* words) => Transpose<Lanes16>.Block(streams, offset, words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Load(byte** streams, nint offset)
    {
        Vector512<byte> bytes = Vector512.Create(
            Vector256.Create(Vector128.Load(streams[0] + offset), Vector128.Load(streams[4] + offset)),
            Vector256.Create(Vector128.Load(streams[8] + offset), Vector128.Load(streams[12] + offset)));
        return new(Avx512BW.Shuffle(bytes, Vector512.Create(Vector256.Create(0x0405060700010203u, 0x0C0D0E0F08090A0B, 0x0405060700010203, 0x0C0D0E0F08090A0B)).AsByte()).AsUInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 ZipLow(Lanes16 a, Lanes16 b) => new(Avx512F.UnpackLow(a._words, b._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 ZipHigh(Lanes16 a, Lanes16 b) => new(Avx512F.UnpackHigh(a._words, b._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 JoinLow(Lanes16 a, Lanes16 b) => new(Avx512F.UnpackLow(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 JoinHigh(Lanes16 a, Lanes16 b) => new(Avx512F.UnpackHigh(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32());
}
