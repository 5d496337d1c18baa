using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class TrackerUrlTests
{
    static TrackerUrl Parse(string text)
    {
        Assert.True(TrackerUrl.TryParse(text, out TrackerUrl? url, out string? problem), problem);
        return url;
    }

    [Theory]
    [InlineData("ftp://host/announce", "only http, https and udp trackers are supported")]
    [InlineData("file:///etc/passwd", "only http, https and udp trackers are supported")]
    [InlineData("wss://host/", "only http, https and udp trackers are supported")]
    [InlineData("udp://host", "a udp URL needs a port")]
    [InlineData("host:80", "only http, https and udp trackers are supported")]
    [InlineData("", "not a URL")]
    [InlineData("http://h/a b", "not a URL")]
    [InlineData("http://h/a\r\nX: y", "not a URL")]
    [InlineData("http://h/announce?x=1&INFO%5fhash=abc", "a URL that sets a parameter of the announce itself")]
    [InlineData("http://h/announce?port=1", "a URL that sets a parameter of the announce itself")]
    public void AUrlThatCannotBeUsedSaysWhy(string text, string expected)
    {
        Assert.False(TrackerUrl.TryParse(text, out _, out string? problem));
        Assert.Equal(expected, problem);
    }

    [Theory]
    [InlineData("http://h:6969/announce", "http://h:6969/announce")]
    [InlineData("https://user:secret@h/announce", "https://h/announce")]
    [InlineData("http://h/0123456789abcdef0123456789abcdef/announce", "http://h/…/announce")]
    [InlineData("http://h/announce?passkey=abc&x", "http://h/announce?passkey=…&…")]
    [InlineData("udp://[::1]:80/announce", "udp://[::1]:80/announce")]
    [InlineData("http://bücher.example/announce", "http://xn--bcher-kva.example/announce")]
    public void WhatIsShownHoldsNoSecret(string text, string expected) => Assert.Equal(expected, Parse(text).Display);

    [Fact]
    public void NoTextMakesItThrow()
    {
        string[] parts = ["http", "udp", "://", ":", "/", "?", "&", "=", "@", "[", "]", "::1", "%", "%C3", "xn--", "\u00e9", "\ud800", "\u202e", "h", "99999", "80", "..", "#", "\\", "announce", "\0"];
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            string text = (random.Next(2) == 0 ? "http://" : "udp://") + string.Concat(random.GetItems(parts, random.Next(8)));
            Exception? thrown = Record.Exception(() =>
            {
                _ = TrackerUrl.DisplayOf(text);
                if (!TrackerUrl.TryParse(text, out TrackerUrl? url, out _)) return;
                Uri announce = AnnounceUrl.ForAnnounce(url.Uri, FakeTrackers.Self, null);
                Assert.True(announce.PathAndQuery.All(c => c is > ' ' and < '\x7f'), announce.PathAndQuery);
                AnnounceUrl.TryForScrape(url.Uri, FakeTrackers.Self.InfoHash, out _);
            });
            Assert.True(thrown is null, $"seed {seed}: '{text}': {thrown}");
        }
    }

    [Fact]
    public void TheHashArrivesByteForByte()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            byte[] bytes = new byte[40];
            new Random(seed).NextBytes(bytes);
            var hash = new InfoHash(bytes.AsSpan(0, 20));
            Announce announce = FakeTrackers.Self with { InfoHash = hash, PeerId = new PeerId(bytes.AsSpan(20)) };
            string query = AnnounceUrl.ForAnnounce(Parse("http://h/announce").Uri, announce, null).Query;
            Assert.True(bytes.SequenceEqual(Unescape(query, "info_hash").Concat(Unescape(query, "peer_id"))), $"seed {seed}: {query}");
        }
    }

    [Fact]
    public void OurParametersFollowThoseOfTheUrl()
    {
        Announce announce = FakeTrackers.Self with { Event = AnnounceEvent.Stopped, NumWant = 0, Uploaded = 1, Downloaded = 2, Left = 3, Address = PeerAddress.From([1, 2, 3, 4]) };
        Uri url = AnnounceUrl.ForAnnounce(Parse("http://user:pw@h:81/x%2Fy/announce.php?passkey=%41").Uri, announce, "é&"u8.ToArray());
        Assert.StartsWith("http://h:81/x%2Fy/announce.php?passkey=", url.ToString(), StringComparison.Ordinal);
        Assert.Contains("&info_hash=", url.Query, StringComparison.Ordinal);
        Assert.EndsWith(
            "&port=6881&uploaded=1&downloaded=2&left=3&compact=1&key=0000cafe&numwant=0&event=stopped&ip=1.2.3.4&trackerid=%C3%A9%26",
            url.Query, StringComparison.Ordinal);
    }

    [Fact]
    public void ARegularAnnounceNamesNoEventAndNoAddress()
    {
        string query = AnnounceUrl.ForAnnounce(Parse("http://h/announce").Uri, FakeTrackers.Self, null).Query;
        Assert.DoesNotContain("event", query, StringComparison.Ordinal);
        Assert.DoesNotContain("&ip", query, StringComparison.Ordinal);
        Assert.DoesNotContain("trackerid", query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://h/announce", "http://h/scrape?info_hash=")]
    [InlineData("http://h/x/announce.php?a=b", "http://h/x/scrape.php?a=b&info_hash=")]
    [InlineData("http://h/announce?x2%0644", "http://h/scrape?x2%0644&info_hash=")]
    [InlineData("http://h/a", null)]
    [InlineData("http://h/announce/x", null)]
    [InlineData("http://h/x%61nnounce", null)]
    public void TheScrapeUrlFollowsTheConvention(string text, string? expected)
    {
        Assert.Equal(expected is not null, AnnounceUrl.TryForScrape(Parse(text).Uri, FakeTrackers.Self.InfoHash, out Uri? url));
        if (expected is not null) Assert.StartsWith(expected, url!.ToString(), StringComparison.Ordinal);
    }

    static byte[] Unescape(string query, string name)
    {
        string value = query.TrimStart('?').Split('&').Single(p => p.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];
        var bytes = new List<byte>();
        for (int i = 0; i < value.Length; i++)
        {
            bytes.Add(value[i] == '%' ? Convert.ToByte(value.Substring(i + 1, 2), 16) : (byte)value[i]);
            if (value[i] == '%') i += 2;
        }
        return [.. bytes];
    }
}
