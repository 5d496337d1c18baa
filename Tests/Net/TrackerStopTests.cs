// How a tracker ends: who has asked is answered, and nobody else is waited for.
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class TrackerStopTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task StoppingWaitsForNoClientAndFreesThePort(Way way)
    {
        var door = new TrackerDoor(way);
        using Stream open = door.Dial();
        open.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
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
    public async Task WhoAsksWithoutEndAndTakesNothingIsNotWaitedFor(Way way)
    {
        var door = new TrackerDoor(way);
        using Stream greedy = door.Dial();
        byte[] much = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats HTTP/1.1\r\nHost: x\r\n\r\n", 200)));
        Task greed = Task.Run(() =>
        {
            try
            {
                while (true) greedy.Write(much); // and reads nothing
            }
            catch (IOException) { }
        });
        await Task.Run(door.Dispose).WaitAsync(s_patience);
        await greed.WaitAsync(s_patience);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task WhoHasAskedIsAnsweredBeforeTheEndAndNobodyElseIsWaitedFor(Way way)
    {
        var door = new TrackerDoor(way, new HttpLimits { Farewell = s_patience, Request = s_patience });
        using Stream idle = door.Dial(), half = door.Dial();
        idle.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
        Assert.True(idle.Read(new byte[1000]) > 0);
        half.Write("GET /hea"u8);
        var asking = new List<Stream>();
        for (int i = 0; i < 100; i++) asking.Add(door.Dial());
        foreach (Stream stream in asking) stream.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea"u8);
        await Task.Run(door.Dispose).WaitAsync(s_patience / 2); // nobody is left who would take the whole farewell
        foreach (Stream stream in asking)
        {
            using (stream) Assert.Equal(2, Answers(stream));
        }
        foreach (Stream stream in (Stream[])[idle, half]) TrackerDoor.AssertClosed(() => stream);

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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PacketsThatWaitWhenItStopsAreAnswered(bool portable)
    {
        using var busy = new SemaphoreSlim(0);
        SemaphoreSlim[] goOn = [.. Enumerable.Range(0, 4).Select(_ => new SemaphoreSlim(0))]; // one for each packet: two threads may wait
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        var server = new UdpServer(socket, Answer, portable);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(IPAddress.Loopback, port);
        client.Send([1]);
        Assert.True(await busy.WaitAsync(s_patience));
        await Queue(2);
        server.Stop();
        goOn[1].Release();
        Task stopped = Task.Run(server.Dispose);
        Assert.True(await busy.WaitAsync(s_patience));
        await Queue(3); // what comes while it answers the last of them belongs to them
        goOn[2].Release();
        goOn[3].Release();
        await stopped.WaitAsync(s_patience);
        byte[] answer = new byte[10];
        var answered = new List<byte>();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(1, await client.ReceiveAsync(answer).WaitAsync(s_patience));
            answered.Add(answer[0]);
        }
        Assert.Equal<byte>([1, 2, 3], answered.Order()); // two threads send them

        async Task Queue(byte packet)
        {
            client.Send([packet]);
            using var late = new CancellationTokenSource(s_patience);
            while (socket.Available == 0) await Task.Delay(1, late.Token);
        }

        int Answer(ReadOnlySpan<byte> packet, in PeerAddress from, Span<byte> reply)
        {
            if (packet.IsEmpty) return 0; // woken
            busy.Release();
            goOn[packet[0]].Wait(s_patience);
            reply[0] = packet[0];
            return 1;
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
        clients[0].Write("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n"u8);
        Assert.True(busy.Wait(TimeSpan.FromSeconds(20)));
        foreach (NetworkStream kept in clients[1..]) kept.Write("GET /x HTTP/1.1\r\nHost: x\r\n\r\nGET /ha"u8);
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
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };
            socket.Connect(IPAddress.Loopback, port.Number);
            clients.Add(new NetworkStream(socket, ownsSocket: true));
            clients[^1].Write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"u8);
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

    /// <summary>Who is taken out of the queue at the end is hung up at once, perhaps before anybody serves it.</summary>
    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task ItEndsThoughSomeHaveJustCome(Way way)
    {
        for (int round = 0; round < 10; round++)
        {
            var door = new TrackerDoor(way);
            Socket[] clients = [.. Enumerable.Range(0, 20).Select(_ => door.DialRaw())];
            await Task.Run(door.Dispose).WaitAsync(s_patience);
            foreach (Socket client in clients) client.Dispose();
        }
    }
}
