using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public sealed class TrackerRoutesTests : IDisposable
{
    const string Announce = "/announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&left=1&port=1", Scrape = "/scrape?info_hash=abcdefghijklmnopqrst";
    const string Refused = "d14:failure reason19:a passkey is needede", NotFound = "not found\n";

    TrackerService _service = new(new TrackerOptions(), new byte[16]);

    public void Dispose() => _service.Dispose();

    string Get(string target) => Answer(target).Split("\r\n\r\n", 2)[1];

    string Answer(string target, byte host = 7)
    {
        var session = new HttpSession(new TrackerRoutes(_service, new Clock()).Answer, new HttpMemory(0));
        session.Begin(PeerAddress.From([198, 51, 100, host]));
        byte[] request = Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        request.CopyTo(session.ReceiveBuffer);
        session.Received(request.Length);
        session.Answer(out ReadOnlyMemory<byte> output);
        return Encoding.Latin1.GetString(output.Span);
    }

    [Fact]
    public void WithoutKeysAPathIsAsItIs()
    {
        Assert.Contains("8:interval", Get(Announce), StringComparison.Ordinal);
        Assert.StartsWith("d5:files", Get(Scrape), StringComparison.Ordinal);
        Assert.Equal(NotFound, Get("/key" + Announce));
        Assert.Equal(NotFound, Get("/key" + Scrape));
    }

    [Fact]
    public void EveryParameterMayBeEscaped()
    {
        const string Plain = "/announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&left=0&port=6881&compact=0&event=started&numwant=5&key=1f";
        string escaped = "/announce?" + string.Join('&', Plain["/announce?".Length..].Split('&').Select(pair => string.Join('=', pair.Split('=').Select(Escape))));
        Assert.Contains("%6c%65%66%74=%30", escaped, StringComparison.Ordinal);
        Assert.Contains("5:peersl", Get(escaped), StringComparison.Ordinal);
        Assert.Equal((1L, 1), (_service.Peers.IPv4, Counts().Seeders));
        Get(escaped.Replace(Escape("started"), Escape("stopped"), StringComparison.Ordinal));
        Assert.Equal(0, _service.Peers.IPv4);
        Assert.Equal(Get(Scrape), Get("/scrape?%69nfo_hash=abcdefghijklmnopqrst"));
        foreach (string wrong in (string[])["%2", "%zz", "%25", "68%2581", "%36%38%38%31%00"])
            Assert.Contains("port is not a number", Get(Plain.Replace("6881", wrong, StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("a parameter was given twice", Get(Plain + "&%70ort=1"), StringComparison.Ordinal);

        static string Escape(string text) => string.Concat(text.Select(c => $"%{(int)c:x2}"));
    }

    SwarmCounts Counts() => _service.TryScrape(new TinyTorrent.Types.InfoHash("abcdefghijklmnopqrst"u8), out SwarmCounts counts) ? counts : default;

    [Fact]
    public void WithKeysOnlyWhoBringsOneIsServed()
    {
        _service.Keys = Passkeys.Parse("key\nother-key", new byte[Passkeys.SecretSize]);
        foreach (string wrong in (string[])["", "/Key", "/ke", "/keyy", "/key/", "//key", "/key/key", "/%6bey", "/../key"])
        {
            Assert.Equal(Refused, Get(wrong + Announce));
            Assert.Equal(Refused, Get(wrong + Scrape));
        }
        Assert.Equal((18, 18, 0, 0), (_service.Counters.KeyRefused, _service.Counters.HttpRefused, _service.Counters.HttpAnnounces, _service.Counters.HttpScrapes));
        Assert.Equal(0, _service.Peers.IPv4);
        Assert.Contains("8:interval", Get("/key" + Announce), StringComparison.Ordinal);
        Assert.StartsWith("d5:files", Get("/other-key" + Scrape), StringComparison.Ordinal);
        Assert.Equal("ok\n", Get("/health"));
        Assert.Contains("\"key_refused\":18", Get("/stats.json"), StringComparison.Ordinal);
        // Beside the catalogue's page, which stands beneath the key.
        foreach (string page in (string[])["/stats", "/stats.json", "/metrics"]) Assert.StartsWith("HTTP/1.1 200", Answer("/key" + page), StringComparison.Ordinal);
        Assert.Equal(NotFound, Get("/kez/stats.json"));
    }

    [Theory]
    [InlineData("127.0.0.1", "X-Forwarded-For: 192.0.2.1", false, true)]
    [InlineData("10.0.0.1", "Forwarded: for=192.0.2.1", false, true)]
    [InlineData("198.51.100.7", "X-Forwarded-For: 192.0.2.1", false, false)] // anybody may write that
    [InlineData("127.0.0.1", "X-Forwarded-Host: 192.0.2.1", false, false)]
    [InlineData("127.0.0.1", "X-Forwarded-For: 192.0.2.1", true, false)]
    public void AProxyNearbyThatTheTrackerWasNotToldOfIsWarnedOfOnce(string from, string header, bool told, bool warned)
    {
        if (told) _service = new TrackerService(new TrackerOptions { Proxies = TrustedProxies.Parse(["127.0.0.1"]) }, new byte[16]);
        var warnings = new List<string>();
        var routes = new TrackerRoutes(_service, new Clock(), warn: warnings.Add);
        for (int i = 0; i < 3; i++)
        {
            var session = new HttpSession(routes.Answer, new HttpMemory(0), proxies: _service.Proxies);
            session.Begin(PeerAddress.From(System.Net.IPAddress.Parse(from)));
            byte[] request = Encoding.ASCII.GetBytes($"GET /announce?port=1 HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n");
            request.CopyTo(session.ReceiveBuffer);
            session.Received(request.Length);
            session.Answer(out _);
        }
        if (warned) Assert.Contains($"--trust-proxy {from}", Assert.Single(warnings), StringComparison.Ordinal);
        else Assert.Empty(warnings);
    }

    [Fact]
    public void WhoAsksTooOftenIsToldSoInHttpAndInBencodeAndOnlyTheHealthPageIsFree()
    {
        _service.Dispose();
        _service = new TrackerService(new TrackerOptions { MaxRate = 0.001 }, new byte[16]);
        Assert.Contains("8:interval", Get(Announce), StringComparison.Ordinal);
        foreach (string path in (string[])[Announce, Scrape, "/stats", "/metrics", "/other"])
        {
            Assert.StartsWith("HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nRetry-After: 1020\r\n", HttpSessionTests.WithoutDates(Answer(path)), StringComparison.Ordinal);
            Assert.Equal("d14:failure reason35:too many requests from this address8:retry ini17ee", Get(path));
        }
        Assert.Equal("ok\n", Get("/health"));
        Assert.StartsWith("HTTP/1.1 200 OK", Answer("/stats", host: 8), StringComparison.Ordinal); // each address has a rate of its own
        Assert.Equal((10, 10, 1), (_service.Counters.RateRefused, _service.Counters.HttpRefused, _service.Counters.HttpAnnounces));
    }
}
