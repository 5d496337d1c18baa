using System.Text;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class UdpCodecTests
{
    static readonly InfoHash Hash = new("aaaaaaaaaabbbbbbbbbb"u8);

    static Announce Sample => new()
    {
        InfoHash = Hash,
        PeerId = new PeerId("-TT0100-abcdefghijkl"u8),
        Port = 6881,
        Uploaded = 1,
        Downloaded = 1L << 40,
        Left = 3,
        Event = AnnounceEvent.Started,
        NumWant = -1,
        Key = 0xdeadbeef,
    };

    [Fact]
    public void AConnectRequestIsTheSixteenBytesOfTheSpecification()
    {
        byte[] packet = new byte[16];
        Assert.Equal(16, UdpCodec.WriteConnect(packet, 0x01020304));
        Assert.Equal("00000417271019800000000001020304", Convert.ToHexString(packet));
        Assert.True(UdpCodec.TryReadRequest(packet, out UdpRequest request));
        Assert.Equal(UdpAction.Connect, request.Action);
        Assert.Equal(0x01020304u, request.Transaction);
        packet[0] = 1;
        Assert.False(UdpCodec.TryReadRequest(packet, out _));
    }

    [Fact]
    public void AnAnnounceComesBackAsItWasSent()
    {
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        Announce sent = Sample with { Address = PeerAddress.From([1, 2, 3, 4]) };
        int length = UdpCodec.WriteAnnounce(packet, 77, 88, sent, default);
        Assert.Equal(UdpCodec.AnnounceSize, length);
        Assert.True(UdpCodec.TryReadRequest(packet.AsSpan(0, length), out UdpRequest request));
        Assert.Equal((UdpAction.Announce, 77ul, 88u), (request.Action, request.ConnectionId, request.Transaction));
        Assert.Equal(sent, request.Announce);
        Assert.False(UdpCodec.TryReadRequest(packet.AsSpan(0, length - 1), out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(1024)]
    public void UrlDataOfAnyLengthComesBackWhole(int length)
    {
        byte[] data = Encoding.ASCII.GetBytes(new string('/', length)), packet = new byte[UdpCodec.MaxPacketSize], read = new byte[1024];
        int sent = UdpCodec.WriteAnnounce(packet, 1, 2, Sample, data);
        Assert.True(UdpCodec.TryReadRequest(packet.AsSpan(0, sent), out UdpRequest request));
        Assert.True(UdpCodec.TryReadUrlData(request.Options, read, out int got));
        Assert.Equal(data, read[..got]);
    }

    [Fact]
    public void OptionsMayHoldPaddingAndUnknownOnesButNotBeCutOff()
    {
        byte[] read = new byte[8];
        Assert.True(UdpCodec.TryReadUrlData([1, 1, 9, 2, 0, 0, 2, 2, (byte)'/', (byte)'a', 0, 2], read, out int length));
        Assert.Equal("/a"u8, read.AsSpan(0, length));
        Assert.False(UdpCodec.TryReadUrlData([2], read, out _));
        Assert.False(UdpCodec.TryReadUrlData([2, 3, 1, 1], read, out _));
        Assert.False(UdpCodec.TryReadUrlData([2, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1], read, out _)); // larger than the buffer
    }

    [Fact]
    public void AScrapeCarriesUpToSeventyFourHashesAndIgnoresARaggedTail()
    {
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        InfoHash[] hashes = Enumerable.Repeat(Hash, 74).ToArray();
        int length = UdpCodec.WriteScrape(packet, 5, 6, hashes);
        Assert.True(UdpCodec.TryReadRequest(packet.AsSpan(0, length), out UdpRequest request));
        Assert.Equal(74, request.HashCount);
        Assert.Equal(Hash, request.Hash(73));
        Assert.True(UdpCodec.TryReadRequest(packet, out request));
        Assert.Equal(74, request.HashCount);
        Assert.True(UdpCodec.TryReadRequest(packet.AsSpan(0, 16 + 39), out request));
        Assert.Equal(1, request.HashCount);
        Assert.False(UdpCodec.TryReadRequest(packet.AsSpan(0, 16 + 19), out _));
    }

    [Fact]
    public void RepliesComeBackAsTheyWereSent()
    {
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        int length = UdpCodec.WriteConnectReply(packet, 9, 0x1122334455667788);
        Assert.True(UdpCodec.TryReadReply(packet.AsSpan(0, length), out UdpReply reply));
        Assert.Equal((UdpAction.Connect, 9u, 0x1122334455667788ul), (reply.Action, reply.Transaction, reply.ConnectionId));

        length = UdpCodec.WriteAnnounceReply(packet, 9, 1800, new SwarmCounts(3, 4, 0));
        packet.AsSpan(length, 6).Fill(7);
        Assert.True(UdpCodec.TryReadReply(packet.AsSpan(0, length + 6), out reply));
        Assert.Equal((1800, new SwarmCounts(3, 4, 0), 6), (reply.Interval, reply.Counts, reply.Body.Length));

        length = UdpCodec.WriteScrapeReply(packet, 9);
        length += UdpCodec.WriteScrapeRow(packet.AsSpan(length), new SwarmCounts(1, 2, 3));
        Assert.True(UdpCodec.TryReadReply(packet.AsSpan(0, length), out reply));
        Assert.Equal((1, new SwarmCounts(1, 2, 3)), (reply.RowCount, reply.Row(0)));

        length = UdpCodec.WriteError(packet, 9, "no"u8);
        Assert.True(UdpCodec.TryReadReply(packet.AsSpan(0, length), out reply));
        Assert.Equal(UdpAction.Error, reply.Action);
        Assert.Equal("no"u8, reply.Body);
    }

    [Fact]
    public void RandomPacketsOfEveryLengthAreReadWithoutAnException()
    {
        var random = new Random(1);
        byte[] packet = new byte[2048], data = new byte[64];
        for (int length = 0; length <= packet.Length; length++)
        {
            Span<byte> bytes = packet.AsSpan(0, length);
            random.NextBytes(bytes);
            if (length >= 12) bytes[8] = bytes[9] = bytes[10] = 0;
            if (length >= 12) bytes[11] = (byte)random.Next(5);
            if (UdpCodec.TryReadRequest(bytes, out UdpRequest request)) UdpCodec.TryReadUrlData(request.Options, data, out _);
            if (length >= 4) bytes[0] = bytes[1] = bytes[2] = 0;
            if (length >= 4) bytes[3] = (byte)random.Next(5);
            if (!UdpCodec.TryReadReply(bytes, out UdpReply reply)) continue;
            Assert.True(reply.Interval >= 0);
            for (int row = 0; reply.Action == UdpAction.Scrape && row < reply.RowCount; row++) Assert.True(reply.Row(row).Seeders >= 0);
        }
    }
}
