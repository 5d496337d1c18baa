// Which peers are handed out: near ones and random ones, and what that does to the traffic of a swarm on several sites.
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Tracker;

public class NearPeersTests(ITestOutputHelper output)
{
    static readonly InfoHash s_name = new("abcdefghijklmnopqrst"u8);

    static List<IPEndPoint> Tell(SwarmStore store, string address, int port = 1, long left = 1, int want = 20)
    {
        var from = PeerAddress.From(IPAddress.Parse(address));
        int size = from.IsIPv6 ? 18 : 6;
        byte[] peers = new byte[want * size];
        var announce = new Announce { InfoHash = s_name, PeerId = default, Port = (ushort)port, Left = left, Event = AnnounceEvent.Started };
        SwarmReply reply = store.Announce(announce, from, TimeSpan.Zero, peers, default);
        var told = new List<IPEndPoint>();
        CompactPeers.Read(peers.AsSpan(0, reply.SameFamily), size, told);
        return told;
    }

    [Fact]
    public void HalfOfAnAnswerIsTheNearestAndHalfIsAnybody()
    {
        using var store = new SwarmStore(TimeSpan.FromHours(1), new byte[16]);
        for (int i = 0; i < 200; i++) Tell(store, $"{20 + i % 10 * 11}.{i}.1.1");
        for (int i = 1; i <= 4; i++) Tell(store, $"10.1.1.{i}");
        for (int i = 1; i <= 3; i++) Tell(store, $"10.1.{i + 10}.1");
        Tell(store, "10.1.1.9", port: 7);
        var others = new HashSet<IPEndPoint>();
        for (int round = 0; round < 300; round++)
        {
            List<IPEndPoint> told = Tell(store, "10.1.1.9", port: 8, want: 16);
            Assert.Equal((16, 16), (told.Count, told.Distinct().Count()));
            string[] near = [.. told.Take(8).Select(peer => peer.ToString())];
            Assert.Equal("10.1.1.9:7", near[0]); // the same host
            Assert.Equal(["10.1.1.1:1", "10.1.1.2:1", "10.1.1.3:1", "10.1.1.4:1"], near[1..5].Order());
            Assert.Equal(["10.1.11.1:1", "10.1.12.1:1", "10.1.13.1:1"], near[5..8].Order());
            others.UnionWith(told.Skip(8));
        }
        Assert.Equal(200, others.Count); // in the end everybody has been told of
    }

    [Fact]
    public void InIPv6TheNetworkCounts()
    {
        using var store = new SwarmStore(TimeSpan.FromHours(1), new byte[16]);
        for (int i = 0; i < 100; i++) Tell(store, $"{0x2000 + i * 16:x}:{i:x}::1");
        foreach (string near in (string[])["2fff:1:2:3::1", "2fff:1:2:ff::1"]) Tell(store, near);
        Assert.Equal(["2fff:1:2:3::1", "2fff:1:2:ff::1"], Tell(store, "2fff:1:2:3::2", want: 4).Take(2).Select(peer => peer.Address.ToString()));
    }

    [Fact]
    public void NearOrFarNobodyHearsOfItselfOrTwiceOfAnotherAndASeedOfNoSeed()
    {
        var random = new Random(6);
        using var store = new SwarmStore(TimeSpan.FromHours(1), new byte[16]);
        var seeds = new HashSet<string>();
        for (int round = 0; round < 20_000; round++)
        {
            string address = $"10.{random.Next(3)}.{random.Next(4)}.{random.Next(50)}";
            bool seed = random.Next(2) == 0;
            List<IPEndPoint> told = Tell(store, address, left: seed ? 0 : 1, want: random.Next(1, 60));
            Assert.Equal(told.Count, told.Distinct().Count());
            Assert.DoesNotContain(told, peer => peer.Address.ToString() == address);
            if (seed) Assert.DoesNotContain(told, peer => seeds.Contains(peer.Address.ToString()));
            if (seed) seeds.Add(address);
            else seeds.Remove(address);
        }
    }

    [Fact]
    public void MoreTrafficStaysWithinASiteAndNobodyWaitsLongerForIt()
    {
        foreach (int seed in (int[])[1, 2, 3])
        {
            (double chance, double chanceMean, int chanceLast) = new SiteSwarm(seed, addressesTellSites: false).Run();
            (double near, double nearMean, int nearLast) = new SiteSwarm(seed, addressesTellSites: true).Run();
            string figures = string.Create(CultureInfo.InvariantCulture,
                $"seed {seed}: {chance:p0} within a site at random, {near:p0} by nearness; complete after {chanceMean:f1} (last {chanceLast}) and {nearMean:f1} (last {nearLast}) rounds");
            output.WriteLine(figures);
            Assert.True(near > 2 * chance, figures);
            Assert.True(nearMean <= 1.05 * chanceMean && nearLast <= 1.1 * chanceLast, figures);
        }
    }

