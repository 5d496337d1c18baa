// An IP address as its bytes in network order, held in place: the tracker reads one from every request and must not
// allocate for it. IPv4 mapped into IPv6, as dual-stack sockets report it, becomes IPv4 at the door (From).
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Tracker;

/// <summary>4 or 16 bytes of address, or none (<c>default</c>).</summary>
struct PeerAddress : IEquatable<PeerAddress>
{
    const int MaxSize = 16;

    Buffer _bytes;
    byte _length;

    /// <summary>Empty, 4 or 16 bytes.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Bytes => ((ReadOnlySpan<byte>)_bytes)[.._length];

    public readonly bool IsNone => _length == 0;
    public readonly bool IsIPv6 => _length == MaxSize;

    /// <param name="bytes">4 or 16 bytes in network order; any other length gives none.</param>
    public static PeerAddress From(ReadOnlySpan<byte> bytes)
    {
        PeerAddress address = default;
        if (IsMappedIPv4(bytes)) bytes = bytes[12..];
        if (bytes.Length is not (4 or MaxSize)) return address;
        bytes.CopyTo(address._bytes);
        address._length = (byte)bytes.Length;
        return address;
    }

    public static PeerAddress From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[MaxSize];
        address.TryWriteBytes(bytes, out int length);
        return From(bytes[..length]);
    }

    /// <summary>Dotted IPv4 or IPv6 text; false for anything else, such as a host name, a zone or the one-number forms of IPv4.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out PeerAddress address)
    {
        address = default;
        Span<char> chars = stackalloc char[45];
        if (text.Length > chars.Length || text.Contains((byte)'%') || text.Contains((byte)'[')) return false;
        if (!text.ContainsAny((byte)':', (byte)'.') || !HasPlainNumbers(text[(text.LastIndexOf((byte)':') + 1)..])) return false;
        for (int i = 0; i < text.Length; i++) chars[i] = (char)text[i];
        if (!IPAddress.TryParse(chars[..text.Length], out IPAddress? parsed)) return false;
        address = From(parsed);
        return true;
    }

    /// <summary>
    /// True if dotted text, or what stands there instead of it behind the colons of IPv6, reads the same to everybody: 010.0.0.1
    /// is 8.0.0.1 to some programs and 10.0.0.1 to others.
    /// </summary>
    static bool HasPlainNumbers(ReadOnlySpan<byte> text)
    {
        if (!text.Contains((byte)'.')) return true;
        int parts = 0;
        foreach (Range range in text.Split((byte)'.'))
        {
            ReadOnlySpan<byte> part = text[range];
            if (++parts > 4 || part.IsEmpty || part.ContainsAnyExceptInRange((byte)'0', (byte)'9') || (part.Length > 1 && part[0] == '0')) return false;
        }
        return parts == 4;
    }

    /// <summary>What one subscriber has: an IPv4 address, of IPv6 the network of the first <paramref name="bits"/>.</summary>
    /// <param name="bits">A multiple of 8.</param>
    public readonly PeerAddress Network(int bits)
    {
        PeerAddress network = this;
        if (IsIPv6) ((Span<byte>)network._bytes)[(bits / 8)..].Clear();
        return network;
    }

    /// <summary>Loopback, link-local, RFC 1918 and unique-local addresses: places that mean nothing to a peer on the internet.</summary>
    public readonly bool IsLocal => Bytes switch
    {
        [127, ..] or [10, ..] or [192, 168, ..] or [169, 254, ..] when _length == 4 => true,
        [172, >= 16 and < 32, ..] when _length == 4 => true,
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] => true,
        [0xfe, >= 0x80 and < 0xc0, ..] or [0xfc or 0xfd, ..] when _length == MaxSize => true,
        _ => false,
    };

    /// <summary>False for addresses nobody can dial: none, unspecified, multicast and the reserved top of IPv4.</summary>
    public readonly bool IsDialable => Bytes switch
    {
        [] or [0 or >= 224, _, _, _] or [0xff, ..] => false,
        { Length: MaxSize } bytes => bytes.ContainsAnyExcept((byte)0),
        _ => true,
    };

    /// <summary>The bits of an IPv6 address that one household has (a /64), and those that one customer of a provider may have (a /48).</summary>
    public const int HouseholdBits = 64, CustomerBits = 48;

    /// <summary>Writes the address as text; 64 bytes are always enough.</summary>
    public readonly bool TryFormat(Span<byte> utf8, out int written) => ToIPAddress().TryFormat(utf8, out written);

    public readonly IPAddress ToIPAddress() => IsNone ? IPAddress.None : new IPAddress(Bytes);

    public readonly bool Equals(PeerAddress other) => Bytes.SequenceEqual(other.Bytes);
    public override readonly bool Equals(object? obj) => obj is PeerAddress other && Equals(other);

    public override readonly int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    public override readonly string ToString() => IsNone ? "" : ToIPAddress().ToString();

    public static bool operator ==(PeerAddress a, PeerAddress b) => a.Equals(b);
    public static bool operator !=(PeerAddress a, PeerAddress b) => !a.Equals(b);

    static bool IsMappedIPv4(ReadOnlySpan<byte> bytes) =>
        bytes.Length == MaxSize && bytes[..10].IndexOfAnyExcept((byte)0) < 0 && bytes[10] == 0xff && bytes[11] == 0xff;

    [InlineArray(MaxSize)]
    struct Buffer
    {
        byte _first;
    }
}
