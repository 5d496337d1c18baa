// The 20-byte names of the protocol (BEP 3). A v2 info-hash (BEP 52) appears on the wire cut to its first 20 bytes,
// so it needs no type of its own here.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Types;

/// <summary>SHA-1 of the info dictionary: the name of a torrent. Usable as a dictionary key.</summary>
[InlineArray(Size)]
struct InfoHash : IEquatable<InfoHash>
{
    /// <summary>Bytes.</summary>
    public const int Size = 20;

    byte _first;

    /// <param name="bytes">Exactly 20 bytes.</param>
    public InfoHash(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size) throw new ArgumentException("an info-hash has 20 bytes", nameof(bytes));
        bytes.CopyTo(this);
    }

    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Bytes => this;

    /// <summary>Reads 40 hex digits, either case.</summary>
    public static bool TryParseHex(ReadOnlySpan<char> hex, out InfoHash hash)
    {
        hash = default;
        return hex.Length == 2 * Size
            && Convert.FromHexString(hex, hash, out _, out int written) == System.Buffers.OperationStatus.Done
            && written == Size;
    }

    public readonly bool Equals(InfoHash other) => Bytes.SequenceEqual(other.Bytes);
    public override readonly bool Equals(object? obj) => obj is InfoHash other && Equals(other);

    /// <summary>Takes all bytes, and the random seed of this process: anybody can choose hashes that agree in some bytes.</summary>
    public override readonly int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>40 lower-case hex digits.</summary>
    public override readonly string ToString() => Convert.ToHexStringLower(Bytes);

    public static bool operator ==(InfoHash a, InfoHash b) => a.Equals(b);
    public static bool operator !=(InfoHash a, InfoHash b) => !a.Equals(b);
}
