using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class SwarmQuotaTests
{
    static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(100);

    static SwarmStore Store(long torrents, long peers) => new(Lifetime, new byte[16], new SwarmQuota(torrents, peers));

    static SwarmLimit Tell(SwarmStore store, int torrent, int port, bool six = false, AnnounceEvent happened = AnnounceEvent.None, double now = 0)
    {
        byte[] name = new byte[20];
        BitConverter.TryWriteBytes(name, torrent);
        var announce = new Announce { InfoHash = new InfoHash(name), PeerId = default, Port = (ushort)port, Left = 1, Event = happened };
        PeerAddress from = PeerAddress.From(six ? [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7] : [198, 51, 100, 7]);
        return store.Announce(announce, from, TimeSpan.FromSeconds(now), default, default).Full;
    }

    [Fact]
    public void ATorrentWithPeersOfBothFamiliesIsOne()
    {
        using SwarmStore store = Store(1, 10);
        Assert.Equal(SwarmLimit.None, Tell(store, 1, 1));
        Assert.Equal(SwarmLimit.None, Tell(store, 1, 1, six: true));
        Assert.Equal(SwarmLimit.Torrents, Tell(store, 2, 1));
        Tell(store, 1, 1, happened: AnnounceEvent.Stopped);
        Assert.Equal(SwarmLimit.Torrents, Tell(store, 2, 1));
        Tell(store, 1, 1, six: true, happened: AnnounceEvent.Stopped);
        Assert.Equal(SwarmLimit.None, Tell(store, 2, 1));
    }

    [Fact]
    public void APeerThatIsRefusedTakesNeitherItsPlaceNorItsTorrents()
    {
        using SwarmStore store = Store(2, 1);
        Assert.Equal(SwarmLimit.None, Tell(store, 1, 1));
        for (int i = 0; i < 10; i++) Assert.Equal(SwarmLimit.Peers, Tell(store, 2, 1));
        for (int i = 0; i < 10; i++) Tell(store, 2, 1, happened: AnnounceEvent.Stopped);
        Assert.Equal(((1, 0), (1L, 0L)), (store.Torrents, store.Peers));
        Tell(store, 1, 1, happened: AnnounceEvent.Stopped);
        Assert.Equal(SwarmLimit.None, Tell(store, 2, 1));
        Assert.Equal(SwarmLimit.Peers, Tell(store, 2, 2));
    }

    [Fact]
    public void MemoryIsALimitForBothTogether()
    {
        const int room = 10 * (SwarmQuota.TorrentBytes + SwarmQuota.PeerBytes) + 3 * SwarmQuota.PeerBytes;
        using var store = new SwarmStore(Lifetime, new byte[16], new SwarmQuota(long.MaxValue, long.MaxValue, room));
        for (int torrent = 0; torrent < 10; torrent++) Assert.Equal(SwarmLimit.None, Tell(store, torrent, 1));
        Assert.Equal(SwarmLimit.Memory, Tell(store, 10, 1));
        for (int port = 2; port < 5; port++) Assert.Equal(SwarmLimit.None, Tell(store, 1, port));
        Assert.Equal(SwarmLimit.Memory, Tell(store, 1, 5));
        Assert.Equal(SwarmLimit.None, Tell(store, 1, 4)); // who is there is served
        Tell(store, 9, 1, happened: AnnounceEvent.Stopped);
        Assert.Equal(SwarmLimit.None, Tell(store, 10, 1));
    }

    [Fact]
    public void SilentPeersGiveTheirPlacesBackWhateverHappenedBefore()
    {
        const int torrents = 20, peers = 100;
        using SwarmStore store = Store(torrents, peers);
        var random = new Random(6);
        for (int round = 0; round < 5; round++)
        {
            double now = round * 1000;
            for (int i = 0; i < 20_000; i++)
            {
                Tell(store, random.Next(40), random.Next(1, 40), random.Next(2) == 0, random.Next(3) == 0 ? AnnounceEvent.Stopped : AnnounceEvent.None, now);
                (long four, long six) = store.Peers;
                Assert.InRange(four + six, 0, peers);
            }
            store.Expire(TimeSpan.FromSeconds(now + 105), int.MaxValue);
            Assert.Equal(((0, 0), (0L, 0L)), (store.Torrents, store.Peers));

            // All places are free again, and no more than there were.
            for (int i = 0; i < torrents; i++) Assert.Equal(SwarmLimit.None, Tell(store, i, 1, i % 2 == 0, now: now + 200));
            Assert.Equal(SwarmLimit.Torrents, Tell(store, torrents, 1, now: now + 200));
            for (int i = torrents; i < peers; i++) Assert.Equal(SwarmLimit.None, Tell(store, i % torrents, 100 + i, now: now + 200));
            Assert.Equal(SwarmLimit.Peers, Tell(store, 1, 99, now: now + 200));
            store.Expire(TimeSpan.FromSeconds(now + 310), int.MaxValue);
        }
    }

    [Fact]
    public async Task ThreadsThatComeAndGoTogetherLeaveTheCountRight()
    {
        var quota = new SwarmQuota(10, 10);
        using var start = new Barrier(2);
        void ComeAndGo()
        {
            start.SignalAndWait();
            for (int i = 0; i < 1_000_000; i++)
            {
                Assert.Equal(SwarmLimit.None, quota.TryAdd(withTorrent: true));
                quota.Remove(1, withTorrent: true);
            }
        }
        await Task.WhenAll(Task.Run(ComeAndGo), Task.Run(ComeAndGo));
        for (int i = 0; i < 10; i++) Assert.Equal(SwarmLimit.None, quota.TryAdd(withTorrent: true));
        Assert.Equal(SwarmLimit.Torrents, quota.TryAdd(withTorrent: true));
        Assert.Equal(SwarmLimit.Peers, quota.TryAdd(withTorrent: false));
    }

    [Fact]
    public void ThreadsTogetherFillTheTrackerToTheLimitAndNotBeyond()
    {
        using SwarmStore store = Store(500, 5000);
        Parallel.For(0, 4, thread =>
        {
            for (int i = 0; i < 10_000; i++) Tell(store, i % 1000, 1 + i / 1000 + thread * 100, six: thread % 2 == 0);
        });
        Assert.Equal(5000, store.Peers.IPv4 + store.Peers.IPv6);
        Assert.InRange(Math.Max(store.Torrents.IPv4, store.Torrents.IPv6), 1, 500);
    }
}
