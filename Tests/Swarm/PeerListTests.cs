using System.Net;
using TinyTorrent.Swarm;

namespace TinyTorrent.Tests.Swarm;

public class PeerListTests
{
    static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    static IPEndPoint Peer(int n) => new(new IPAddress([10, (byte)(n >> 16), (byte)(n >> 8), (byte)n]), 6881);

    [Fact]
    public void AnAddressIsListedOnceHoweverItIsWritten()
    {
        var list = new PeerList(new Random(1));
        Assert.True(list.Add(new IPEndPoint(IPAddress.Parse("1.2.3.4"), 5)));
        Assert.False(list.Add(new IPEndPoint(IPAddress.Parse("::ffff:1.2.3.4"), 5)));
        Assert.True(list.Add(new IPEndPoint(IPAddress.Parse("1.2.3.4"), 6)));
        Assert.True(list.Add(new IPEndPoint(IPAddress.Parse("2001:db8::1"), 5)));
        Assert.Equal(3, list.Count);
    }

    [Theory]
    [InlineData("1.2.3.4", 0)]
    [InlineData("0.0.0.0", 5)]
    [InlineData("0.1.2.3", 5)]
    [InlineData("224.0.0.1", 5)]
    [InlineData("255.255.255.255", 5)]
    [InlineData("::", 5)]
    [InlineData("ff02::1", 5)]
    [InlineData("::ffff:255.255.255.255", 5)]
    public void WhereNobodyCanBeIsNotListed(string address, int port) =>
        Assert.False(new PeerList(new Random(1)).Add(new IPEndPoint(IPAddress.Parse(address), port)));

    [Fact]
    public void EveryAddressIsDialedOnceBeforeAnyIsDialedAgain()
    {
        var list = new PeerList(new Random(1));
        for (int i = 0; i < 50; i++) list.Add(Peer(i));
        var dialed = new HashSet<IPEndPoint>();
        for (int i = 0; i < 50; i++)
        {
            IPEndPoint peer = list.NextToDial(i * Second)!;
            Assert.True(dialed.Add(peer));
            if (i % 2 == 0) list.OnDialFailed(peer, i * Second);
            else Assert.True(list.OnConnected(peer));
        }
        Assert.False(list.OnConnected(dialed.ElementAt(1)));
    }

    [Fact]
    public void FailuresDoubleTheWaitUpToHalfAnHourAndUseShortensIt()
    {
        var list = new PeerList(new Random(1));
        list.Add(Peer(1));
        TimeSpan now = default;
        double expected = 15;
        for (int i = 0; i < 12; i++, expected = Math.Min(expected * 2, 1800))
        {
            Assert.NotNull(list.NextToDial(now));
            Assert.Null(list.NextDue);
            list.OnDialFailed(Peer(1), now);
            Assert.Null(list.NextToDial(now + expected * 0.74 * Second));
            Assert.InRange((list.NextDue!.Value - now).TotalSeconds, expected * 0.75, expected * 1.25);
            now = list.NextDue.Value;
        }
        list.NextToDial(now);
        list.OnConnected(Peer(1));
        Assert.Null(list.NextToDial(now + TimeSpan.FromDays(1)));
        list.OnClosed(Peer(1), useful: true, now);
        Assert.InRange((list.NextDue!.Value - now).TotalSeconds, 15, 25);
    }

    [Fact]
    public void AConnectionThatWasOfNoUseCountsAsAFailure()
    {
        var list = new PeerList(new Random(1));
        foreach (int expected in (int[])[15, 30, 60])
        {
            list.OnConnected(Peer(1));
            list.OnClosed(Peer(1), useful: false, default);
            Assert.InRange(list.NextDue!.Value.TotalSeconds, expected * 0.75, expected * 1.25);
        }
    }

    [Fact]
    public void PeersThatWereLostTogetherAreNotDialedTogether()
    {
        var waits = new HashSet<TimeSpan>();
        for (int seed = 0; seed < 100; seed++)
        {
            var list = new PeerList(new Random(seed));
            list.OnConnected(Peer(1));
            list.OnClosed(Peer(1), useful: true, default);
            waits.Add(list.NextDue!.Value);
        }
        Assert.True(waits.Count > 50 && waits.Max() - waits.Min() > 8 * Second, $"{waits.Count} from {waits.Min()} to {waits.Max()}");
    }

    /// <summary>Peers on this machine share an address.</summary>
    [Fact]
    public void OnThisMachineABanIsOfThePortAlone()
    {
        var list = new PeerList(new Random(1));
        list.Ban(new IPEndPoint(IPAddress.Loopback, 1));
        Assert.True(list.IsBanned(new IPEndPoint(IPAddress.Loopback, 1)));
        Assert.False(list.IsBanned(new IPEndPoint(IPAddress.Loopback, 2)));
        Assert.True(list.Add(new IPEndPoint(IPAddress.Loopback, 2)));
    }

