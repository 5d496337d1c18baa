// Four streams in 128 bits: any x86-64 and any 64-bit ARM.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace TinyTorrent.Hashing;

readonly unsafe struct Lanes4(Vector128<uint> words) : ILanes<Lanes4>, IQuarters<Lanes4>
{
    readonly Vector128<uint> _words = words;

    public static int Count => 4;

    public static bool IsSupported => Sse2.IsSupported || AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 All(uint word) => new(Vector128.Create(word));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 a, Lanes4 b) => new(a._words + b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator ^(Lanes4 a, Lanes4 b) => new(a._words ^ b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 RotateLeft(Lanes4 a, [ConstantExpected] byte bits) => new((a._words << bits) | (a._words >>> (32 - bits)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator >>>(Lanes4 a, int bits) => new(a._words >>> bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Choose(Lanes4 which, Lanes4 a, Lanes4 b) => new(b._words ^ (which._words & (a._words ^ b._words)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Majority(Lanes4 a, Lanes4 b, Lanes4 c) => new((a._words & b._words) | (c._words & (a._words | b._words)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Parity(Lanes4 a, Lanes4 b, Lanes4 c) => new(a._words ^ b._words ^ c._words);

    public static void LoadBlock(byte** streams, nint offset, Lanes4* words) => Transpose<Lanes4>.Block(streams, offset, words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load(byte** streams, nint offset) => new(ToBigEndian(Vector128.Load(streams[0] + offset)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToBigEndian(Vector128<byte> bytes)
    {
        if (AdvSimd.IsSupported) return AdvSimd.ReverseElement8(bytes.AsUInt32());
        if (Ssse3.IsSupported)
            return Ssse3.Shuffle(bytes, Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)).AsUInt32();
        Vector128<ushort> swapped = (bytes.AsUInt16() << 8) | (bytes.AsUInt16() >>> 8);
        return (swapped.AsUInt32() << 16) | (swapped.AsUInt32() >>> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ZipLow(Lanes4 a, Lanes4 b) =>
        new(Sse2.IsSupported ? Sse2.UnpackLow(a._words, b._words) : AdvSimd.Arm64.ZipLow(a._words, b._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ZipHigh(Lanes4 a, Lanes4 b) =>
        new(Sse2.IsSupported ? Sse2.UnpackHigh(a._words, b._words) : AdvSimd.Arm64.ZipHigh(a._words, b._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 JoinLow(Lanes4 a, Lanes4 b) => Sse2.IsSupported
        ? new(Sse2.UnpackLow(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32())
        : new(AdvSimd.Arm64.ZipLow(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 JoinHigh(Lanes4 a, Lanes4 b) => Sse2.IsSupported
        ? new(Sse2.UnpackHigh(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32())
        : new(AdvSimd.Arm64.ZipHigh(a._words.AsUInt64(), b._words.AsUInt64()).AsUInt32());
}
