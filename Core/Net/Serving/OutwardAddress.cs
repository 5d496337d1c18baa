// The address by which others in the same network reach this host: the one it would send from to the internet.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

static class OutwardAddress
{
    // Of networks that exist in documents only (RFC 5737, RFC 3849): the default route leads there.
    static readonly IPAddress s_elsewhere = IPAddress.Parse("192.0.2.1"), s_elsewhere6 = IPAddress.Parse("2001:db8::1");

    /// <summary>IPv4 if it may be, else IPv6; null for a host without a route to others.</summary>
    public static IPAddress? Find(bool ipv4) => (ipv4 ? Towards(s_elsewhere) : null) ?? Towards(s_elsewhere6);

    static IPAddress? Towards(IPAddress elsewhere)
    {
        try
        {
            using var socket = new Socket(elsewhere.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(elsewhere, 9); // chooses our address, and sends nothing
            return (socket.LocalEndPoint as IPEndPoint)?.Address is { } own && !IPAddress.IsLoopback(own) ? own : null;
        }
        catch (SocketException)
        {
            return null; // there is no such family here, or no route
        }
    }
}
