// The header of the PROXY protocol, versions 1 and 2: what a proxy says about its client in front of a connection's first
// byte, or in front of each datagram (version 2).
//   1   PROXY TCP4 192.0.2.1 198.51.100.1 40000 6969 CRLF; TCP6 alike; PROXY UNKNOWN CRLF if it does not know
//   2   signature 12, version and command 1, family and transport 1, length 2, then the source's address, and more
// Read only from a trusted proxy. Pure.
using System.Buffers;
using System.Buffers.Binary;

namespace TinyTorrent.Tracker;

static class ProxyHeader
{
    /// <summary>Bytes of a header at most. Version 1 has 107, version 2 with all that proxies append has a few hundred.</summary>
    public const int MaxSize = 2048;

    const int MaxLine = 107, FixedSize = 16;

    static ReadOnlySpan<byte> Line => "PROXY "u8;
    static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads the header that a connection or a datagram begins with.</summary>
    /// <param name="client">None if there is no header, or if the proxy speaks for itself or does not know.</param>
    /// <param name="length">Bytes of the header; 0 if there is none.</param>
    /// <returns>NeedMoreData if this may be the beginning of one.</returns>
    public static OperationStatus TryRead(ReadOnlySpan<byte> bytes, out PeerAddress client, out int length)
    {
        client = default;
        length = 0;
        if (Begins(bytes, Signature, out bool whole)) return whole ? ReadBinary(bytes, out client, out length) : OperationStatus.NeedMoreData;
        if (Begins(bytes, Line, out whole)) return whole ? ReadLine(bytes, out client, out length) : OperationStatus.NeedMoreData;
        return OperationStatus.Done;
    }

    /// <param name="whole">All of the mark is there.</param>
    static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> mark, out bool whole)
    {
        whole = bytes.Length >= mark.Length;
        return whole ? bytes.StartsWith(mark) : mark.StartsWith(bytes);
    }

    static OperationStatus ReadLine(ReadOnlySpan<byte> bytes, out PeerAddress client, out int length)
    {
        client = default;
        length = 0;
        int end = bytes[..Math.Min(bytes.Length, MaxLine)].IndexOf("\r\n"u8);
        if (end < 0) return bytes.Length < MaxLine ? OperationStatus.NeedMoreData : OperationStatus.InvalidData;
        ReadOnlySpan<byte> line = bytes[Line.Length..end], family = NextWord(ref line);
        bool six = family.SequenceEqual("TCP6"u8);
        if (six || family.SequenceEqual("TCP4"u8))
        {
            if (!PeerAddress.TryParse(NextWord(ref line), out client) || (client.IsIPv6 && !six)) return OperationStatus.InvalidData;
            if (!PeerAddress.TryParse(NextWord(ref line), out _)) return OperationStatus.InvalidData;
        }
        else if (!family.SequenceEqual("UNKNOWN"u8))
        {
            return OperationStatus.InvalidData;
        }
        length = end + 2; // the ports, which say nothing about where the peer listens, are skipped
        return OperationStatus.Done;
    }

    static ReadOnlySpan<byte> NextWord(ref ReadOnlySpan<byte> line)
    {
        int space = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = space < 0 ? line : line[..space];
        line = space < 0 ? default : line[(space + 1)..];
        return word;
    }

    static OperationStatus ReadBinary(ReadOnlySpan<byte> bytes, out PeerAddress client, out int length)
    {
        client = default;
        length = 0;
        if (bytes.Length < FixedSize) return OperationStatus.NeedMoreData;
        int version = bytes[12] >> 4, command = bytes[12] & 15, family = bytes[13] >> 4;
        int rest = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (version != 2 || command > 1 || rest > MaxSize - FixedSize) return OperationStatus.InvalidData;
        // Source and destination with a port each: IPv4, IPv6. Others have no address that a peer could be listed under.
        (int size, int addresses) = family switch { 1 => (4, 12), 2 => (16, 36), _ => (0, 0) };
        if (rest < addresses && command == 1) return OperationStatus.InvalidData;
        if (bytes.Length < FixedSize + rest) return OperationStatus.NeedMoreData;
        if (command == 1) client = PeerAddress.From(bytes.Slice(FixedSize, size));
        length = FixedSize + rest;
        return OperationStatus.Done;
    }
}
