// Which peers are handed out: near ones and random ones. What that does to a swarm on several sites is measured in Simulation.
using System.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class NearPeersTests
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
}
