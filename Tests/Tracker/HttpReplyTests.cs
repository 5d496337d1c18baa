using System.Net;
using System.Text;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class HttpReplyTests
{
    static TrackerReply Read(string body, int status = 200) => HttpReply.ReadAnnounce(status, Encoding.Latin1.GetBytes(body));

    [Fact]
    public void ACompactAnswerIsReadWithAllItsFields()
    {
        TrackerReply reply = Read(
            "d8:completei7e10:downloadedi9e11:external ip4:\u0001\u0002\u0003\u000410:incompletei8e8:intervali1800e12:min intervali900e" +
            "5:peers12:\u000a\u0000\u0000\u0001\u001a\u00e1\u000a\u0000\u0000\u0002\u0000\u00006:peers618:\u0020\u0001\u000d\u00b8\0\0\0\0\0\0\0\0\0\0\0\u0001\u0000\u0050" +
            "10:tracker id2:xy15:warning message4:slowe");
        Assert.Equal(TrackerFailure.None, reply.Failure);
        Assert.Equal(["10.0.0.1:6881", "[2001:db8::1]:80"], reply.Peers.Select(p => p.ToString())); // port 0 is nobody
        Assert.Equal((7, 8, 9), (reply.Seeders, reply.Leechers, reply.Completed));
        Assert.Equal((1800.0, 900.0), (reply.Interval!.Value.TotalSeconds, reply.MinInterval!.Value.TotalSeconds));
        Assert.Equal("xy"u8.ToArray(), reply.TrackerId!);
        Assert.Equal("slow", reply.Warning);
        Assert.Equal(IPAddress.Parse("1.2.3.4"), reply.ExternalAddress);
    }

    [Fact]
    public void DictionaryPeersKeepLiteralAddressesOnly()
    {
        TrackerReply reply = Read(
            "d8:intervali60e5:peersld2:ip8:10.0.0.14:porti6881eed2:ip11:victim.test4:porti80eed2:ip11:2001:db8::14:porti1ee" +
            "d2:ip7:1.2.3.44:porti0eed2:ip7:1.2.3.44:porti65536eed2:ip7:1.2.3.4e1:xi5eee");
        Assert.Equal(["10.0.0.1:6881", "[2001:db8::1]:1"], reply.Peers.Select(p => p.ToString()));
    }

    [Theory]
    [InlineData("d14:failure reason12:unregisterede", 200, nameof(TrackerFailure.Refused), "unregistered")]
    [InlineData("d14:failure reason0:e", 200, nameof(TrackerFailure.Refused), "no reason given")]
    [InlineData("d14:failure reason12:unregisterede", 404, nameof(TrackerFailure.Refused), "unregistered")]
    [InlineData("<html>hello</html>", 200, nameof(TrackerFailure.BadAnswer), "a web page instead of a tracker's answer")]
    [InlineData("\n <!DOCTYPE html>", 200, nameof(TrackerFailure.BadAnswer), "a web page instead of a tracker's answer")]
    [InlineData("<html>gone</html>", 404, nameof(TrackerFailure.BadAnswer), "answered HTTP 404")]
    [InlineData("", 403, nameof(TrackerFailure.Refused), "answered HTTP 403")]
    [InlineData("", 200, nameof(TrackerFailure.BadAnswer), "an empty answer")]
    [InlineData("i5e", 200, nameof(TrackerFailure.BadAnswer), "not a tracker's answer: not a dictionary")]
    [InlineData("de", 200, nameof(TrackerFailure.BadAnswer), "an answer with neither peers nor interval")]
    [InlineData("d8:interval", 200, nameof(TrackerFailure.BadAnswer), "not a tracker's answer: byte 11: the data ends before the value does")]
    public void AFailureHasAKindAndAReason(string body, int status, string kind, string reason)
    {
        TrackerReply reply = Read(body, status);
        Assert.Equal((kind, reason), (reply.Failure.ToString(), reply.Reason));
    }

    [Theory]
    [InlineData("8:retry ini5e", 300)]
    [InlineData("8:retry in1:5", 300)]
    [InlineData("8:retry ini9223372036854775807e", 86400)]
    [InlineData("8:retry ini-1e", null)]
    [InlineData("8:retry in4:soon", null)]
    [InlineData("", null)]
    [InlineData("8:intervali7200e", 7200)]
    [InlineData("8:intervali60e12:min intervali600e", 600)]
    [InlineData("8:intervali600e12:min intervali60e", 600)]
    [InlineData("12:min intervali90e", 90)]
    [InlineData("8:intervali7200e8:retry ini5e", 300)]
    [InlineData("8:intervali7200e8:retry in4:soon", 7200)]
    [InlineData("8:intervali-1e", null)]
    public void AFailureMayNameWhenToComeBack(string field, int? seconds) =>
        Assert.Equal(seconds, (int?)Read($"d14:failure reason1:x{field}e").RetryIn?.TotalSeconds);

    [Fact]
    public void AServerInTroubleRefusesNothing()
    {
        const string body = "d14:failure reason4:busy8:intervali60ee";
        Assert.Equal(TrackerFailure.Refused, Read(body, 400).Failure);
        foreach (int status in (int[])[429, 500, 503])
            Assert.Equal((TrackerFailure.BadAnswer, "busy", 60.0), Read(body, status) is var r ? (r.Failure, r.Reason, r.RetryIn!.Value.TotalSeconds) : default);
        Assert.Equal(60, Read("d8:intervali60ee", 503).RetryIn?.TotalSeconds);
    }

    [Fact]
    public void RetryInNeverIsForEver() =>
        Assert.Equal(TimeSpan.MaxValue, Read("d14:failure reason1:x8:retry in5:nevere").RetryIn);

    [Fact]
    public void TextsAreCutAndALineBreakAfterTheAnswerIsForgiven()
    {
        Assert.Equal(TrackerReply.MaxText + 1, Read($"d14:failure reason5000:{new string('x', 5000)}e").Reason.Length);
        Assert.Equal(TrackerFailure.None, Read("d8:intervali60ee\r\n").Failure);
    }

    [Fact]
    public void ManyPeersAreCut()
    {
        string peers = string.Concat(Enumerable.Repeat("\u000a\u0000\u0000\u0001\u001a\u00e1", 10_000));
        Assert.Equal(TrackerReply.MaxPeers, Read($"d5:peers60000:{peers}e").Peers.Count);
    }

    [Fact]
    public void AScrapeFindsItsTorrentAmongOthers()
    {
        var hash = new InfoHash("01234567890123456789"u8);
        byte[] body = "d5:filesd20:00000000000000000000d8:completei1ee20:01234567890123456789d8:completei5e10:downloadedi6e10:incompletei7eeee"u8.ToArray();
        TrackerReply reply = HttpReply.ReadScrape(200, body, hash);
        Assert.Equal((5, 7, 6), (reply.Seeders, reply.Leechers, reply.Completed));
        Assert.Equal(TrackerFailure.Refused, HttpReply.ReadScrape(200, body, new InfoHash("xxxxxxxxxxxxxxxxxxxx"u8)).Failure);
        Assert.Equal(TrackerFailure.BadAnswer, HttpReply.ReadScrape(200, "de"u8, hash).Failure);
        Assert.Equal(TrackerFailure.BadAnswer, HttpReply.ReadScrape(404, "<html>"u8, hash).Failure);
    }

    [Fact]
    public void NoBytesMakeItThrow()
    {
        byte[] good = Encoding.Latin1.GetBytes(
            "d8:completei7e11:external ip4:\u0001\u0002\u0003\u00048:intervali1800e5:peersld2:ip8:10.0.0.14:porti6881eee" +
            "6:peers618:\u0020\u0001\u000d\u00b8\0\0\0\0\0\0\0\0\0\0\0\u0001\u0000\u005010:tracker id2:xye");
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = [.. good];
            for (int i = random.Next(1, 4); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            Exception? thrown = Record.Exception(() =>
            {
                HttpReply.ReadAnnounce(200, bytes.AsSpan(0, random.Next(bytes.Length + 1)));
                HttpReply.ReadScrape(200, bytes, FakeTrackers.Self.InfoHash);
            });
            Assert.True(thrown is null, $"seed {seed}: {thrown}");
        }
    }
}
