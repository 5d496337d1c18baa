using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

/// <summary>A tracker that everybody reaches through a proxy on the same machine: 127.0.0.1 is trusted, ::1 is not.</summary>
public class BehindAProxyTests
{
    static readonly TrackerOptions Trusting = new() { Proxies = TrustedProxies.Parse(["127.0.0.1"]) };

    static string Ask(int port, string more = "") =>
        $"GET /announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&compact=0&left=1&port={port}{more} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

    static string Say(TrackerDoor door, byte[] introduction, string request, IPAddress? address = null)
    {
        Socket socket = door.DialRaw(address);
        socket.Send(introduction);
        using Stream stream = door.Secure(socket);
        stream.Write(Encoding.ASCII.GetBytes(request + "\r\n"));
        return TrackerDoor.ReadToEnd(stream);
    }

    /// <summary>The peers of the torrent as a peer in the same machine sees them.</summary>
    static string[] Listed(TrackerDoor door) =>
        [.. System.Text.RegularExpressions.Regex.Matches(Say(door, [], Ask(9)), @"2:ip\d+:([0-9a-f.:]+)4:porti(\d+)e").Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}").Order(StringComparer.Ordinal)];

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void APeerIsListedUnderTheAddressTheProxyNamesAndNeverUnderOneOfItsOwnChoice(Way way)
    {
        using var door = new TrackerDoor(way, options: Trusting);
        Say(door, [], Ask(1, "&ip=203.0.113.99") + "X-Forwarded-For: 203.0.113.98, 198.51.100.1\r\n");
        Say(door, [], Ask(2) + "Forwarded: for=198.51.100.2\r\n");
        Say(door, Encoding.ASCII.GetBytes("PROXY TCP4 198.51.100.3 127.0.0.1 1 2\r\n"), Ask(3, "&ip=203.0.113.99"));
        Say(door, ProxyHeaderTests.Binary("198.51.100.4"), Ask(4) + "X-Forwarded-For: 203.0.113.98\r\n"); // the client's claim: it is no proxy
        Say(door, ProxyHeaderTests.Binary("2001:db8::5", more: 99), Ask(5));
        Say(door, ProxyHeaderTests.Binary(null, command: 0, family: 0), Ask(6));
        if (Socket.OSSupportsIPv6) Say(door, [], Ask(7) + "X-Forwarded-For: 203.0.113.98\r\n", IPAddress.IPv6Loopback);
        string[] expected = ["198.51.100.1 1", "198.51.100.2 2", "198.51.100.3 3", "198.51.100.4 4", "2001:db8::5 5", "127.0.0.1 6", "::1 7"];
        Assert.Equal(expected.Take(Socket.OSSupportsIPv6 ? 7 : 6).Order(StringComparer.Ordinal), Listed(door));
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void AStrangersProxyHeaderIsNoRequest(Way way)
    {
        using var door = new TrackerDoor(way);
        if (way == Way.Tls) Assert.ThrowsAny<IOException>(() => Say(door, ProxyHeaderTests.Binary("198.51.100.4"), Ask(1)));
        else Assert.StartsWith("HTTP/1.1 400 ", Say(door, Encoding.ASCII.GetBytes("PROXY TCP4 198.51.100.3 127.0.0.1 1 2\r\n"), Ask(1)), StringComparison.Ordinal);
        Assert.Equal((0L, 0L), door.Server.Service.Peers);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    public void ManyRequestsOfManyClientsShareAConnectionOfTheProxys(Way way)
    {
        using var door = new TrackerDoor(way, options: Trusting);
        using (Stream stream = door.Dial())
        {
            for (int i = 1; i <= 20; i++)
                stream.Write(Encoding.ASCII.GetBytes(Ask(i).Replace("close", "keep-alive", StringComparison.Ordinal) + $"X-Forwarded-For: 198.51.100.{i}\r\n\r\n"));
            stream.Write("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8);
            TrackerDoor.ReadToEnd(stream);
        }
        Assert.Equal(Enumerable.Range(1, 20).Select(i => $"198.51.100.{i} {i}").Order(StringComparer.Ordinal), Listed(door));
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void AnIntroducedClientHasItsShareOfConnectionsAndTheProxyHasNoLimit(Way way)
    {
        int places = way == Way.Tls ? 64 : 8; // of which HTTPS has a quarter of a quarter
        var limits = new HttpLimits { Connections = places, IsLocal = _ => false, Request = TimeSpan.FromHours(1) };
        using var door = new TrackerDoor(way, limits, Trusting);
        byte[] one = ProxyHeaderTests.Binary("198.51.100.1"), other = ProxyHeaderTests.Binary("198.51.100.2");
        using Stream first = Keep(one), second = Keep(one);
        TrackerDoor.AssertClosed(() => Keep(one));
        using Stream third = Keep(other), fourth = Keep([]), fifth = Keep([]), sixth = Keep([]);
        Assert.Equal(1, door.Server.Service.Counters.HttpTurnedAway);

        Stream Keep(byte[] introduction)
        {
            Socket socket = door.DialRaw();
            socket.Send(introduction);
            Stream stream = door.Secure(socket);
            stream.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
            if (stream.Read(new byte[1000]) == 0) throw new IOException("closed");
            return stream;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void APacketThroughAProxyIsItsClientsAndTheAnswerGoesBackToTheProxy(bool portable)
    {
        using var door = new TrackerDoor(portable ? Way.Portable : Way.Fast, options: Trusting);
        Assert.Equal("198.51.100.1", Announce(ProxyHeaderTests.Binary("198.51.100.1"), 1));
        Assert.Equal("198.51.100.2", Announce(ProxyHeaderTests.Binary("198.51.100.2"), 2));
        Assert.Equal("127.0.0.1", Announce([], 3));
        if (Socket.OSSupportsIPv6) Assert.Null(Announce(ProxyHeaderTests.Binary("198.51.100.4"), 4, IPAddress.IPv6Loopback));
        Assert.Equal(["127.0.0.1 3", "198.51.100.1 1", "198.51.100.2 2"], Listed(door));

        // The announcer's address as the tracker answers its scrape of itself, or null if there is no answer.
        string? Announce(byte[] introduction, int port, IPAddress? address = null)
        {
            address ??= IPAddress.Loopback;
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
            socket.Connect(address, door.UdpPort);
            byte[] packet = new byte[UdpCodec.MaxPacketSize], buffer = new byte[UdpCodec.MaxPacketSize];
            socket.Send([.. introduction, .. packet.AsSpan(0, UdpCodec.WriteConnect(packet, 1))]);
            if (!address.Equals(IPAddress.Loopback))
            {
                // A stranger's header makes the packet none: nothing answers it, but the next packet is answered.
                socket.Send(packet.AsSpan(0, 16));
                Assert.Equal(16, socket.Receive(buffer));
                Assert.Equal(1, door.Server.Service.Counters.UdpDropped);
                return null;
            }
            Assert.True(UdpCodec.TryReadReply(buffer.AsSpan(0, socket.Receive(buffer)), out UdpReply connected));
            var announce = new Announce { InfoHash = new("abcdefghijklmnopqrst"u8), PeerId = default, Port = (ushort)port, Left = 1 };
            socket.Send([.. introduction, .. packet.AsSpan(0, UdpCodec.WriteAnnounce(packet, connected.ConnectionId, 2, announce, default))]);
            Assert.True(UdpCodec.TryReadReply(buffer.AsSpan(0, socket.Receive(buffer)), out UdpReply reply));
            Assert.Equal(UdpAction.Announce, reply.Action);
            return introduction.Length == 0 ? "127.0.0.1" : new IPAddress(introduction.AsSpan(16, 4)).ToString();
        }
    }
}
