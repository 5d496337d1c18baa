// SipHash-2-4 (Aumasson and Bernstein): a short keyed hash whose values nobody without the key can guess or steer.
// Used where a stranger's bytes choose a place in a table or must carry a receipt; it is no message digest.
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

/// <summary>A 128-bit key with its hash function. Immutable; any thread may use it.</summary>
readonly struct SipHash
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 16;

    readonly ulong _k0, _k1;

    /// <param name="key">16 secret bytes.</param>
    public SipHash(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeySize) throw new ArgumentException("a SipHash key has 16 bytes", nameof(key));
        _k0 = BinaryPrimitives.ReadUInt64LittleEndian(key);
        _k1 = BinaryPrimitives.ReadUInt64LittleEndian(key[8..]);
    }

    public ulong Hash(ReadOnlySpan<byte> data)
    {
        ulong v0 = _k0 ^ 0x736f6d6570736575, v1 = _k1 ^ 0x646f72616e646f6d;
        ulong v2 = _k0 ^ 0x6c7967656e657261, v3 = _k1 ^ 0x7465646279746573;
        ulong last = (ulong)data.Length << 56;
        for (; data.Length >= 8; data = data[8..]) Absorb(BinaryPrimitives.ReadUInt64LittleEndian(data), ref v0, ref v1, ref v2, ref v3);
        for (int i = 0; i < data.Length; i++) last |= (ulong)data[i] << (8 * i);
        Absorb(last, ref v0, ref v1, ref v2, ref v3);
        v2 ^= 0xff;
        for (int i = 0; i < 4; i++) Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Absorb(ulong word, ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v3 ^= word;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
