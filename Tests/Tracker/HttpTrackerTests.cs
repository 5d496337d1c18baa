using System.Buffers;
using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public sealed class HttpTrackerTests : IDisposable
{
    const string Hash = "info_hash=abcdefghijklmnopqr%00%ff", Id = "peer_id=-TT0100-abcdefghijkl";

    static readonly PeerAddress Four = PeerAddress.From([198, 51, 100, 7]);
    static readonly PeerAddress Six = PeerAddress.From([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);

    readonly TrackerService _service = new(new TrackerOptions { MaxPeers = 60 }, new byte[16]);
    readonly HttpTracker _tracker;

    public HttpTrackerTests() => _tracker = new HttpTracker(_service);

    public void Dispose() => _service.Dispose();

    string Announce(string query, PeerAddress from)
    {
        var body = new ArrayBufferWriter<byte>();
        _tracker.Announce(Encoding.Latin1.GetBytes(query), from, TimeSpan.FromSeconds(1000), body);
        return Checked(body.WrittenSpan);
    }

    string Announce(string query) => Announce(query, Four);

    string Scrape(string query)
    {
        var body = new ArrayBufferWriter<byte>();
        _tracker.Scrape(Encoding.Latin1.GetBytes(query), TimeSpan.FromSeconds(1000), body);
        return Checked(body.WrittenSpan);
    }

    static string Checked(ReadOnlySpan<byte> body)
    {
        Assert.True(BencodeValue.TryParse(body, out _, out BencodeError error), error.ToString());
        return Encoding.Latin1.GetString(body);
    }

    [Fact]
    public void AnAnswerHoldsTheCountsTheIntervalThePeersAndTheCallersAddress()
    {
        Announce($"{Hash}&{Id}&port=258&left=0&event=started&compact=1");
        string answer = Announce($"{Hash}&{Id}&port=2&uploaded=0&downloaded=0&left=1&event=started&numwant=30&key=1f&supportcrypto=1");
        Assert.Matches(@"^d8:completei1e10:downloadedi0e11:external ip4:\xc6\x33\x64\x0710:incompletei1e8:intervali\d+e12:min intervali900e5:peers6:\xc6\x33\x64\x07\x01\x02e$", answer);
    }

    [Fact]
    public void BothFamiliesAreToldAndTheCallersOwnComesFirst()
    {
        for (int i = 1; i <= 40; i++) Announce($"{Hash}&{Id}&port={i}&left=1", i % 2 == 0 ? Four : Six);
        string answer = Announce($"{Hash}&{Id}&port=2&left=1", Four);
        Assert.Contains("5:peers114:", answer, StringComparison.Ordinal);
        Assert.Contains("6:peers6360:", answer, StringComparison.Ordinal);
        answer = Announce($"{Hash}&{Id}&port=2&left=1&numwant=25", Four);
        Assert.Contains("5:peers114:", answer, StringComparison.Ordinal);
        Assert.Contains("6:peers6108:", answer, StringComparison.Ordinal);
        answer = Announce($"{Hash}&{Id}&port=1&left=1", Six);
        Assert.Contains("5:peers120:", answer, StringComparison.Ordinal);
        Assert.Contains("6:peers6342:", answer, StringComparison.Ordinal);
        Assert.Contains("external ip16:", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void NobodyIsToldOfMorePeersThanTheTrackerAllows()
    {
        for (int i = 1; i <= 100; i++) Announce($"{Hash}&{Id}&port={i}&left=1");
        Assert.Contains("5:peers360:", Announce($"{Hash}&{Id}&port=1&left=1&numwant=2000000000"), StringComparison.Ordinal); // 60 of 6 bytes
    }

    [Fact]
    public void DictionariesAreForThoseWhoAsk()
    {
        Announce($"{Hash}&{Id}&port=258&left=0");
        Announce($"{Hash}&{Id}&port=7&left=0", Six);
        Assert.Contains("5:peersld2:ip12:198.51.100.74:porti258eed2:ip11:2001:db8::74:porti7eee", Announce($"{Hash}&{Id}&port=2&left=1&compact=0"), StringComparison.Ordinal);
        Assert.Contains("5:peerslee", Announce($"{Hash}&{Id}&port=9&left=1&compact=0&numwant=0"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "info_hash is missing")]
    [InlineData("&&&", "info_hash is missing")]
    [InlineData("info_hash", "info_hash is not 20 bytes")]
    [InlineData("info_hash=", "info_hash is not 20 bytes")]
    [InlineData("info_hash=abcdefghijklmnopqrs", "info_hash is not 20 bytes")]
    [InlineData("info_hash=abcdefghijklmnopqrstu", "info_hash is not 20 bytes")]
    [InlineData("info_hash=abcdefghijklmnopqrs%4", "info_hash is not 20 bytes")]
    [InlineData("info_hash=abcdefghijklmnopqrs%", "info_hash is not 20 bytes")]
    [InlineData("info_hash=abcdefghijklmnopqrs%g0", "info_hash is not 20 bytes")]
    [InlineData($"{Hash}&{Hash}", "a parameter was given twice")]
    [InlineData(Hash, "peer_id is missing")]
    [InlineData($"{Hash}&peer_id=short", "peer_id is not 20 bytes")]
    [InlineData($"{Hash}&{Id}", "port is missing")]
    [InlineData($"{Hash}&{Id}&port=", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=0", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=65536", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=-1", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=+1", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=99999999999999999999", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=1x", "port is not a number from 1 to 65535")]
    [InlineData($"{Hash}&{Id}&port=1&port=2", "a parameter was given twice")]
    [InlineData($"{Hash}&{Id}&port=1&left=x", "left is not a number")]
    [InlineData($"{Hash}&{Id}&port=1&left=", "left is not a number")]
    [InlineData($"{Hash}&{Id}&port=1&uploaded=1.5", "uploaded is not a number")]
    [InlineData($"{Hash}&{Id}&port=1&downloaded=%31%", "downloaded is not a number")]
    [InlineData($"{Hash}&{Id}&port=1&numwant=many", "numwant is not a number")]
    public void EveryBadQueryIsToldWhatIsWrong(string query, string reason)
    {
        Assert.Equal($"d14:failure reason{reason.Length}:{reason}e", Announce(query));
        Assert.Equal((0L, 0L), _service.Peers);
    }

    static readonly string s_long = new('a', 7000), s_huge = new('9', 7000);

    [Fact]
    public void EveryParameterIsRefusedTwiceAndWhateverItsValueIsRefusedByNameOrTaken()
    {
        string[] numbers = ["uploaded", "downloaded", "left", "numwant"], free = ["event", "key", "compact", "ip"];
        string[] broken = ["", "%", "%4", "%zz", "%00", "+1", "1.5", s_long], odd = ["-1", "0", "65536", s_huge];
        string good = $"{Hash}&{Id}&port=1";
        foreach (string name in (string[])[.. numbers, .. free])
        {
            Refused($"{good}&{name}=1&{name}=1", "a parameter was given twice");
            foreach (string value in broken)
            {
                if (numbers.Contains(name)) Refused($"{good}&{name}={value}", $"{name} is not a number");
                else Taken($"{good}&{name}={value}");
            }
            foreach (string value in odd) Taken($"{good}&{name}={value}");
        }
        foreach (string given in (string[])[Hash, Id, "port=1"])
        {
            string name = given[..given.IndexOf('=', StringComparison.Ordinal)], others = good.Replace(given, "", StringComparison.Ordinal);
            Refused(others, $"{name} is missing");
            Refused($"{good}&{given}", "a parameter was given twice");
            foreach (string value in (string[])[.. broken, .. odd]) Refused($"{others}&{name}={value}", name == "port" ? "port is not a number from 1 to 65535" : $"{name} is not 20 bytes");
        }
        Assert.Equal((1L, 0L), _service.Peers);

        void Refused(string query, string reason) => Assert.Equal((query, $"d14:failure reason{reason.Length}:{reason}e"), (query, Announce(query)));
        void Taken(string query) => Assert.True(Announce(query).StartsWith("d8:complete", StringComparison.Ordinal), query);
    }

    [Theory]
    [InlineData("info_hash=abcdefghijklmnopqrs")]
    [InlineData("info_hash=abcdefghijklmnopqrstu")]
    [InlineData("info_hash=")]
    [InlineData("info_hash")]
    [InlineData("info_hash=abcdefghijklmnopqrs%")]
    [InlineData("info_hash=abcdefghijklmnopqrs%4")]
    [InlineData("info_hash=abcdefghijklmnopqrs%zz")]
    [InlineData($"{Hash}&info_hash=short")]
    public void AScrapeOfWhatIsNoInfoHashIsRefusedByName(string query) =>
        Assert.Equal("d14:failure reason25:info_hash is not 20 bytese", Scrape(query));

    [Fact]
    public void AHashIsTheSameHoweverItsBytesAreEscaped()
    {
        Announce($"info_hash=a%62c+e%2Bg%2bi%20klmnopqrst&{Id}&port=1&left=1");
        Assert.Contains("20:abc e+g+i klmnopqrstd8:completei0e10:downloadedi0e11:downloadersi1e", Scrape("info_hash=abc%20e%2Bg%2Bi+klmnopqrst"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("left=-1", 1)]
    [InlineData("left=99999999999999999999999", 1)]
    [InlineData("", 1)]
    [InlineData("left=0", 0)]
    [InlineData("left=1&event=paused", 1)]
    [InlineData("left=1&numwant=-5", 1)]
    [InlineData("left=1&numwant=99999999999999999999", 1)]
    [InlineData("left=1&ip=example.org&key=not-hex", 1)]
    public void OddButHarmlessValuesAreTaken(string more, int leechers)
    {
        Announce($"{Hash}&{Id}&port=1&{more}");
        Assert.Equal((1L, 0L), _service.Peers);
        Assert.Contains($"10:incompletei{leechers}e", Scrape(Hash), StringComparison.Ordinal);
    }

    [Fact]
    public void AClaimedAddressIsBelievedOnlyIfTheOperatorSaysSo()
    {
        PeerAddress here = PeerAddress.From([127, 0, 0, 1]), near = PeerAddress.From([10, 0, 0, 1]);
        Assert.Equal(["198.51.100.7 1", "127.0.0.1 2", "10.0.0.1 3", "10.0.0.1 4"], Listed(_service));
        using var trusting = new TrackerService(new TrackerOptions { TrustIp = true }, new byte[16]);
        Assert.Equal(["203.0.113.9 1", "203.0.113.9 2", "2001:db8::9 3", "10.0.0.1 4"], Listed(trusting));

        string[] Listed(TrackerService service)
        {
            var tracker = new HttpTracker(service);
            Ask("port=1&ip=203.0.113.9", Four);
            Ask("port=2&ip=203.0.113.9", here);
            Ask("port=3&ip=2001:db8::9", near);
            Ask("port=4&ip=255.255.255.255", near);
            return [.. System.Text.RegularExpressions.Regex.Matches(Ask("port=9&compact=0", here), @"2:ip\d+:([0-9a-f.:]+)4:porti(\d+)e").Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}").OrderBy(peer => peer[^1])];

            string Ask(string query, PeerAddress from)
            {
                var body = new ArrayBufferWriter<byte>();
                tracker.Announce(Encoding.Latin1.GetBytes($"{Hash}&{Id}&left=1&{query}"), from, TimeSpan.FromSeconds(1000), body);
                return Checked(body.WrittenSpan);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void PeersOfPrivateAddressesAreToldToEachOtherAndNotToTheInternet(int compact)
    {
        PeerAddress local6 = PeerAddress.From([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        PeerAddress[] locals =
        [
            PeerAddress.From([127, 0, 0, 1]), PeerAddress.From([10, 0, 0, 1]), PeerAddress.From([192, 168, 1, 1]), PeerAddress.From([172, 31, 0, 1]),
            PeerAddress.From([169, 254, 0, 1]), PeerAddress.From([100, 64, 0, 1]), local6,
            PeerAddress.From([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), PeerAddress.From([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ];
        PeerAddress[] strangers = [Four, PeerAddress.From([172, 32, 0, 1]), PeerAddress.From([192, 169, 0, 1]), PeerAddress.From([100, 128, 0, 1]), Six];
        foreach (PeerAddress peer in (PeerAddress[])[.. locals, .. strangers]) Announce($"{Hash}&{Id}&port=1&left=1", peer);
        foreach (PeerAddress stranger in (PeerAddress[])[Four, Six]) Assert.Equal(strangers.Length - 1, Peers(Announce($"{Hash}&{Id}&port=1&left=1&compact={compact}", stranger)));
        foreach (PeerAddress local in (PeerAddress[])[locals[0], locals[1], local6]) Assert.Equal(locals.Length + strangers.Length - 1, Peers(Announce($"{Hash}&{Id}&port=1&left=1&compact={compact}", local)));

        static int Peers(string answer)
        {
            Assert.True(BencodeValue.TryParse(Encoding.Latin1.GetBytes(answer), out BencodeValue reply, out _));
            int count = 0;
            if (reply.TryGet("peers"u8, out BencodeValue peers))
            {
                foreach (BencodeValue _ in peers.Items) count++;
                count += peers.Bytes.Length / CompactPeers.Size4;
            }
            return reply.TryGet("peers6"u8, out BencodeValue six) ? count + six.Bytes.Length / CompactPeers.Size6 : count;
        }
    }

    [Fact]
    public void AScrapeNamesEachTorrentOnceInOrderAndNeverAllOfThem()
    {
        Announce($"{Hash}&{Id}&port=1&left=0");
        const string counts = "d8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0ee", zeros = "info_hash=00000000000000000000";
        Assert.Equal($"d5:filesd20:00000000000000000000{counts}20:abcdefghijklmnopqr\0\u00ff{counts.Replace("completei0e10:d", "completei1e10:d", StringComparison.Ordinal)}ee",
            Scrape($"{Hash}&{zeros}&{Hash}"));
        Assert.StartsWith("d14:failure reason", Scrape(""), StringComparison.Ordinal);
        Assert.StartsWith("d14:failure reason", Scrape("info_hash=19"), StringComparison.Ordinal);
        Assert.StartsWith("d5:files", Scrape(string.Join('&', Enumerable.Repeat(zeros, 128))), StringComparison.Ordinal);
        Assert.StartsWith("d14:failure reason", Scrape(string.Join('&', Enumerable.Repeat(zeros, 129))), StringComparison.Ordinal);
        _service.Access = AccessList.Parse(Convert.ToHexString("abcdefghijklmnopqr\0"u8) + "ff", listedAreServed: false);
        Assert.Equal($"d5:filesd20:00000000000000000000{counts}ee", Scrape($"{Hash}&{zeros}"));
        Assert.Equal("d14:failure reason31:this torrent is not served heree", Announce($"{Hash}&{Id}&port=1&left=0"));
    }

    [Fact]
    public void AFullScrapeListsEverythingOnceInTenSecondsIfItIsSwitchedOn()
    {
        Announce($"{Hash}&{Id}&port=1&left=0");
        Assert.Equal("d14:failure reason60:info_hash is missing: scrapes of everything are not answerede", Scrape(""));
        using var service = new TrackerService(new TrackerOptions { FullScrape = true, Access = AccessList.Parse(new string('0', 40), listedAreServed: false) }, new byte[16]);
        var tracker = new HttpTracker(service);
        Assert.Equal("d5:filesdee", Ask("", 0));
        Announce announce = new() { InfoHash = new InfoHash("bbbbbbbbbbbbbbbbbbbb"u8), PeerId = default, Port = 1, Left = 1 };
        foreach (PeerAddress from in (PeerAddress[])[Four, Six]) Assert.True(service.TryAnnounce(announce, from, TimeSpan.Zero, default, default, out _, out _));
        Assert.True(service.TryAnnounce(announce with { InfoHash = new InfoHash("aaaaaaaaaaaaaaaaaaaa"u8), Left = 0 }, Four, TimeSpan.Zero, default, default, out _, out _));
        Assert.Equal("d14:failure reason68:everything was listed a moment ago: once in ten seconds is the limit8:retry ini1ee", Ask("", 9.9));
        Assert.StartsWith("d5:files", Ask("info_hash=aaaaaaaaaaaaaaaaaaaa", 9.9), StringComparison.Ordinal);
        Assert.Equal("d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi0e11:downloadersi0e10:incompletei0ee"
            + "20:bbbbbbbbbbbbbbbbbbbbd8:completei0e10:downloadedi0e11:downloadersi2e10:incompletei2eeee", Ask("x=y", 10));
        for (int i = 0; i < 3000; i++)
        {
            byte[] name = new byte[20];
            new Random(i).NextBytes(name);
            Assert.True(service.TryAnnounce(announce with { InfoHash = new InfoHash(name) }, i % 2 == 0 ? Four : Six, TimeSpan.Zero, default, default, out _, out _));
        }
        Assert.Equal(3002, Ask("", 20).Split("8:complete").Length - 1);

        string Ask(string query, double seconds)
        {
            var body = new ArrayBufferWriter<byte>();
            tracker.Scrape(Encoding.Latin1.GetBytes(query), TimeSpan.FromSeconds(seconds), body);
            return Checked(body.WrittenSpan);
        }
    }

    [Fact]
    public void PartialSeedsAreNoDownloadersAndAreToldOfNoSeeds()
    {
        for (int port = 1; port <= 70; port++) Announce($"{Hash}&{Id}&port={port}&left={(port <= 10 ? 0 : 1)}{(port is > 10 and <= 50 ? "&event=paused" : "")}", port % 2 == 0 ? Four : Six);
        Assert.Contains("8:completei10e10:downloadedi0e11:downloadersi20e10:incompletei60e", Scrape(Hash), StringComparison.Ordinal);
        Announce($"{Hash}&{Id}&port=12&left=1"); // wants something again
        Announce($"{Hash}&{Id}&port=2&left=0&event=paused"); // has everything, whatever it says
        Assert.Contains("8:completei10e10:downloadedi0e11:downloadersi21e10:incompletei60e", Scrape(Hash), StringComparison.Ordinal);
        string told = Announce($"{Hash}&{Id}&port=14&left=1&event=paused&compact=0&numwant=60");
        Assert.Equal(59, told.Split("2:ip").Length - 1);
        for (int seed = 1; seed <= 10; seed++) Assert.DoesNotContain($"4:porti{seed}e", told, StringComparison.Ordinal);
    }

    [Fact]
    public void AFullTrackerRefusesNewcomersSaysWhenToComeBackAndServesItsPeers()
    {
        using var service = new TrackerService(new TrackerOptions { Interval = TimeSpan.FromSeconds(90), MaxTorrents = 1, MaxTotalPeers = 2 }, new byte[16]);
        var tracker = new HttpTracker(service);
        Assert.Contains("8:interval", Ask($"{Hash}&{Id}&port=1"), StringComparison.Ordinal);
        Assert.Equal("d14:failure reason47:this tracker is full: it takes no more torrents8:retry ini2ee", Ask($"info_hash=00000000000000000000&{Id}&port=1"));
        Assert.Contains("8:interval", Ask($"{Hash}&{Id}&port=2"), StringComparison.Ordinal);
        Assert.Equal("d14:failure reason44:this tracker is full: it takes no more peers8:retry ini2ee", Ask($"{Hash}&{Id}&port=3"));
        Assert.Contains("8:interval", Ask($"{Hash}&{Id}&port=1"), StringComparison.Ordinal);
        Assert.Equal((2, 2, 3), (service.Counters.FullRefused, service.Counters.HttpRefused, service.Counters.HttpAnnounces));

        string Ask(string query)
        {
            var body = new ArrayBufferWriter<byte>();
            tracker.Announce(Encoding.Latin1.GetBytes(query), Four, TimeSpan.FromSeconds(1000), body);
            return Checked(body.WrittenSpan);
        }
    }

    [Fact]
    public void RandomQueriesAlwaysGetABencodedAnswer()
    {
        var random = new Random(3);
        string good = $"{Hash}&{Id}&port=1&left=1&event=started&compact=0&numwant=3";
        for (int round = 0; round < 20_000; round++)
        {
            char[] query = good.ToCharArray();
            for (int change = random.Next(6); change >= 0; change--) query[random.Next(query.Length)] = (char)random.Next(256);
            Announce(new string(query)[..random.Next(query.Length + 1)]);
            Scrape(new string(query));
        }
    }
}