    /// <summary>
    /// 180 peers on 6 sites fetch from one seed and each other, in rounds, with a real store as their tracker. The store is the
    /// same either way: addresses that are dealt out without regard to sites leave it nothing but chance.
    /// </summary>
    sealed class SiteSwarm
    {
        const int Sites = 6, Peers = 180, Pieces = 120, Want = 30, MaxNeighbours = 40, UpSlots = 4, DownSlots = 8, AnnounceEvery = 10;

        readonly Random _random;
        readonly bool[][] _has = new bool[Peers][];
        readonly int[] _count = new int[Peers], _availability = new int[Pieces], _address = new int[Peers], _done = new int[Peers];
        readonly HashSet<int>[] _neighbours = new HashSet<int>[Peers];
        readonly Dictionary<uint, int> _byAddress = [];
        long _within, _all;

        public SiteSwarm(int seed, bool addressesTellSites)
        {
            _random = new Random(seed);
            int[] places = [.. Enumerable.Range(0, Peers)];
            if (!addressesTellSites) new Random(seed).Shuffle(places);
            for (int peer = 0; peer < Peers; peer++)
            {
                _has[peer] = new bool[Pieces];
                _neighbours[peer] = [];
                _address[peer] = places[peer];
                _byAddress[AddressOf(peer)] = peer;
            }
            Array.Fill(_has[0], true);
            Array.Fill(_availability, 1);
            _count[0] = Pieces;
        }

        static int SiteOf(int peer) => peer % Sites;

        /// <summary>A network of its own for every site, if the place is the peer's own.</summary>
        uint AddressOf(int peer) => (uint)(((20 + 30 * SiteOf(_address[peer])) << 24) | (7 << 16) | (_address[peer] + 1));

        /// <returns>The share of traffic within a site, and when peers were complete: on average and the last.</returns>
        public (double Within, double Mean, int Last) Run()
        {
            using var store = new SwarmStore(TimeSpan.FromDays(1), new byte[16]);
            int[] joins = [.. Enumerable.Range(0, Peers).Select(peer => peer == 0 ? 0 : _random.Next(10))];
            int round = 0;
            for (; _count.Any(count => count < Pieces); round++)
            {
                Assert.True(round < 1000);
                for (int peer = 0; peer < Peers; peer++)
                    if (round >= joins[peer] && (round - joins[peer]) % AnnounceEvery == 0) Announce(store, peer, first: round == joins[peer]);
                Exchange(round + 1);
            }
            return ((double)_within / _all, _done.Skip(1).Average(), round);
        }

        void Announce(SwarmStore store, int peer, bool first)
        {
            byte[] address = new byte[4], peers = new byte[Want * 6];
            BinaryPrimitives.WriteUInt32BigEndian(address, AddressOf(peer));
            var announce = new Announce { InfoHash = s_name, PeerId = default, Port = 1, Left = Pieces - _count[peer], Event = first ? AnnounceEvent.Started : AnnounceEvent.None };
            SwarmReply reply = store.Announce(announce, PeerAddress.From(address), TimeSpan.Zero, peers, default);
            int[] told = [.. Enumerable.Range(0, reply.SameFamily / 6).Select(i => _byAddress[BinaryPrimitives.ReadUInt32BigEndian(peers.AsSpan(i * 6))])];
            _random.Shuffle(told); // as clients dial
            foreach (int other in told)
            {
                if (_neighbours[peer].Count >= MaxNeighbours || _neighbours[other].Count >= MaxNeighbours) continue;
                _neighbours[peer].Add(other);
                _neighbours[other].Add(peer);
            }
        }

        /// <summary>Everybody sends a few pieces to neighbours that lack them, the rarest first.</summary>
        void Exchange(int round)
        {
            int[] down = new int[Peers], order = [.. Enumerable.Range(0, Peers)];
            _random.Shuffle(order);
            bool[][] before = [.. _has.Select(has => (bool[])has.Clone())]; // what arrives in a round is passed on in the next
            foreach (int from in order)
            {
                int[] neighbours = [.. _neighbours[from].Order()];
                _random.Shuffle(neighbours);
                int sent = 0;
                foreach (int to in neighbours)
                {
                    if (sent == UpSlots) break;
                    if (down[to] == DownSlots || Rarest(before[from], _has[to]) is not { } piece) continue;
                    sent++;
                    down[to]++;
                    _has[to][piece] = true;
                    _availability[piece]++;
                    if (++_count[to] == Pieces) _done[to] = round;
                    _all++;
                    if (SiteOf(from) == SiteOf(to)) _within++;
                }
            }
        }

        int? Rarest(bool[] has, bool[] lacks)
        {
            int? best = null;
            int start = _random.Next(Pieces);
            for (int i = 0; i < Pieces; i++)
            {
                int piece = (start + i) % Pieces;
                if (has[piece] && !lacks[piece] && (best is null || _availability[piece] < _availability[best.Value])) best = piece;
            }
            return best;
        }
    }
}
