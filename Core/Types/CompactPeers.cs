// Addresses as trackers, PEX and the DHT pack them: 4 bytes + port (BEP 23) or 16 bytes + port (BEP 7), big-endian.
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Types;

static class CompactPeers
{
    /// <summary>Bytes of one IPv4 peer.</summary>
    public const int Size4 = 6;

    /// <summary>Bytes of one IPv6 peer.</summary>
    public const int Size6 = 18;

    /// <summary>Appends every whole peer with a port other than 0; a ragged tail is left out.</summary>
    /// <param name="size"><see cref="Size4"/> or <see cref="Size6"/>.</param>
    public static void Read(ReadOnlySpan<byte> packed, int size, List<IPEndPoint> peers)
    {
        for (; packed.Length >= size; packed = packed[size..])
        {
            int port = BinaryPrimitives.ReadUInt16BigEndian(packed[(size - 2)..]);
            if (port != 0) peers.Add(new IPEndPoint(new IPAddress(packed[..(size - 2)]), port));
        }
    }

    /// <summary>Packs one peer and returns the bytes written: 6 or 18. An IPv4 address mapped into IPv6 is packed as IPv4.</summary>
    public static int Write(Span<byte> to, IPEndPoint peer)
    {
        IPAddress address = Unmap(peer.Address);
        address.TryWriteBytes(to, out int length);
        BinaryPrimitives.WriteUInt16BigEndian(to[length..], (ushort)peer.Port);
        return length + 2;
    }

    /// <summary>::ffff:1.2.3.4, as dual-stack sockets report it, is 1.2.3.4.</summary>
    public static IPAddress Unmap(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 && address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
