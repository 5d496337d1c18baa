using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Commands;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Net;

public class TrackerServerTests
{
    const string Query = "/announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&left=1&port=";

    static readonly InfoHash Name = new("abcdefghijklmnopqrst"u8);

    static IPAddress[] Loopbacks => Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback];

    static TrackerServer Start(bool portable, out int port, HttpLimits? limits = null, IPAddress? address = null)
    {
        int copies = portable || limits is not null || !OperatingSystem.IsLinux() ? 1 : 3;
        SharedPort shared = SharedPort.Open(address ?? IPAddress.IPv6Any, 0, copies);
        port = shared.Number;
        return new TrackerServer(new TrackerOptions(), limits ?? new HttpLimits(), [shared], portable);
    }

    static Socket Dial(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(address, port);
        return socket;
    }

    static string Http(IPAddress address, int port, string target)
    {
        using Socket socket = Dial(address, port);
        socket.Send(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        return ReadToEnd(socket);
    }

    static string ReadToEnd(Socket socket)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int count; (count = socket.Receive(buffer)) > 0;) all.Write(buffer, 0, count);
        return Encoding.Latin1.GetString(all.ToArray());
    }

    static UdpReply Udp(Socket socket, byte[] buffer, int length)
    {
        socket.Send(buffer.AsSpan(0, length));
        length = socket.Receive(buffer);
        Assert.True(UdpCodec.TryReadReply(buffer.AsSpan(0, length), out UdpReply reply));
        return reply;
    }

    static UdpReply UdpAnnounce(IPAddress address, int port, ushort listens, byte[] buffer)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
        socket.Connect(address, port);
        ulong id = Udp(socket, buffer, UdpCodec.WriteConnect(buffer, 1)).ConnectionId;
        var announce = new Announce { InfoHash = Name, PeerId = default, Port = listens, Left = 1, NumWant = -1 };
        return Udp(socket, buffer, UdpCodec.WriteAnnounce(buffer, id, 2, announce, default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OneSwarmIsReachedOverHttpAndUdpInBothFamiliesOnOnePort(bool portable)
    {
        using TrackerServer server = Start(portable, out int port);
        byte[] buffer = new byte[UdpCodec.MaxPacketSize];
        foreach (IPAddress address in Loopbacks)
        {
            Assert.StartsWith("HTTP/1.1 200 OK", Http(address, port, Query + "1"), StringComparison.Ordinal);
            UdpReply reply = UdpAnnounce(address, port, 2, buffer);
            Assert.Equal(UdpAction.Announce, reply.Action);
            Assert.Equal([.. address.GetAddressBytes(), 0, 1], reply.Body.ToArray());
        }
        Assert.Equal(2 * Loopbacks.Length, server.Service.Peers.IPv4 + server.Service.Peers.IPv6);
        Assert.EndsWith("ok\n", Http(Loopbacks[0], port, "/health"), StringComparison.Ordinal);
        Assert.Contains($"\"http_announces\":{Loopbacks.Length}", Http(Loopbacks[0], port, "/stats.json"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", Http(Loopbacks[0], port, "/other"), StringComparison.Ordinal);
        Assert.Contains("5:filesd20:abcdefghijklmnopqrst", Http(Loopbacks[0], port, "/scrape?info_hash=abcdefghijklmnopqrst"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AConnectionIsKeptForManyRequestsEvenByteByByte(bool portable)
    {
        using TrackerServer server = Start(portable, out int port);
        using Socket socket = Dial(IPAddress.Loopback, port);
        socket.NoDelay = true;
        byte[] request = Encoding.ASCII.GetBytes("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), answer = new byte[1024];
        foreach (byte b in request) socket.Send([b]);
        Assert.EndsWith("ok\n", Encoding.ASCII.GetString(answer, 0, socket.Receive(answer)), StringComparison.Ordinal);
        socket.Send([.. request, .. request, .. Encoding.ASCII.GetBytes("GET /health HTTP/1.0\r\n\r\n")]);
        Assert.Equal(3, ReadToEnd(socket).Split("ok\n").Length - 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PacketsThatAreNoRequestsDoNotDisturbTheServer(bool portable)
    {
        using TrackerServer server = Start(portable, out int port);
        var random = new Random(5);
        foreach (IPAddress address in Loopbacks)
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            for (int length = 0; length <= 4096; length += random.Next(1, 64))
            {
                byte[] packet = new byte[length];
                random.NextBytes(packet);
                socket.SendTo(packet, new IPEndPoint(address, port));
            }
            byte[] buffer = new byte[UdpCodec.MaxPacketSize];
            Assert.Equal(UdpAction.Announce, UdpAnnounce(address, port, 2, buffer).Action);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ASlowClientLosesItsPlaceAndAnIdleOneToo(bool portable)
    {
        var limits = new HttpLimits { Request = TimeSpan.FromSeconds(1), Idle = TimeSpan.FromSeconds(1) };
        using TrackerServer server = Start(portable, out int port, limits);
        using Socket silent = Dial(IPAddress.Loopback, port), slow = Dial(IPAddress.Loopback, port), idle = Dial(IPAddress.Loopback, port);
        slow.Send("GET /he"u8);
        idle.Send("GET /health HTTP/1.1\r\n\r\n"u8);
        Assert.True(idle.Receive(new byte[1000]) > 0);
        foreach (Socket socket in (Socket[])[silent, slow, idle]) AssertClosed(socket);
    }

    static void AssertClosed(Socket socket)
    {
        try
        {
            Assert.Equal("", ReadToEnd(socket));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed is closed, with or without a farewell.
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BeyondTheLimitConnectionsAreClosedAndThePlacesAreGivenAgain(bool portable)
    {
        using TrackerServer server = Start(portable, out int port, new HttpLimits { Connections = 1 }, IPAddress.Loopback);
        using (Socket first = Dial(IPAddress.Loopback, port))
        {
            first.Send("GET /health HTTP/1.1\r\n\r\n"u8);
            Assert.True(first.Receive(new byte[100]) > 0);
            using Socket second = Dial(IPAddress.Loopback, port);
            second.Send("GET /health HTTP/1.1\r\n\r\n"u8);
            AssertClosed(second);
        }
        for (int attempt = 0; ; attempt++) // the server needs a moment to see that the first has gone
        {
            try
            {
                if (Http(IPAddress.Loopback, port, "/health").EndsWith("ok\n", StringComparison.Ordinal)) return;
            }
            catch (SocketException) when (attempt < 100) { }
            Assert.True(attempt < 100);
            Thread.Sleep(20);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void StoppingTakesLessThanASecondAndFreesThePort(bool portable)
    {
        TrackerServer server = Start(portable, out int port);
        using Socket open = Dial(IPAddress.Loopback, port);
        open.Send("GET /health HTTP/1.1\r\n\r\n"u8);
        Assert.True(open.Receive(new byte[100]) > 0);
        long start = Environment.TickCount64;
        server.Dispose();
        Assert.InRange(Environment.TickCount64 - start, 0, 1500);
        new TrackerServer(new TrackerOptions(), new HttpLimits(), [SharedPort.Open(IPAddress.Loopback, port)]).Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void APortThatIsTakenIsAnErrorAndAFreeOneIsFoundForBothProtocols(bool portable)
    {
        using TrackerServer server = Start(portable, out int port);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => SharedPort.Open(IPAddress.Loopback, port, portable ? 1 : 2)).SocketErrorCode);
        for (int i = 0; i < 20; i++)
        {
            SharedPort shared = SharedPort.Open(IPAddress.IPv6Any, 0, portable ? 1 : 2);
            Assert.All(shared.Tcp.Concat(shared.Udp), s => Assert.Equal(shared.Number, ((IPEndPoint)s.LocalEndPoint!).Port));
            foreach (Socket socket in shared.Tcp.Concat(shared.Udp)) socket.Dispose();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AClientThatDoesNotReadHoldsNobodyUpAndOneThatReadsLateGetsEverything(bool portable)
    {
        using TrackerServer server = Start(portable, out int port);
        using Socket late = Dial(IPAddress.Loopback, port);
        const int requests = 40_000; // more than the sockets between the two hold
        byte[] all = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats.json HTTP/1.1\r\n\r\n", requests)) + "GET /stats.json HTTP/1.0\r\n\r\n");
        var sending = Task.Run(() => late.Send(all));
        Assert.EndsWith("ok\n", Http(IPAddress.Loopback, port, "/health"), StringComparison.Ordinal);
        string answers = ReadToEnd(late);
        await sending;
        Assert.Equal(requests + 1, answers.Split("\"uptime\":").Length - 1);
    }

    [Theory]
    [InlineData("0.0.0.0:80", "0.0.0.0:80")]
    [InlineData("[::1]:7000", "[::1]:7000")]
    [InlineData("[::]:0", "[::]:0")]
    [InlineData("127.0.0.1", "127.0.0.1:6969")]
    [InlineData("::1", "[::1]:6969")]
    [InlineData(":7000", "[::]:7000")]
    [InlineData("7000", "[::]:7000")]
    [InlineData("localhost:80", null)]
    [InlineData("1.2.3.4:65536", null)]
    [InlineData("", null)]
    public void AListenAddressHasAFewForms(string text, string? expected)
    {
        if (expected is null) Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => ServeTrackerCommand.ParseListen(text)).Code);
        else Assert.Equal(expected, ServeTrackerCommand.ParseListen(text).ToString());
    }
}
