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

    static UdpReply Udp(Socket socket, byte[] buffer, int length)
    {
        socket.Send(buffer.AsSpan(0, length));
        length = socket.Receive(buffer);
        Assert.True(UdpCodec.TryReadReply(buffer.AsSpan(0, length), out UdpReply reply));
        return reply;
    }

    static UdpReply UdpAnnounce(IPAddress address, int port, ushort listens, byte[] buffer)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 60_000 };
        socket.Connect(address, port);
        ulong id = Udp(socket, buffer, UdpCodec.WriteConnect(buffer, 1)).ConnectionId;
        var announce = new Announce { InfoHash = Name, PeerId = default, Port = listens, Left = 1, NumWant = -1 };
        return Udp(socket, buffer, UdpCodec.WriteAnnounce(buffer, id, 2, announce, default));
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void OneSwarmIsReachedOverHttpAndUdpInBothFamilies(Way way)
    {
        using var door = new TrackerDoor(way);
        byte[] buffer = new byte[UdpCodec.MaxPacketSize];
        foreach (IPAddress address in TrackerDoor.Loopbacks)
        {
            Assert.StartsWith("HTTP/1.1 200 OK", door.Get(Query + "1", address), StringComparison.Ordinal);
            UdpReply reply = UdpAnnounce(address, door.UdpPort, 2, buffer);
            Assert.Equal(UdpAction.Announce, reply.Action);
            Assert.Equal([.. address.GetAddressBytes(), 0, 1], reply.Body.ToArray());
        }
        int families = TrackerDoor.Loopbacks.Length;
        Assert.Equal(2 * families, door.Server.Service.Peers.IPv4 + door.Server.Service.Peers.IPv6);
        Assert.EndsWith("ok\n", door.Get("/health"), StringComparison.Ordinal);
        Assert.Contains($"\"http_announces\":{families}", door.Get("/stats.json"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", door.Get("/other"), StringComparison.Ordinal);
        Assert.Contains("5:filesd20:abcdefghijklmnopqrst", door.Get("/scrape?info_hash=abcdefghijklmnopqrst"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void AConnectionIsKeptForManyRequestsEvenByteByByte(Way way)
    {
        using var door = new TrackerDoor(way);
        using Stream stream = door.Dial();
        byte[] request = Encoding.ASCII.GetBytes("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), answer = new byte[1024];
        foreach (byte b in request) stream.Write([b]);
        Assert.EndsWith("ok\n", Encoding.ASCII.GetString(answer, 0, stream.Read(answer)), StringComparison.Ordinal);
        stream.Write([.. request, .. request, .. Encoding.ASCII.GetBytes("GET /health HTTP/1.0\r\n\r\n")]);
        Assert.Equal(3, TrackerDoor.ReadToEnd(stream).Split("ok\n").Length - 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PacketsOfEveryLengthThatAreNoRequestsAreCountedAndDisturbNobody(bool portable)
    {
        using var door = new TrackerDoor(portable ? Way.Portable : Way.Fast);
        var random = new Random(5);
        TrackerCounters counters = door.Server.Service.Counters;
        int sent = 0;
        foreach (IPAddress address in TrackerDoor.Loopbacks)
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            for (int length = 0; length <= 4096; length += length < 2048 ? 1 : random.Next(1, 64))
            {
                byte[] packet = new byte[length];
                random.NextBytes(packet);
                if (length > 11) packet[8] = 1; // no action there is
                socket.SendTo(packet, new IPEndPoint(address, door.UdpPort));
                sent++;
                // Not faster than it is read: what the system loses cannot be counted.
                if (sent % 256 == 0) Assert.True(SpinWait.SpinUntil(() => counters.UdpDropped == sent, TimeSpan.FromSeconds(20)));
            }
            byte[] buffer = new byte[UdpCodec.MaxPacketSize];
            Assert.Equal(UdpAction.Announce, UdpAnnounce(address, door.UdpPort, 2, buffer).Action);
        }
        Assert.True(SpinWait.SpinUntil(() => counters.UdpDropped == sent, TimeSpan.FromSeconds(20)), $"{counters.UdpDropped} of {sent}");
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void HalfARequestIsWorthNoAnswerAndEndsWithItsConnection(Way way)
    {
        using var door = new TrackerDoor(way);
        byte[] request = Encoding.ASCII.GetBytes("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        for (int length = 1; length < request.Length; length++)
        {
            using Socket raw = door.DialRaw();
            using Stream stream = door.Secure(raw);
            stream.Write(request, 0, length);
            TrackerDoor.End(stream, raw);
            TrackerDoor.AssertClosed(() => stream);
        }
        Assert.EndsWith("ok\n", door.Get("/health"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void ARequestLineOfAMegabyteIsCutOffAndTheAnswerStillArrives(Way way)
    {
        using var door = new TrackerDoor(way);
        using Stream stream = door.Dial();
        var sending = Task.Run(() => stream.Write(Encoding.ASCII.GetBytes("GET /" + new string('a', 1 << 20) + " HTTP/1.1\r\nHost: x\r\n\r\n")));
        byte[] answer = new byte[12];
        stream.ReadExactly(answer);
        Assert.Equal("HTTP/1.1 414", Encoding.ASCII.GetString(answer));
        Assert.True(((IAsyncResult)sending).AsyncWaitHandle.WaitOne(TimeSpan.FromSeconds(20)));
        Assert.EndsWith("ok\n", door.Get("/health"), StringComparison.Ordinal);
        Assert.Equal(1, door.Server.Service.Counters.HttpMalformed);
    }

    [Theory]
    [InlineData(Way.Portable, "nonsense\r\n\r\n")]
    [InlineData(Way.Fast, "nonsense\r\n\r\n")]
    [InlineData(Way.Tls, "nonsense\r\n\r\n")]
    [InlineData(Way.Portable, "POST /announce HTTP/1.1\r\nHost: x\r\n\r\nabc")]
    [InlineData(Way.Fast, "POST /announce HTTP/1.1\r\nHost: x\r\n\r\nabc")]
    [InlineData(Way.Tls, "POST /announce HTTP/1.1\r\nHost: x\r\n\r\nabc")]
    public void WhatIsNoRequestIsAnsweredCountedAndClosed(Way way, string request)
    {
        using var door = new TrackerDoor(way);
        using Stream stream = door.Dial();
        stream.Write(Encoding.ASCII.GetBytes(request));
        Assert.StartsWith("HTTP/1.1 4", TrackerDoor.ReadToEnd(stream), StringComparison.Ordinal);
        Assert.Equal(1, door.Server.Service.Counters.HttpMalformed);
        Assert.Contains("\"http_malformed\":1", door.Get("/stats.json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void APortThatIsTakenIsAnErrorAndAFreeOneIsFoundForBothProtocols(bool portable)
    {
        using var door = new TrackerDoor(portable ? Way.Portable : Way.Fast);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => SharedPort.Open(IPAddress.Loopback, door.Port, portable ? 1 : 2)).SocketErrorCode);
        for (int i = 0; i < 20; i++)
        {
            SharedPort shared = SharedPort.Open(IPAddress.IPv6Any, 0, portable ? 1 : 2);
            Assert.All(shared.Tcp.Concat(shared.Udp), s => Assert.Equal(shared.Number, ((IPEndPoint)s.LocalEndPoint!).Port));
            foreach (Socket socket in shared.Tcp.Concat(shared.Udp)) socket.Dispose();
        }
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
