// Who may hold a connection to a tracker, and for how long: the slow, the idle, the many, and those that do not read.
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public class TrackerPlacesTests
{
    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void ASlowClientLosesItsPlaceAndAnIdleOneToo(Way way)
    {
        using (var door = new TrackerDoor(way, new HttpLimits { Request = TimeSpan.FromSeconds(1) }))
        {
            TrackerDoor.AssertClosed(() => new NetworkStream(door.DialRaw(), ownsSocket: true));
            TrackerDoor.AssertClosed(() =>
            {
                Stream slow = door.Dial();
                slow.Write("GET /he"u8);
                return slow;
            });
            Assert.Equal(2, door.Server.Service.Counters.HttpLate);
        }
        using (var door = new TrackerDoor(way, new HttpLimits { Request = TimeSpan.FromHours(1), Idle = TimeSpan.FromSeconds(1) }))
        {
            using Stream idle = door.Dial();
            idle.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
            Assert.True(idle.Read(new byte[1000]) > 0);
            TrackerDoor.AssertClosed(() => idle);
            Assert.Equal(0, door.Server.Service.Counters.HttpLate); // who is idle owes nothing
        }
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task AClientThatDripsItsRequestLosesItsPlaceHoweverBusyItIs(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Request = TimeSpan.FromSeconds(1) });
        using Socket socket = door.DialRaw();
        Task dripping = Task.CompletedTask;
        TrackerDoor.AssertClosed(() =>
        {
            Stream stream = door.Secure(socket); // a slow machine may have lost its place here already
            dripping = Task.Run(() => DripAsync(stream));
            return stream;
        });
        await dripping;

        static async Task DripAsync(Stream stream)
        {
            try
            {
                for (stream.Write("GET /"u8); ; await Task.Delay(20)) stream.Write("a"u8);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException) { } // closed
        }
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void BeyondTheLimitConnectionsAreClosedAndThePlacesAreGivenAgain(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Connections = 1, Request = TimeSpan.FromHours(1) }, address: IPAddress.Loopback);
        using (Stream first = door.Dial())
        {
            first.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET "u8); // half a second request: who is idle would make room
            Assert.True(first.Read(new byte[100]) > 0);
            TrackerDoor.AssertClosed(() =>
            {
                Stream second = door.Dial();
                second.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
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
                stream.Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
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
                idle[i].Write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8);
                Assert.True(idle[i].Read(new byte[100]) > 0);
            }
            Assert.EndsWith("ok\n", GetOnceThereIsRoom(door), StringComparison.Ordinal); // which of the eight had to go is open
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
        using Socket socket = door.DialRaw();
        byte[] requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats HTTP/1.1\r\nHost: x\r\n\r\n", 200)));
        try
        {
            Stream stream = door.Secure(socket);
            for (int i = 0; i < 1000; i++) stream.Write(requests); // 4 MB ask for some 700
        }
        catch (IOException)
        {
            // Closed before all was said.
        }
        Assert.True(SpinWait.SpinUntil(() => door.Server.Service.Counters.HttpLate == 1, TimeSpan.FromSeconds(60)));
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task AClientThatDoesNotReadHoldsNobodyUpAndOneThatReadsLateGetsEverything(Way way)
    {
        using var door = new TrackerDoor(way, new HttpLimits { Request = TimeSpan.FromHours(1) });
        using Stream late = door.Dial();
        const int requests = 40_000; // more than the sockets between the two hold
        byte[] all = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /stats.json HTTP/1.1\r\nHost: x\r\n\r\n", requests)) + "GET /stats.json HTTP/1.0\r\n\r\n");
        var sending = Task.Run(() => late.Write(all));
        Assert.EndsWith("ok\n", door.Get("/health"), StringComparison.Ordinal);
        string answers = TrackerDoor.ReadToEnd(late);
        await sending;
        Assert.Equal(requests + 1, answers.Split("\"uptime\":").Length - 1);
    }
}
