using System.Text;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public sealed class UdpTrackerTests : IDisposable
{
    static readonly byte[] Secret = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    static readonly PeerAddress Four = PeerAddress.From([198, 51, 100, 7]);
    static readonly PeerAddress Six = PeerAddress.From([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    static readonly InfoHash Name = new("abcdefghijklmnopqrst"u8);
    static readonly TimeSpan Now = TimeSpan.FromSeconds(1000);

    readonly TrackerService _service = new(new TrackerOptions { MaxPeers = 1000 }, Secret);
    readonly UdpTracker _tracker;
    readonly byte[] _reply = new byte[UdpCodec.MaxPacketSize];

    public UdpTrackerTests() => _tracker = new UdpTracker(_service);

    public void Dispose() => _service.Dispose();

    ulong Connect(PeerAddress from)
    {
        byte[] packet = new byte[16];
        UdpCodec.WriteConnect(packet, 1);
        int length = _tracker.Answer(packet, from, Now, _reply);
        Assert.True(UdpCodec.TryReadReply(_reply.AsSpan(0, length), out UdpReply reply));
        return reply.ConnectionId;
    }

    byte[] AnnouncePacket(ulong id, int port, int want = -1, AnnounceEvent happened = AnnounceEvent.Started, PeerAddress claimed = default)
    {
        byte[] packet = new byte[UdpCodec.AnnounceSize];
        var announce = new Announce
        {
            InfoHash = Name, PeerId = default, Port = (ushort)port, Left = 1, NumWant = want, Event = happened, Address = claimed,
        };
        UdpCodec.WriteAnnounce(packet, id, 42, announce, default);
        return packet;
    }

    UdpReply Ask(ReadOnlySpan<byte> packet, PeerAddress from)
    {
        int length = _tracker.Answer(packet, from, Now, _reply);
        Assert.True(UdpCodec.TryReadReply(_reply.AsSpan(0, length), out UdpReply reply));
        Assert.Equal(42u, reply.Transaction);
        return reply;
    }

    [Fact]
    public void APeerConnectsAnnouncesAndIsToldOfTheOthers()
    {
        ulong id = Connect(Four);
        Assert.Equal(0, Ask(AnnouncePacket(id, 1), Four).Body.Length);
        UdpReply reply = Ask(AnnouncePacket(id, 2), Four);
        Assert.Equal(UdpAction.Announce, reply.Action);
        Assert.Equal(new SwarmCounts(0, 2, 0), reply.Counts);
        Assert.InRange(reply.Interval, 27 * 60, 33 * 60);
        Assert.Equal([198, 51, 100, 7, 0, 1], reply.Body.ToArray());
        Assert.Equal(UdpAction.Announce, Ask(AnnouncePacket(id, 1, happened: AnnounceEvent.Stopped), Four).Action);
        Assert.Equal(0, Ask(AnnouncePacket(id, 2), Four).Body.Length);
    }

    [Fact]
    public void APeerThatComesAgainAtItsIntervalIsNeverForgottenAndASilentOneIs()
    {
        Ask(AnnouncePacket(Connect(Four), 1), Four);
        for (int minute = 1; minute <= 33; minute++) _service.Tick(Now + TimeSpan.FromMinutes(minute));
        Assert.Equal(1, _service.Peers.IPv4);
        for (int minute = 34; minute <= 60; minute++) _service.Tick(Now + TimeSpan.FromMinutes(minute));
        Assert.Equal(0, _service.Peers.IPv4);
    }

    [Fact]
    public void IPv6PeersAreToldIPv6Addresses()
    {
        ulong id = Connect(Six);
        Ask(AnnouncePacket(Connect(Four), 5), Four);
        Ask(AnnouncePacket(id, 1), Six);
        UdpReply reply = Ask(AnnouncePacket(id, 2), Six);
        Assert.Equal([.. Six.Bytes, 0, 1], reply.Body.ToArray());
        Assert.Equal(3, reply.Counts.Leechers);
    }

    [Fact]
    public void AnAnswerFitsAnEthernetFrameHoweverManyPeersAreWanted()
    {
        foreach (PeerAddress from in (PeerAddress[])[Four, Six])
        {
            ulong id = Connect(from);
            for (int port = 1; port <= 400; port++) Ask(AnnouncePacket(id, port, want: 0), from);
            Assert.InRange(_tracker.Answer(AnnouncePacket(id, 1, want: 10_000), from, Now, _reply), 1400, from.IsIPv6 ? 1452 : 1472);
            Assert.Equal(50 * (from.IsIPv6 ? 18 : 6), Ask(AnnouncePacket(id, 1), from).Body.Length);
            Assert.Equal(3 * (from.IsIPv6 ? 18 : 6), Ask(AnnouncePacket(id, 1, want: 3), from).Body.Length);
            Assert.Equal(0, Ask(AnnouncePacket(id, 1, want: 0), from).Body.Length);
        }
    }

    [Fact]
    public void ARequestWithoutAProvenAddressGetsNoMoreBytesThanItSent()
    {
        ulong good = Connect(Four);
        foreach (ulong id in (ulong[])[0, 1, 0x41727101980, good ^ 8, good + 1])
        {
            byte[] packet = AnnouncePacket(id, 1);
            Assert.Equal(UdpAction.Error, Ask(packet, Four).Action);
            Assert.InRange(_tracker.Answer(packet, Four, Now, _reply), 0, packet.Length);
        }
        Assert.Equal(UdpAction.Error, Ask(AnnouncePacket(good, 1), PeerAddress.From([198, 51, 100, 8])).Action);
        int length = _tracker.Answer(AnnouncePacket(good, 1), Four, Now + TimeSpan.FromMinutes(10), _reply);
        Assert.True(UdpCodec.TryReadReply(_reply.AsSpan(0, length), out UdpReply late));
        Assert.Equal(UdpAction.Error, late.Action);
        Assert.Equal((0L, 0L), _service.Peers);
    }

    [Fact]
    public void PacketsOfEveryLengthNeitherCrashNorAmplify()
    {
        var random = new Random(2);
        byte[] packet = new byte[2048];
        ulong id = Connect(Four);
        for (int round = 0; round < 4; round++)
        {
            for (int length = 0; length <= packet.Length; length++)
            {
                Span<byte> bytes = packet.AsSpan(0, length);
                random.NextBytes(bytes);
                if (length >= 16)
                {
                    if (round > 0) bytes[8..11].Clear();
                    if (round > 0) bytes[11] = (byte)random.Next(5);
                    if (round == 2) BitConverter.TryWriteBytes(bytes, System.Net.IPAddress.HostToNetworkOrder(0x41727101980));
                    if (round == 3) BitConverter.TryWriteBytes(bytes, System.Net.IPAddress.HostToNetworkOrder((long)id));
                }
                int answered = _tracker.Answer(bytes, Four, Now, _reply);
                Assert.True(round == 3 ? answered <= 1472 : answered <= length, $"seed 2 round {round} length {length} answered {answered}");
            }
        }
    }

    [Fact]
    public void AScrapeCountsEachTorrentInTheOrderAsked()
    {
        ulong id = Connect(Four);
        Ask(AnnouncePacket(id, 1), Four);
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        int length = UdpCodec.WriteScrape(packet, id, 42, [new InfoHash(new byte[20]), Name]);
        UdpReply reply = Ask(packet.AsSpan(0, length), Four);
        Assert.Equal((2, default, new SwarmCounts(0, 1, 0)), (reply.RowCount, reply.Row(0), reply.Row(1)));
    }

    [Fact]
    public void TorrentsThatAreNotServedAreRefusedByName()
    {
        _service.Access = AccessList.Parse("", listedAreServed: true);
        UdpReply reply = Ask(AnnouncePacket(Connect(Four), 1), Four);
        Assert.Equal("this torrent is not served here", Encoding.ASCII.GetString(reply.Body));
        reply = Ask(AnnouncePacket(Connect(Four), 0), Four);
        Assert.Equal("port is not a number from 1 to 65535", Encoding.ASCII.GetString(reply.Body));
    }

    [Fact]
    public void AFullTrackerRefusesNewcomersAndServesItsPeers()
    {
        using var service = new TrackerService(new TrackerOptions { MaxTotalPeers = 1 }, Secret);
        var tracker = new UdpTracker(service);
        ulong id = service.ConnectionIds.Issue(Four, Now);
        foreach ((int port, UdpAction expected) in ((int, UdpAction)[])[(1, UdpAction.Announce), (2, UdpAction.Error), (1, UdpAction.Announce)])
        {
            int length = tracker.Answer(AnnouncePacket(id, port), Four, Now, _reply);
            Assert.True(UdpCodec.TryReadReply(_reply.AsSpan(0, length), out UdpReply reply));
            Assert.Equal(expected, reply.Action);
            if (expected == UdpAction.Error) Assert.Equal("this tracker is full: it takes no more peers", Encoding.ASCII.GetString(reply.Body));
        }
        Assert.Equal((1, 1, 2), (service.Counters.FullRefused, service.Counters.UdpRefused, service.Counters.UdpAnnounces));
    }

    [Theory]
    [InlineData("/good/announce", true)]
    [InlineData("/good/announce?x=/y", true)]
    [InlineData("/Good/announce", false)]
    [InlineData("/good", false)]
    [InlineData("good/announce", false)]
    [InlineData("/x/good/announce", false)]
    [InlineData("/announce?/good/announce", false)]
    [InlineData("/announce", false)]
    [InlineData("", false)]
    public void WhereKeysAreNeededAnAnnounceBringsOneInThePathOfItsUrl(string url, bool served)
    {
        _service.Keys = Passkeys.Parse("good", new byte[Passkeys.SecretSize]);
        var announce = new Announce { InfoHash = Name, PeerId = default, Port = 1, Left = 1 };
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        int length = UdpCodec.WriteAnnounce(packet, Connect(Four), 42, announce, Encoding.ASCII.GetBytes(url));
        UdpReply reply = Ask(packet.AsSpan(0, length), Four);
        Assert.Equal(served ? UdpAction.Announce : UdpAction.Error, reply.Action);
        if (!served) Assert.Equal("a passkey is needed", Encoding.ASCII.GetString(reply.Body));
        Assert.Equal((served ? 0 : 1, served ? 1L : 0), (_service.Counters.KeyRefused, _service.Peers.IPv4));
    }

    [Fact]
    public void WhereKeysAreNeededOddOptionsAndScrapesAreRefused()
    {
        _service.Keys = Passkeys.Parse("good", new byte[Passkeys.SecretSize]);
        ulong id = Connect(Four);
        byte[] packet = new byte[UdpCodec.MaxPacketSize], scrape = new byte[UdpCodec.MaxPacketSize];
        int length = UdpCodec.WriteAnnounce(packet, id, 42, new Announce { InfoHash = Name, PeerId = default, Port = 1, Left = 1 }, "/good/announce"u8);
        Assert.Equal(UdpAction.Error, Ask(packet.AsSpan(0, length - 4), Four).Action); // cut off within the option
        byte[] many = [.. packet.AsSpan(0, UdpCodec.AnnounceSize), .. Enumerable.Repeat<byte[]>([2, 255, .. Enumerable.Repeat((byte)'/', 255)], 6).SelectMany(o => o)];
        Assert.Equal(UdpAction.Error, Ask(many, Four).Action); // more than is read
        Assert.Equal(UdpAction.Error, Ask(scrape.AsSpan(0, UdpCodec.WriteScrape(scrape, id, 42, [Name])), Four).Action);
        Assert.Equal(UdpAction.Announce, Ask(packet.AsSpan(0, length), Four).Action);
        Assert.Equal((3, 1), (_service.Counters.KeyRefused, _service.Counters.UdpAnnounces));
    }

    [Fact]
    public void AnAddressInThePacketIsBelievedOnlyIfTheOperatorSaysSo()
    {
        PeerAddress claimed = PeerAddress.From([203, 0, 113, 9]), local = PeerAddress.From([192, 168, 0, 2]);
        Assert.Equal(["192.168.0.2", "198.51.100.7"], Listed(_tracker));
        using var service = new TrackerService(new TrackerOptions { TrustIp = true }, Secret);
        Assert.Equal(["203.0.113.9", "203.0.113.9"], Listed(new UdpTracker(service)));

        string[] Listed(UdpTracker tracker)
        {
            tracker.Answer(AnnouncePacket(Connect(Four), 1, claimed: claimed), Four, Now, _reply);
            tracker.Answer(AnnouncePacket(Connect(local), 2, claimed: claimed), local, Now, _reply);
            int length = tracker.Answer(AnnouncePacket(Connect(local), 3), local, Now, _reply);
            return [.. _reply.AsSpan(UdpCodec.AnnounceReplySize, length - UdpCodec.AnnounceReplySize).ToArray().Chunk(6).Select(p => PeerAddress.From(p.AsSpan(0, 4)).ToString()).Order()];
        }
    }

    [Fact]
    public void WhoAsksTooOftenIsRefusedButNobodyUnproven()
    {
        using var service = new TrackerService(new TrackerOptions { MaxRate = 0.1 }, Secret);
        var tracker = new UdpTracker(service);
        byte[] connect = new byte[16], scrape = new byte[UdpCodec.MaxPacketSize];
        UdpCodec.WriteConnect(connect, 1);
        for (int i = 0; i < 100; i++) // whoever forges this address uses up nothing of it
        {
            Assert.Equal(16, tracker.Answer(connect, Four, Now, _reply));
            tracker.Answer(AnnouncePacket(1234, 1), Four, Now, _reply);
        }
        ulong id = service.ConnectionIds.Issue(Four, Now);
        foreach ((UdpAction expected, byte[] packet) in ((UdpAction, byte[])[])[(UdpAction.Announce, AnnouncePacket(id, 1)), (UdpAction.Announce, AnnouncePacket(id, 2)), (UdpAction.Error, AnnouncePacket(id, 3))])
        {
            int length = tracker.Answer(packet, Four, Now, _reply);
            Assert.True(UdpCodec.TryReadReply(_reply.AsSpan(0, length), out UdpReply reply));
            Assert.Equal(expected, reply.Action);
            Assert.InRange(length, 8, packet.Length);
        }
        int asked = UdpCodec.WriteScrape(scrape, id, 42, [Name]);
        Assert.Equal(0, tracker.Answer(scrape.AsSpan(0, asked), Four, Now, _reply)); // the reason would be longer than the question
        Assert.Equal((2, 102, 2), (service.Counters.RateRefused, service.Counters.UdpRefused, service.Counters.UdpAnnounces));
    }

    [Fact]
    public void AMillionHashesFromOneHostTakeNoMoreThanTheyMayAndGiveItBack()
    {
        using var service = new TrackerService(new TrackerOptions { MaxTorrents = 1000 }, Secret);
        var tracker = new UdpTracker(service);
        byte[] packet = AnnouncePacket(service.ConnectionIds.Issue(Four, Now), 1);
        for (int i = 0; i < 1_000_000; i++)
        {
            BitConverter.TryWriteBytes(packet.AsSpan(16), i);
            tracker.Answer(packet, Four, Now, _reply);
        }
        Assert.Equal((1000, 0), service.Torrents);
        Assert.Equal((1000, 999_000), (service.Counters.UdpAnnounces, service.Counters.FullRefused));
        for (int second = 1; second <= 3600; second++) service.Tick(Now + TimeSpan.FromSeconds(second));
        Assert.Equal((0, 0), service.Torrents);
        Assert.Equal(0, service.Peers.IPv4);
    }

    [Theory]
    [InlineData(80, 4, 99, 1)] // an event nobody knows
    [InlineData(80, 4, -1, 1)]
    [InlineData(92, 4, int.MinValue, 1)] // numwant
    [InlineData(92, 4, int.MaxValue, 1)]
    [InlineData(64, 8, -1, 1)] // left
    [InlineData(56, 8, -1, 1)] // downloaded
    [InlineData(72, 8, int.MinValue, 1)] // uploaded
    [InlineData(84, 4, -1, 1)] // ip
    [InlineData(88, 4, -1, 1)] // key
    [InlineData(96, 2, 0, 0)] // port
    public void OddNumbersInAnAnnounceAreTakenButForPort0(int at, int size, int value, int peers)
    {
        byte[] packet = AnnouncePacket(Connect(Four), 1);
        for (int i = 0; i < size; i++) packet[at + size - 1 - i] = (byte)(value >> Math.Min(31, 8 * i));
        Assert.Equal(peers == 1 ? UdpAction.Announce : UdpAction.Error, Ask(packet, Four).Action);
        Assert.Equal((peers, 0), _service.Peers);
        Assert.Equal(peers == 1 ? 1 : 0, _service.Counters.UdpAnnounces);
    }

    [Fact]
    public void IntervalsAreSpreadEvenlyOverATenthMoreAndLess()
    {
        byte[] packet = AnnouncePacket(Connect(Four), 1);
        var drawn = new HashSet<int>();
        for (int i = 0; i < 1000; i++) drawn.Add(Ask(packet, Four).Interval);
        Assert.InRange(drawn.Count, 300, 361); // of the 361 seconds between 27 and 33 minutes
        Assert.InRange(drawn.Min(), 1620, 1630);
        Assert.InRange(drawn.Max(), 1970, 1980);
    }
}
