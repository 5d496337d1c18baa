// Which pieces somebody has, kept as it travels (BEP 3): piece 0 is the high bit of byte 0, spare bits at the end are zero.
using System.Buffers.Binary;
using System.Numerics;

namespace TinyTorrent.Types;

/// <summary>A set of piece indices with its count. Not thread-safe.</summary>
sealed class Bitfield
{
    readonly byte[] _bits;

    public Bitfield(int length)
    {
        Length = length;
        _bits = new byte[BytesFor(length)];
    }

    /// <summary>Pieces in the torrent, set or not.</summary>
    public int Length { get; }

    /// <summary>Pieces that are set.</summary>
    public int Count { get; private set; }

    public bool IsEmpty => Count == 0;
    public bool IsFull => Count == Length;

    /// <summary>The wire form, ⌈pieces/8⌉ bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bits;

    public static int BytesFor(int pieces) => (pieces + 7) >> 3;

    public bool this[int piece] => (_bits[piece >> 3] & Mask(piece)) != 0;

    /// <summary>True if the piece was not set before.</summary>
    public bool Set(int piece)
    {
        ref byte at = ref _bits[piece >> 3];
        if ((at & Mask(piece)) != 0) return false;
        at |= (byte)Mask(piece);
        Count++;
        return true;
    }

    /// <summary>True if the piece was set before.</summary>
    public bool Clear(int piece)
    {
        ref byte at = ref _bits[piece >> 3];
        if ((at & Mask(piece)) == 0) return false;
        at &= (byte)~Mask(piece);
        Count--;
        return true;
    }

    public void SetAll()
    {
        _bits.AsSpan().Fill(0xFF);
        if ((Length & 7) != 0) _bits[^1] = (byte)(0xFF00 >> (Length & 7));
        Count = Length;
    }

    /// <summary>Takes over a bitfield message. False, and nothing changed, if its length or a spare bit is wrong.</summary>
    public bool TryLoad(ReadOnlySpan<byte> wire)
    {
        if (!IsWellFormed(wire)) return false;
        wire.CopyTo(_bits);
        Count = CountBits(wire);
        return true;
    }

    /// <summary>True if this is a bitfield message of as many pieces: its length and its spare bits are right.</summary>
    public bool IsWellFormed(ReadOnlySpan<byte> wire) =>
        wire.Length == _bits.Length && ((Length & 7) == 0 || (wire[^1] & (0xFF >> (Length & 7))) == 0);

    /// <summary>The first piece at or after <paramref name="from"/> that is set in a well-formed message and not here, or -1.</summary>
    public int NextNew(ReadOnlySpan<byte> wire, int from)
    {
        int mask = 0xFF >> (from & 7);
        for (int at = from >> 3; at < wire.Length; at++, mask = 0xFF)
        {
            int news = wire[at] & ~_bits[at] & mask;
            if (news != 0) return (at << 3) + BitOperations.LeadingZeroCount((uint)news) - 24;
            at += wire[(at + 1)..].CommonPrefixLength(_bits.AsSpan(at + 1));
        }
        return -1;
    }

    /// <summary>The first set piece at or after <paramref name="from"/>, or -1.</summary>
    public int NextSet(int from)
    {
        for (int i = from; i < Length;)
        {
            if ((i & 7) == 0 && _bits[i >> 3] == 0) { i += 8; continue; }
            if (this[i]) return i;
            i++;
        }
        return -1;
    }

    /// <summary>The first piece at or after <paramref name="from"/> that is set here and in <paramref name="other"/>, or -1; 64 pieces a step.</summary>
    public int NextShared(Bitfield other, int from)
    {
        ReadOnlySpan<byte> a = _bits, b = other._bits.AsSpan(0, a.Length);
        int at = from >> 3;
        if (at >= a.Length) return -1;
        int first = a[at] & b[at] & (0xFF >> (from & 7));
        if (first != 0) return (at << 3) + BitOperations.LeadingZeroCount((uint)first) - 24;
        for (at++; at <= a.Length - 8; at += 8)
        {
            ulong both = BinaryPrimitives.ReadUInt64BigEndian(a[at..]) & BinaryPrimitives.ReadUInt64BigEndian(b[at..]);
            if (both != 0) return (at << 3) + BitOperations.LeadingZeroCount(both);
        }
        for (; at < a.Length; at++)
            if ((a[at] & b[at]) != 0) return (at << 3) + BitOperations.LeadingZeroCount((uint)(a[at] & b[at])) - 24;
        return -1;
    }

    /// <summary>Pieces that are set here and in <paramref name="other"/>.</summary>
    public int CountShared(Bitfield other)
    {
        ReadOnlySpan<byte> a = _bits, b = other._bits.AsSpan(0, a.Length);
        int count = 0, at = 0;
        for (; at <= a.Length - 8; at += 8)
            count += BitOperations.PopCount(BinaryPrimitives.ReadUInt64LittleEndian(a[at..]) & BinaryPrimitives.ReadUInt64LittleEndian(b[at..]));
        for (; at < a.Length; at++) count += BitOperations.PopCount((uint)(a[at] & b[at]));
        return count;
    }

    static int Mask(int piece) => 0x80 >> (piece & 7);

    static int CountBits(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        for (; bytes.Length >= 8; bytes = bytes[8..]) count += BitOperations.PopCount(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte b in bytes) count += BitOperations.PopCount(b);
        return count;
    }
}
