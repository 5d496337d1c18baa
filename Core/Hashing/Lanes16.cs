// Sixteen streams in 512 bits: x86-64 with AVX-512, which also rotates and combines three words in one instruction.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TinyTorrent.Hashing;

readonly unsafe struct Lanes16 : ILanes<Vector512<uint>>, IQuarters<Vector512<uint>>
{
    // Truth tables for TernaryLogic: bit 4a + 2b + c is the result for these three bits.
    const byte ChooseTable = 0xCA, MajorityTable = 0xE8, ParityTable = 0x96;

    public static int Count => 16;

    public static bool IsSupported => Avx512BW.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> All(uint word) => Vector512.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> a, Vector512<uint> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> ShiftRight(Vector512<uint> a, [ConstantExpected] byte bits) => a >>> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateLeft(Vector512<uint> a, [ConstantExpected] byte bits) => Avx512F.RotateLeft(a, bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Choose(Vector512<uint> which, Vector512<uint> a, Vector512<uint> b) => Avx512F.TernaryLogic(which, a, b, ChooseTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Majority(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) => Avx512F.TernaryLogic(a, b, c, MajorityTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Parity(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) => Avx512F.TernaryLogic(a, b, c, ParityTable);

    public static void LoadBlock(byte** streams, nint offset, Vector512<uint>* words) => Transpose<Lanes16, Vector512<uint>>.Block(streams, offset, words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Load(byte** streams, nint offset)
    {
        Vector256<byte> low = Vector256.Create(Vector128.Load(streams[0] + offset), Vector128.Load(streams[4] + offset));
        Vector256<byte> high = Vector256.Create(Vector128.Load(streams[8] + offset), Vector128.Load(streams[12] + offset));
        Vector512<byte> reversed = Vector512.Create(
            0x0405060700010203u, 0x0C0D0E0F08090A0B, 0x0405060700010203, 0x0C0D0E0F08090A0B,
            0x0405060700010203, 0x0C0D0E0F08090A0B, 0x0405060700010203, 0x0C0D0E0F08090A0B).AsByte();
        return Avx512BW.Shuffle(Vector512.Create(low, high), reversed).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> ZipLow(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> ZipHigh(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> JoinLow(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackLow(a.AsUInt64(), b.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> JoinHigh(Vector512<uint> a, Vector512<uint> b) => Avx512F.UnpackHigh(a.AsUInt64(), b.AsUInt64()).AsUInt32();
}
