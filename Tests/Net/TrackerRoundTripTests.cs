using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Net;

/// <summary>Our client against our tracker, over real sockets.</summary>
public class TrackerRoundTripTests
{
    sealed class Peer : ITrackerEvents, IDisposable
    {
        readonly TrackerTransport _transport = new();
        readonly SemaphoreSlim _answers = new(0);

        public Peer(string url, int port, long left)
        {
            Announce self = FakeTrackers.Self with { Port = (ushort)port, PeerId = PeerId.Create(new Random(port)), Key = (uint)port };
            Client = new TrackerClient(self, [[url]], _transport, this, new Random(1));
            Totals = new AnnounceTotals(0, 0, left, WantsNothing: left == 0);
        }

        public TrackerClient Client { get; }
        public AnnounceTotals Totals { get; set; }
        public List<IPEndPoint> Found { get; } = [];
        public TrackerStatus? Last { get; private set; }

        public void OnPeers(IReadOnlyList<IPEndPoint> peers) => Found.AddRange(peers);

        public void OnTracker(TrackerStatus status)
        {
            Last = status;
            _answers.Release();
        }

        public void Start() => Client.Tick(TimeSpan.Zero);

        public async Task AnswerAsync() => Assert.True(await _answers.WaitAsync(TimeSpan.FromSeconds(20)), "no answer");

        public void Stop()
        {
            Client.Stop();
            _transport.Shutdown(TimeSpan.FromSeconds(10));
        }

        public void Dispose()
        {
            _transport.Dispose();
            _answers.Dispose();
        }
    }

    [Theory]
    [InlineData("http", "127.0.0.1")]
    [InlineData("udp", "127.0.0.1")]
    [InlineData("http", "[::1]")]
    [InlineData("udp", "[::1]")]
    [InlineData("http", "127.0.0.1", "a-key_1")]
    public async Task TwoPeersFindEachOtherCompleteAndLeave(string scheme, string host, string? passkey = null)
    {
        if (host == "[::1]" && !Socket.OSSupportsIPv6) return;
        SharedPort shared = SharedPort.Open(IPAddress.IPv6Any, 0);
        string path = passkey is null ? "/announce" : $"/{passkey}/announce";
        Passkeys? keys = passkey is null ? null : Passkeys.Parse(passkey, new byte[Passkeys.SecretSize]);
        using var server = new TrackerServer(new TrackerOptions { Keys = keys }, new HttpLimits(), [shared]);
        string url = $"{scheme}://{host}:{shared.Number}{path}";
        using var seeder = new Peer(url, 1001, left: 0);
        seeder.Start();
        await seeder.AnswerAsync();
        Assert.Equal((1, 0, TrackerState.Working), (seeder.Last!.Seeders, seeder.Last.Leechers, seeder.Last.State));

        using var leecher = new Peer(url, 1002, left: 5);
        leecher.Start();
        await leecher.AnswerAsync();
        Assert.Equal($"{host}:1001", Assert.Single(leecher.Found).ToString());
        leecher.Totals = new AnnounceTotals(0, 5, 0, WantsNothing: true);
        leecher.Client.OnFinished();
        await leecher.AnswerAsync();

        seeder.Stop();
        Assert.True(seeder.Client.IsStopped);
        using var probe = new TrackerProbe();
        Assert.Equal((1, 0, 1), probe.Ask(url, scrape: true) is var s ? (s.Seeders, s.Leechers, s.Completed) : default);
        leecher.Stop();
        Assert.Equal((0, 0), probe.Ask(url, scrape: true) is var t ? (t.Seeders, t.Leechers) : default);
    }
}