    [Fact]
    public void APeerTheUserNamedIsTriedAgainWithinSecondsAndEveryMinuteAtLeast()
    {
        var list = new PeerList(new Random(1));
        TimeSpan now = default;
        list.OnDialing(Peer(1));
        foreach (int expected in (int[])[2, 4, 8, 16, 32, 60, 60])
        {
            list.OnDialFailed(Peer(1), now);
            Assert.InRange((list.NextDue!.Value - now).TotalSeconds, expected * 0.75, expected * 1.25);
            now = list.NextDue.Value;
            Assert.NotNull(list.NextToDial(now));
        }
        list.OnConnected(Peer(1));
        list.OnClosed(Peer(1), useful: true, now);
        Assert.InRange((list.NextDue!.Value - now).TotalSeconds, 1.5, 2.5);
    }

    [Fact]
    public void PeersThatServedUsComeFirstAndPeersThatFailedLast()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var list = new PeerList(new Random(seed));
            for (int i = 0; i < 30; i++) list.Add(Peer(i));
            for (int i = 0; i < 10; i++) list.OnDialFailed(Peer(i), default);
            for (int i = 10; i < 20; i++) list.OnClosed(Peer(i), useful: true, default);
            var order = new List<int>();
            while (list.NextToDial(60 * Second) is { } peer) order.Add(peer.Address.GetAddressBytes()[3] / 10);
            Assert.Equal([.. Enumerable.Repeat(1, 10), .. Enumerable.Repeat(2, 10), .. Enumerable.Repeat(0, 10)], order);
        }
    }

    [Fact]
    public void EqualsAreDialedInRandomOrder()
    {
        var first = new int[10];
        for (int seed = 0; seed < 10_000; seed++)
        {
            var list = new PeerList(new Random(seed));
            for (int i = 0; i < 10; i++) list.Add(Peer(i));
            first[list.NextToDial(default)!.Address.GetAddressBytes()[3]]++;
        }
        Assert.All(first, count => Assert.InRange(count, 850, 1150));
    }

    [Fact]
    public void AFullListForgetsWhatFailedMostAndNeverWhatTheUserNamed()
    {
        var list = new PeerList(new Random(1), capacity: 3);
        list.Add(Peer(1), keep: true);
        list.Add(Peer(2));
        list.Add(Peer(3));
        Assert.False(list.Add(Peer(4)));
        for (int i = 0; i < 5; i++) list.OnDialFailed(Peer(1), default);
        list.OnDialFailed(Peer(2), default);
        Assert.True(list.Add(Peer(4)));
        Assert.Equal(3, list.Count);
        Assert.True(list.Add(Peer(2), keep: true));
        Assert.False(list.Add(Peer(1)));
    }

    [Fact]
    public void BannedAndOwnAddressesAreNeitherDialedNorListedAgain()
    {
        var list = new PeerList(new Random(1));
        list.Add(Peer(1));
        list.Add(new IPEndPoint(Peer(1).Address, 7000));
        list.Add(Peer(2));
        list.Ban(new IPEndPoint(IPAddress.Parse("::ffff:10.0.0.1"), 6881));
        list.OnOwnAddress(Peer(2));
        Assert.Equal(0, list.Count);
        Assert.True(list.IsBanned(Peer(1)));
        Assert.False(list.Add(Peer(1)) || list.Add(Peer(2)));
        Assert.Null(list.NextToDial(default));
        list.OnClosed(Peer(1), useful: true, default);
        Assert.True(list.OnConnected(Peer(1)));
        Assert.Equal(0, list.Count);
    }

    [Fact]
    public void ABanHoldsForAllPortsOfAnAddressButOnLoopbackForOne()
    {
        var list = new PeerList(new Random(1));
        Assert.Equal(PeerList.OriginOf(new IPEndPoint(IPAddress.Parse("10.0.0.1"), 1)), PeerList.OriginOf(new IPEndPoint(IPAddress.Parse("::ffff:10.0.0.1"), 2)));
        list.Ban(PeerList.OriginOf(Peer(1)));
        list.Ban(PeerList.OriginOf(new IPEndPoint(IPAddress.Loopback, 1)));
        Assert.True(list.IsBanned(new IPEndPoint(Peer(1).Address, 40_000)) && list.IsBanned(new IPEndPoint(IPAddress.Loopback, 1)));
        Assert.False(list.IsBanned(Peer(2)) || list.IsBanned(new IPEndPoint(IPAddress.Loopback, 2)));
    }
}
