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
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
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
    public void ASlowClientLosesItsPlaceAndAnIdleOneToo(Way way)
    {
        var limits = new HttpLimits { Request = TimeSpan.FromSeconds(1), Idle = TimeSpan.FromSeconds(1) };
        using var door = new TrackerDoor(way, limits);
        using Socket silent = door.DialRaw();
        using Stream slow = door.Dial(), idle = door.Dial();
        slow.Write("GET /he"u8);
        idle.Write("GET /health HTTP/1.1\r\n\r\n"u8);
        Assert.True(idle.Read(new byte[1000]) > 0);
        foreach (Stream stream in (Stream[])[new NetworkStream(silent), slow, idle]) TrackerDoor.AssertClosed(() => stream);
        Assert.Equal(2, door.Server.Service.Counters.HttpLate); // who is idle owes nothing
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task AClientThatDripsItsRequestLosesItsPlaceHoweverBusyItIs(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Request = TimeSpan.FromSeconds(1) });
        using Stream stream = door.Dial();
        Task<string> end = Task.Run(() => Closed(stream));
        try
        {
            for (stream.Write("GET /"u8); !end.IsCompleted; await Task.WhenAny(end, Task.Delay(20))) stream.Write("a"u8);
        }
        catch (IOException)
        {
            // Closed while a byte was on its way.
        }
        Assert.Equal("", await end);

        static string Closed(Stream stream)
        {
            try
            {
                return TrackerDoor.ReadToEnd(stream);
            }
            catch (IOException)
            {
                return "";
            }
        }
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void BeyondTheLimitConnectionsAreClosedAndThePlacesAreGivenAgain(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Connections = 1 }, address: IPAddress.Loopback);
        using (Stream first = door.Dial())
        {
            first.Write("GET /health HTTP/1.1\r\n\r\n"u8);
            Assert.True(first.Read(new byte[100]) > 0);
            TrackerDoor.AssertClosed(() =>
            {
                Stream second = door.Dial();
                second.Write("GET /health HTTP/1.1\r\n\r\n"u8);
                return second;
            });
            Assert.Equal(1, door.Server.Service.Counters.HttpTurnedAway);
        }
        Assert.EndsWith("ok\n", GetOnceThereIsRoom(door), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void OneStrangerGetsAQuarterOfThePlacesAndOthersAreServed(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Connections = way == Way.Tls ? 64 : 8, IsLocal = address => address.IsIPv6, Request = TimeSpan.FromHours(1) });
        using (Stream one = door.Dial(), two = door.Dial())
        {
            foreach (Stream stream in (Stream[])[one, two])
            {
                stream.Write("GET /health HTTP/1.1\r\n\r\n"u8);
                Assert.True(stream.Read(new byte[100]) > 0);
            }
            TrackerDoor.AssertClosed(() =>
            {
                Stream third = door.Dial();
                third.Write("GET /hea"u8);
                return third;
            });
            Assert.Equal(1, door.Server.Service.Counters.HttpTurnedAway);
            if (Socket.OSSupportsIPv6) Assert.EndsWith("ok\n", door.Get("/health", IPAddress.IPv6Loopback), StringComparison.Ordinal);
        }
        Assert.EndsWith("ok\n", GetOnceThereIsRoom(door), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void WherePlacesAreScarceWhoAsksNothingMakesRoom(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Connections = way == Way.Tls ? 32 : 8, Idle = TimeSpan.FromHours(1) }, address: IPAddress.Loopback);
        var idle = new List<Stream>();
        try
        {
            for (int i = 0; i < 8; i++)
            {
                idle.Add(door.Dial());
                idle[i].Write("GET /health HTTP/1.1\r\n\r\n"u8);
                Assert.True(idle[i].Read(new byte[100]) > 0);
            }
            TrackerDoor.AssertClosed(() => idle[0]);
            Assert.EndsWith("ok\n", GetOnceThereIsRoom(door), StringComparison.Ordinal);
            Assert.Equal(0, door.Server.Service.Counters.HttpLate);
        }
        finally
        {
            foreach (Stream stream in idle) stream.Dispose();
        }
    }

    /// <summary>A place is free a moment after its client has seen the end; nothing tells when. Who is turned away sees an end
    /// without an answer, or a reset.</summary>
    static string GetOnceThereIsRoom(TrackerDoor door)
    {
        for (long start = Environment.TickCount64; ;)
        {
            try
            {
                string answer = door.Get("/health");
                if (answer.Length > 0 || Environment.TickCount64 - start >= 20_000) return answer;
            }
            catch (IOException) when (Environment.TickCount64 - start < 20_000) { }
        }
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void WhoAsksMuchAndTakesNothingLosesItsPlace(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Request = TimeSpan.FromSeconds(1) });
        using Stream stream = door.Dial();
        byte[] requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats HTTP/1.1\r\n\r\n", 200)));
        try
        {
            for (int i = 0; i < 1000; i++) stream.Write(requests); // 4 MB ask for some 700
        }
        catch (IOException)
        {
            // Closed before all was said.
        }
        Assert.True(SpinWait.SpinUntil(() => door.Server.Service.Counters.HttpLate == 1, TimeSpan.FromSeconds(20)));
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
        var sending = Task.Run(() => stream.Write(Encoding.ASCII.GetBytes("GET /" + new string('a', 1 << 20) + " HTTP/1.1\r\n\r\n")));
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
    [InlineData(Way.Portable, "POST /announce HTTP/1.1\r\n\r\nabc")]
    [InlineData(Way.Fast, "POST /announce HTTP/1.1\r\n\r\nabc")]
    [InlineData(Way.Tls, "POST /announce HTTP/1.1\r\n\r\nabc")]
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
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task StoppingWaitsForNoClientAndFreesThePort(Way way)
    {
        var door = new TrackerDoor(way);
        using Stream open = door.Dial();
        open.Write("GET /health HTTP/1.1\r\n\r\n"u8);
        Assert.True(open.Read(new byte[100]) > 0);
        using Socket silent = door.DialRaw();
        // The idle client would have half a minute.
        await Task.Run(door.Dispose).WaitAsync(TimeSpan.FromSeconds(20));
        new TrackerServer(new TrackerOptions(), new HttpLimits(), [SharedPort.Open(IPAddress.Loopback, door.Port)]).Dispose();
        door.Dispose(); // once more: nothing
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task WhoHasAskedIsAnsweredBeforeTheEndAndNobodyElseIsWaitedFor(Way way)
    {
        var door = new TrackerDoor(way);
        using Stream idle = door.Dial(), half = door.Dial(), greedy = door.Dial();
        idle.Write("GET /health HTTP/1.1\r\n\r\n"u8);
        Assert.True(idle.Read(new byte[1000]) > 0);
        half.Write("GET /hea"u8);
        byte[] much = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats HTTP/1.1\r\n\r\n", 200)));
        Task greed = Task.Run(() =>
        {
            try
            {
                while (true) greedy.Write(much); // and reads nothing
            }
            catch (IOException) { }
        });
        var asking = new List<Stream>();
        for (int i = 0; i < 100; i++) asking.Add(door.Dial());
        foreach (Stream stream in asking) stream.Write("GET /health HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\nGET /hea"u8);
        await Task.Run(door.Dispose).WaitAsync(TimeSpan.FromSeconds(20));
        foreach (Stream stream in asking)
        {
            using (stream) Assert.Equal(2, Answers(stream));
        }
        foreach (Stream stream in (Stream[])[idle, half]) TrackerDoor.AssertClosed(() => stream);
        await greed.WaitAsync(TimeSpan.FromSeconds(20));

        // A reset may follow what was answered: half a request was still to be read.
        static int Answers(Stream stream)
        {
            using var all = new MemoryStream();
            try
            {
                stream.CopyTo(all);
            }
            catch (IOException) { }
            return Encoding.ASCII.GetString(all.ToArray()).Split("ok\n").Length - 1;
        }
    }

    [Fact]
    public void WhatWaitsWhileTheOneThreadIsBusyIsAnsweredThoughItStopsMeanwhile()
    {
        if (!EpollHttpServer.IsSupported) return;
        using var busy = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0, udp: false);
        var server = new EpollHttpServer(port.Tcp, Answer, new HttpLimits(), new Clock(), new TrackerCounters(), "http test");
        var clients = new List<NetworkStream>();
        for (int i = 0; i < 10; i++) Ask();
        foreach (NetworkStream kept in clients) Assert.True(kept.Read(new byte[1000]) > 0);
        clients[0].Write("GET /busy HTTP/1.1\r\n\r\n"u8);
        Assert.True(busy.Wait(TimeSpan.FromSeconds(20)));
        foreach (NetworkStream kept in clients[1..]) kept.Write("GET /x HTTP/1.1\r\n\r\nGET /ha"u8);
        for (int i = 0; i < 10; i++) Ask();
        server.Stop();
        goOn.Set();
        server.Dispose();
        foreach (NetworkStream client in clients)
        {
            using (client) Assert.EndsWith("ok\n", TrackerDoor.ReadToEnd(client), StringComparison.Ordinal);
        }

        void Ask()
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
            socket.Connect(IPAddress.Loopback, port.Number);
            clients.Add(new NetworkStream(socket, ownsSocket: true));
            clients[^1].Write("GET /x HTTP/1.1\r\n\r\n"u8);
        }

        void Answer(in HttpRequest request, HttpResponse response)
        {
            if (request.Path.SequenceEqual("/busy"u8))
            {
                busy.Set();
                goOn.Wait(TimeSpan.FromSeconds(20));
            }
            System.Buffers.BuffersExtensions.Write(response, "ok\n"u8);
        }
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
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task AClientThatDoesNotReadHoldsNobodyUpAndOneThatReadsLateGetsEverything(Way way)
    {
        using var door = new TrackerDoor(way);
        using Stream late = door.Dial();
        const int requests = 40_000; // more than the sockets between the two hold
        byte[] all = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats.json HTTP/1.1\r\n\r\n", requests)) + "GET /stats.json HTTP/1.0\r\n\r\n");
        var sending = Task.Run(() => late.Write(all));
        Assert.EndsWith("ok\n", door.Get("/health"), StringComparison.Ordinal);
        string answers = TrackerDoor.ReadToEnd(late);
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
