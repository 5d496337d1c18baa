using System.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class SwarmStoreTests
{
    static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(100);
    static readonly byte[] Secret = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

    readonly record struct Peer(PeerAddress Address, ushort Port)
    {
        public override string ToString() => $"{Address}:{Port}";
    }

    static Peer Peer4(int number) => new(PeerAddress.From([33, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), (ushort)(1 + number % 60000));

    static Peer Peer6(int number) => new(PeerAddress.From(
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), (ushort)(1 + number % 60000));

    static InfoHash Name(int number)
    {
        byte[] bytes = new byte[20];
        new Random(number).NextBytes(bytes);
        return new InfoHash(bytes);
    }

    static Announce From(InfoHash name, Peer peer, long left = 1, AnnounceEvent happened = AnnounceEvent.None) =>
        new() { InfoHash = name, PeerId = default, Port = peer.Port, Left = left, Event = happened };

    static SwarmReply Tell(SwarmStore store, InfoHash name, Peer peer, out List<Peer> same, out List<Peer> other,
        int want = 50, long left = 1, AnnounceEvent happened = AnnounceEvent.None, double now = 1000)
    {
        bool six = peer.Address.IsIPv6;
        byte[] sameBytes = new byte[want * (six ? 18 : 6)], otherBytes = new byte[want * (six ? 6 : 18)];
        SwarmReply reply = store.Announce(From(name, peer, left, happened), peer.Address, TimeSpan.FromSeconds(now), sameBytes, otherBytes);
        same = Unpack(sameBytes.AsSpan(0, reply.SameFamily), six ? 18 : 6);
        other = Unpack(otherBytes.AsSpan(0, reply.OtherFamily), six ? 6 : 18);
        return reply;
    }

    static List<Peer> Unpack(ReadOnlySpan<byte> bytes, int size)
    {
        var endpoints = new List<IPEndPoint>();
        CompactPeers.Read(bytes, size, endpoints);
        Assert.Equal(bytes.Length, endpoints.Count * size);
        return endpoints.ConvertAll(e => new Peer(PeerAddress.From(e.Address), (ushort)e.Port));
    }

    [Fact]
    public void TheFirstPeerHearsOfNobodyAndTheSecondOfTheFirst()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Assert.Equal(new SwarmCounts(0, 1, 0), Tell(store, Name(1), Peer4(1), out List<Peer> peers, out _).Counts);
        Assert.Empty(peers);
        Tell(store, Name(1), Peer4(2), out peers, out _);
        Assert.Equal([Peer4(1)], peers);
        Tell(store, Name(1), Peer6(3), out peers, out List<Peer> others);
        Assert.Empty(peers);
        Assert.Equal(2, others.Count);
    }

    [Fact]
    public void APeerThatSaysStoppedIsGoneAtOnceAndTheTorrentWithTheLast()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Tell(store, Name(1), Peer4(1), out _, out _);
        Tell(store, Name(1), Peer4(2), out _, out _, happened: AnnounceEvent.Stopped);
        Assert.Equal((1, 0), store.Torrents);
        Assert.Equal(default, Tell(store, Name(1), Peer4(1), out _, out _, happened: AnnounceEvent.Stopped));
        Assert.Equal((0, 0), store.Torrents);
        Assert.Equal((0L, 0L), store.Peers);
    }

    [Fact]
    public void CompletedIsCountedWhenALeecherBecomesASeedAndOnlyThen()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Tell(store, Name(1), Peer4(1), out _, out _, left: 0, happened: AnnounceEvent.Started);
        Assert.Equal(0, store.Scrape(Name(1)).Completed);
        Tell(store, Name(1), Peer4(2), out _, out _);
        Tell(store, Name(1), Peer4(2), out _, out _, left: 5, happened: AnnounceEvent.Completed);
        Assert.Equal(0, store.Scrape(Name(1)).Completed);
        for (int again = 0; again < 3; again++) Tell(store, Name(1), Peer4(2), out _, out _, left: 0, happened: AnnounceEvent.Completed);
        Tell(store, Name(1), Peer6(3), out _, out _, left: 0, happened: AnnounceEvent.Completed);
        Assert.Equal(new SwarmCounts(3, 0, 2), store.Scrape(Name(1)));
    }

    [Fact]
    public void ASeedIsToldOfNoSeeds()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        for (int i = 0; i < 2000; i++) Tell(store, Name(1), Peer4(i), out _, out _, left: i % 10 == 0 ? 1 : 0);
        for (int i = 1; i < 200; i++)
        {
            Tell(store, Name(1), Peer4(i), out List<Peer> peers, out _, left: i % 10 == 0 ? 1 : 0);
            Assert.Equal(50, peers.Count);
            if (i % 10 != 0) Assert.All(peers, p => Assert.Equal(1, p.Port % 10)); // the leechers are 0, 10, 20 and so on
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(60)]
    [InlineData(500)]
    [InlineData(3000)]
    public void EveryOtherPeerIsDrawnAboutEquallyOftenAndTheAskerNever(int swarm)
    {
        using var store = new SwarmStore(Lifetime, Secret);
        for (int i = 0; i < swarm; i++) Tell(store, Name(1), Peer4(i), out _, out _);
        var seen = new Dictionary<Peer, int>();
        const int rounds = 4000, want = 30;
        for (int round = 0; round < rounds; round++)
        {
            Peer asker = Peer4(round % Math.Min(swarm, 7));
            Tell(store, Name(1), asker, out List<Peer> peers, out _, want);
            Assert.Equal(Math.Min(want, swarm - 1), peers.Count);
            Assert.DoesNotContain(asker, peers);
            Assert.Equal(peers.Count, peers.Distinct().Count());
            foreach (Peer peer in peers) seen[peer] = seen.GetValueOrDefault(peer) + 1;
        }
        if (swarm <= 7) return;
        double mean = (double)rounds * want / swarm;
        // Windows are runs, so draws within one are not independent; three sigma of that, on both sides.
        double tolerance = 5 * Math.Sqrt(mean) + mean * 0.35;
        for (int i = 7; i < swarm; i++) Assert.InRange(seen.GetValueOrDefault(Peer4(i)), mean - tolerance, mean + tolerance);
    }

    [Fact]
    public void SilentPeersGoAfterTheirLifetimeAndTheOthersStay()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        for (int i = 0; i < 3000; i++)
        {
            Tell(store, Name(i % 100), Peer4(i), out _, out _, now: 0);
            Tell(store, Name(-1), Peer6(i), out _, out _, now: 0);
        }
        for (int i = 0; i < 3000; i += 3) Tell(store, Name(-1), Peer6(i), out _, out _, now: 80);
        store.Expire(TimeSpan.FromSeconds(90), int.MaxValue);
        Assert.Equal((3000L, 3000L), store.Peers);
        store.Expire(TimeSpan.FromSeconds(110), int.MaxValue);
        Assert.Equal((0L, 1000L), store.Peers);
        Assert.Equal((0, 1), store.Torrents);
        store.Expire(TimeSpan.FromSeconds(190), int.MaxValue);
        Assert.Equal((0L, 0L), store.Peers);
        Assert.Equal((0, 0), store.Torrents);
    }

    [Fact]
    public void ExpiryInSmallStepsReachesEverythingInTheEnd()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        for (int i = 0; i < 20000; i++) Tell(store, Name(i < 15000 ? 0 : i), i % 2 == 0 ? Peer4(i) : Peer6(i), out _, out _, now: 0);
        long before = long.MaxValue;
        for (int step = 0; step < 2000; step++)
        {
            store.Expire(TimeSpan.FromSeconds(110), 100);
            long left = store.Peers.IPv4 + store.Peers.IPv6;
            Assert.InRange(before - left, before == long.MaxValue ? 0 : -1, long.MaxValue);
            before = left;
        }
        Assert.Equal(0, before);
        Assert.Equal((0, 0), store.Torrents);
    }

    [Theory]
    [InlineData(1, 3, 4000)]
    [InlineData(2, 40, 300)]
    [InlineData(3, 2000, 3)]
    [InlineData(4, 1, 1500)]
    public void TheStoreAgreesWithPlainDictionaries(int seed, int torrents, int peersEach)
    {
        var random = new Random(seed);
        using var store = new SwarmStore(Lifetime, Secret);
        var model = new Dictionary<int, Dictionary<Peer, (bool Seed, double Seen)>>();
        double now = 0;
        const int steps = 30_000;
        for (int step = 0; step < steps; step++)
        {
            now += random.NextDouble() * 0.06; // a peer announces a few times in its life
            int torrent = random.Next(torrents), number = random.Next(peersEach);
            Peer peer = number % 3 == 0 ? Peer6(number) : Peer4(number);
            // Phases of growth and of shrinking, so that chunks split and join.
            bool stop = random.Next(10) < (step / 5_000 % 2 == 0 ? 1 : 8), seeds = random.Next(3) == 0;
            if (!model.TryGetValue(torrent, out Dictionary<Peer, (bool Seed, double Seen)>? swarm)) model[torrent] = swarm = [];
            SwarmReply reply = Tell(store, Name(torrent), peer, out List<Peer> same, out List<Peer> other, random.Next(60),
                seeds ? 0 : 1, stop ? AnnounceEvent.Stopped : AnnounceEvent.None, now);

            foreach (Peer told in same.Concat(other))
            {
                Assert.True(swarm.TryGetValue(told, out (bool Seed, double Seen) entry), $"seed {seed} step {step}: {told} is not in the swarm");
                Assert.False(peer == told);
                Assert.False(seeds && entry.Seed, $"seed {seed} step {step}: a seed was told of a seed");
            }
            Assert.Equal(same.Count, same.Distinct().Count());
            if (stop) swarm.Remove(peer);
            else swarm[peer] = (seeds, now);
            if (stop) Assert.Empty(same);
            Assert.True(swarm.Count == reply.Counts.Seeders + reply.Counts.Leechers, $"seed {seed} step {step}: {swarm.Count} but {reply.Counts}");

            if (step % 1000 != 999) continue;
            store.Expire(TimeSpan.FromSeconds(now), int.MaxValue);
            // Stamps are eightieths of the lifetime, so the last eightieth may fall on either side: leave it out of the comparison.
            foreach ((int name, Dictionary<Peer, (bool Seed, double Seen)> all) in model)
            {
                SwarmCounts counts = store.Scrape(Name(name));
                foreach (Peer dead in all.Where(p => now - p.Value.Seen > 100).Select(p => p.Key).ToList())
                {
                    if (now - all[dead].Seen <= 102) Tell(store, Name(name), dead, out _, out _, happened: AnnounceEvent.Stopped, now: now);
                    all.Remove(dead);
                }
                counts = store.Scrape(Name(name));
                Assert.Equal((all.Count, all.Count(p => p.Value.Seed)), (counts.Seeders + counts.Leechers, counts.Seeders));
            }
            Assert.Equal(model.Values.Sum(s => (long)s.Count), store.Peers.IPv4 + store.Peers.IPv6);
        }
    }

    [Fact]
    public void AnAnnounceAllocatesNothing()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        byte[] same = new byte[300], other = new byte[900];
        Announce announce = From(Name(1), Peer4(1));
        void Round()
        {
            for (int i = 0; i < 2000; i++) store.Announce(announce with { Port = (ushort)(1 + i) }, Peer4(1).Address, default, same, other);
        }
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2000 * 32); // Peer4 itself makes an array
    }

    [Fact]
    public void ManyThreadsMayAnnounceAtOnce()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
        {
            for (int i = 0; i < 5000; i++) Tell(store, Name(i % 10), Peer4(thread * 5000 + i), out _, out _);
        });
        Assert.Equal((20_000L, 0L), store.Peers);
        Assert.Equal(20_000, Enumerable.Range(0, 10).Sum(i => store.Scrape(Name(i)).Leechers));
    }

    [Fact]
    public void AnAnnounceFromTheNextMomentIsNotOld()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Tell(store, Name(1), Peer4(1), out _, out _, now: 1000.5);
        store.Expire(TimeSpan.FromSeconds(999.5), 1_000_000); // the clock was read before that announce came
        Assert.Equal(1, store.Peers.IPv4);
    }
}
