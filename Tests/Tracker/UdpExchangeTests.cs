using System.Buffers.Binary;
using System.Net;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class UdpExchangeTests
{
    static readonly IPEndPoint First = new(IPAddress.Parse("10.0.0.1"), 80), Second = new(IPAddress.Parse("2001:db8::1"), 80);

    readonly UdpConnections _connections = new();
    readonly Random _random = new(5);
    readonly byte[] _packet = new byte[UdpCodec.MaxPacketSize];
    Func<uint>? _draw;
    UdpExchange _exchange;
    TimeSpan _now;

    public UdpExchangeTests() => _exchange = Exchange();

    UdpExchange Exchange(bool scrape = false, string url = "udp://tracker:80/announce?k=v", params IPEndPoint[] addresses)
    {
        Assert.True(TrackerUrl.TryParse(url, out TrackerUrl? tracker, out _));
        var request = new TrackerRequest(tracker, FakeTrackers.Self with { Event = AnnounceEvent.Started }) { IsScrape = scrape };
        return new UdpExchange(request, addresses.Length > 0 ? addresses : [First], _connections, _draw ?? (() => (uint)_random.NextInt64(1L << 32)), TimeSpan.FromSeconds(15));
    }

    /// <summary>Sends what is due and returns its action.</summary>
    UdpAction Send(out uint transaction)
    {
        _now = _exchange.DueAt > _now ? _exchange.DueAt : _now;
        int length = _exchange.Write(_packet, _now);
        Assert.True(length > 0);
        Assert.True(UdpCodec.TryReadRequest(_packet.AsSpan(0, length), out UdpRequest request));
        transaction = request.Transaction;
        return request.Action;
    }

    bool Reply(Action<byte[]> write, int length, IPEndPoint? source = null)
    {
        byte[] reply = new byte[UdpCodec.MaxPacketSize];
        write(reply);
        return _exchange.OnDatagram(reply.AsSpan(0, length), source ?? _exchange.Target, _now);
    }

    bool ReplyConnect(uint transaction, ulong id = 7) => Reply(r => UdpCodec.WriteConnectReply(r, transaction, id), UdpCodec.ConnectSize);

    bool ReplyAnnounce(uint transaction, byte[]? peers = null) => Reply(
        r =>
        {
            UdpCodec.WriteAnnounceReply(r, transaction, 900, new SwarmCounts(3, 4, 0));
            peers?.CopyTo(r, UdpCodec.AnnounceReplySize);
        },
        UdpCodec.AnnounceReplySize + (peers?.Length ?? 0));

    [Fact]
    public void ConnectThenAnnounceGivesPeers()
    {
        Assert.Equal(UdpAction.Connect, Send(out uint transaction));
        Assert.True(ReplyConnect(transaction, 77));
        Assert.Equal(_now, _exchange.DueAt);
        Assert.Equal(UdpAction.Announce, Send(out uint second));
        Assert.NotEqual(transaction, second);
        Assert.True(UdpCodec.TryReadRequest(_packet, out UdpRequest request));
        Assert.Equal((77UL, AnnounceEvent.Started), (request.ConnectionId, request.Announce.Event));
        byte[] url = new byte[100];
        Assert.True(UdpCodec.TryReadUrlData(request.Options, url, out int length));
        Assert.Equal("/announce?k=v", Encoding.ASCII.GetString(url, 0, length));

        Assert.True(ReplyAnnounce(second, [1, 2, 3, 4, 0, 80, 9]));
        TrackerReply reply = _exchange.Outcome!;
        Assert.Equal((900.0, 3, 4), (reply.Interval!.Value.TotalSeconds, reply.Seeders, reply.Leechers));
        Assert.Equal("1.2.3.4:80", Assert.Single(reply.Peers).ToString());
    }

    [Fact]
    public void TransactionsAreTheWholeOfWhatIsDrawnAndARepeatedDatagramKeepsIts()
    {
        var drawn = new Queue<uint>([0x8000_0001, 0xFFFF_FFFE]);
        _draw = drawn.Dequeue;
        _exchange = Exchange();
        for (int i = 0; i < 3; i++) Assert.Equal((UdpAction.Connect, 0x8000_0001u), (Send(out uint first), first));
        Assert.False(ReplyConnect(1));
        Assert.True(ReplyConnect(0x8000_0001));
        Assert.Equal((UdpAction.Announce, 0xFFFF_FFFEu), (Send(out uint second), second));
        Assert.Empty(drawn);
    }

    [Fact]
    public void AnIPv6TrackerSendsIPv6Peers()
    {
        _exchange = Exchange(addresses: Second);
        Send(out uint transaction);
        ReplyConnect(transaction);
        Send(out transaction);
        ReplyAnnounce(transaction, [0x20, 1, 0xd, 0xb8, .. new byte[11], 5, 0, 80]);
        Assert.Equal("[2001:db8::5]:80", Assert.Single(_exchange.Outcome!.Peers).ToString());
    }

    [Fact]
    public void SilenceIsAnsweredWithDoublingPausesAndEndsAfterTheNinthTry()
    {
        var at = new List<double>();
        for (int i = 0; i <= 8; i++)
        {
            Assert.Equal(UdpAction.Connect, Send(out _));
            at.Add(_now.TotalSeconds);
        }
        Assert.Equal([0, 15, 45, 105, 225, 465, 945, 1905, 3825], at);
        _now = _exchange.DueAt;
        Assert.Equal(7665, _now.TotalSeconds);
        Assert.Equal(0, _exchange.Write(_packet, _now));
        Assert.Equal(TrackerFailure.Unreachable, _exchange.Outcome!.Failure);
    }

    /// <summary>The timeline in BEP 15: connect answered, announces lost, a new connect when the id has expired.</summary>
    [Fact]
    public void AnIdIsUsedForAMinuteOnly()
    {
        Send(out uint transaction);
        _now = TimeSpan.FromSeconds(1);
        ReplyConnect(transaction);
        var sent = new List<(double, UdpAction)>();
        for (int i = 0; i < 5; i++)
        {
            UdpAction action = Send(out _);
            sent.Add((_now.TotalSeconds, action));
        }
        Assert.Equal(
            [(1, UdpAction.Announce), (16, UdpAction.Announce), (46, UdpAction.Announce), (106, UdpAction.Connect), (226, UdpAction.Connect)], sent);
    }

    [Fact]
    public void ALateAnswerToAnEarlierTryCounts()
    {
        Send(out uint first);
        Send(out uint second);
        Assert.Equal(first, second);
        Assert.True(ReplyConnect(first));
    }

    [Fact]
    public void ASecondRequestUsesTheIdOfTheFirst()
    {
        Send(out uint transaction);
        ReplyConnect(transaction, 42);
        _exchange = Exchange(scrape: true);
        Assert.Equal(UdpAction.Scrape, Send(out transaction));
        Assert.Equal(42UL, BinaryPrimitives.ReadUInt64BigEndian(_packet));
        Reply(
            r =>
            {
                UdpCodec.WriteScrapeReply(r, transaction);
                UdpCodec.WriteScrapeRow(r.AsSpan(8), new SwarmCounts(1, 2, 3));
            },
            8 + UdpCodec.ScrapeRowSize);
        Assert.Equal((1, 2, 3), (_exchange.Outcome!.Seeders, _exchange.Outcome.Leechers, _exchange.Outcome.Completed));
    }

    [Fact]
    public void AnErrorToAnOldIdCostsOneConnectAndThenCounts()
    {
        _connections.Add(First, 1, _now, default);
        Assert.Equal(UdpAction.Announce, Send(out uint transaction));
        Assert.True(Reply(r => UdpCodec.WriteError(r, transaction, "bad id"u8), 14));
        Assert.Null(_exchange.Outcome);
        Assert.Equal(UdpAction.Connect, Send(out transaction));
        ReplyConnect(transaction);
        Assert.Equal(UdpAction.Announce, Send(out transaction));
        Assert.True(Reply(r => UdpCodec.WriteError(r, transaction, "no such torrent\0"u8), 24));
        Assert.Equal((TrackerFailure.Refused, "no such torrent"), (_exchange.Outcome!.Failure, _exchange.Outcome.Reason));
    }

    [Fact]
    public void AnAnnounceAnswerWithoutABodyIsARefusal()
    {
        Send(out uint transaction);
        ReplyConnect(transaction);
        Send(out transaction);
        Assert.False(Reply(r => UdpCodec.WriteAnnounceReply(r, transaction + 1, 0, default), 8));
        Assert.True(Reply(r => UdpCodec.WriteAnnounceReply(r, transaction, 0, default), 8));
        Assert.Equal(TrackerFailure.Refused, _exchange.Outcome!.Failure);
    }

    [Fact]
    public void StrangersAndStrayNumbersAreIgnored()
    {
        Send(out uint transaction);
        Assert.False(ReplyConnect(transaction + 1));
        Assert.False(Reply(r => UdpCodec.WriteConnectReply(r, transaction, 1), UdpCodec.ConnectSize, new IPEndPoint(First.Address, 81)));
        Assert.False(Reply(r => UdpCodec.WriteConnectReply(r, transaction, 1), UdpCodec.ConnectSize, new IPEndPoint(IPAddress.Parse("10.0.0.2"), 80)));
        Assert.False(Reply(r => UdpCodec.WriteConnectReply(r, transaction, 1), 15));
        Assert.False(ReplyAnnounce(transaction)); // not what was asked
        Assert.True(ReplyConnect(transaction));
    }

    [Fact]
    public void TheNextAddressIsTriedAfterASilenceAndAfterAFailedSend()
    {
        _exchange = Exchange(addresses: [Second, First]);
        Send(out _);
        Assert.Equal(Second, _exchange.Target);
        Send(out _);
        Assert.Equal(First, _exchange.Target);

        _exchange = Exchange(addresses: [Second, First]);
        Send(out _);
        _exchange.OnSendFailed("no route", _now);
        Assert.Equal(_now, _exchange.DueAt);
        Assert.Equal(First, _exchange.Target);
        Send(out _);
        _exchange.OnSendFailed("no route", _now);
        Assert.Equal((TrackerFailure.Unreachable, "no route"), (_exchange.Outcome!.Failure, _exchange.Outcome.Reason));
    }

    [Fact]
    public void NoDatagramMakesItThrow()
    {
        for (int seed = 0; seed < 5000; seed++)
        {
            var random = new Random(seed);
            _exchange = Exchange(scrape: random.Next(2) == 0);
            Send(out uint transaction);
            if (random.Next(2) == 0)
            {
                ReplyConnect(transaction);
                Send(out transaction);
            }
            byte[] bytes = new byte[random.Next(60)];
            random.NextBytes(bytes);
            if (bytes.Length >= 8)
            {
                BinaryPrimitives.WriteInt32BigEndian(bytes, random.Next(5));
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), transaction);
            }
            Exception? thrown = Record.Exception(() => _exchange.OnDatagram(bytes, _exchange.Target, _now));
            Assert.True(thrown is null, $"seed {seed}: {thrown}");
        }
    }

    [Fact]
    public void AConnectionIdIsKeptNoLongerThanItCanBeUsed()
    {
        for (int i = 1; i <= 1000; i++) _connections.Add(new IPEndPoint(i, 80), 1, TimeSpan.FromSeconds(i), TimeSpan.FromSeconds(i - 60));
        Assert.Equal(60, _connections.Count);
    }
}
