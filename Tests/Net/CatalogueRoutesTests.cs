// The catalogue as an HTTP client meets it: every status with its sentence, and who may write.
using System.Net;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Net;

public sealed class CatalogueRoutesTests : IDisposable
{
    TrackerService _service = new(new TrackerOptions(), new byte[16]);
    readonly CatalogueKeeper _keeper;
    readonly HttpMemory _memory = new(32 * 1024 * 1024);
    string? _token;

    const string MadeToken = "made-at-the-start";

    public CatalogueRoutesTests() =>
        _keeper = new CatalogueKeeper(
            new CatalogueLimits { Entries = 3 }, null,
            new CatalogueSwarms(name => _service.Access.Serves(name), name => _service.TryScrape(name, out SwarmCounts counts) ? counts : default), TimeSpan.Zero, Assert.Fail);

    public void Dispose() => _service.Dispose();

    (int Status, string Head, byte[] Body) Ask(string method, string target, byte[]? body = null, string headers = "", string host = "127.0.0.1:6969", string? from = null)
    {
        var routes = new CatalogueRoutes(_keeper, WriteToken.Of(Encoding.ASCII.GetBytes(_token ?? MadeToken)), isOpen: _token is null, ["tracker.example.org"]);
        var session = new HttpSession(new TrackerRoutes(_service, new Clock(), routes).Answer, _memory);
        if (from is not null) session.Begin(PeerAddress.From(IPAddress.Parse(from)));
        string length = body is null ? "" : $"Content-Length: {body.Length}\r\n";
        byte[] request = [.. Encoding.ASCII.GetBytes($"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}{length}\r\n"), .. body ?? []];
        ReadOnlySpan<byte> rest = request;
        ReadOnlyMemory<byte> output;
        for (; session.Answer(out output) && output.IsEmpty; session.Received(Math.Min(rest.Length, session.ReceiveBuffer.Length)), rest = rest[Math.Min(rest.Length, session.ReceiveBuffer.Length)..])
            rest[..Math.Min(rest.Length, session.ReceiveBuffer.Length)].CopyTo(session.ReceiveBuffer.Span);
        var answer = new List<byte>();
        for (bool goesOn = true; goesOn && !output.IsEmpty; goesOn = session.Answer(out output)) // a stored body follows in portions
        {
            answer.AddRange(output.Span);
            session.Sent();
        }
        answer.AddRange(output.Span);
        byte[] all = [.. answer];
        int split = all.AsSpan().IndexOf("\r\n\r\n"u8);
        string head = Encoding.ASCII.GetString(all.AsSpan(0, split));
        return (int.Parse(head.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture), head, all[(split + 4)..]);
    }

    (int Status, JsonElement Json) AskJson(string method, string target, byte[]? body = null, string headers = "")
    {
        (int status, string head, byte[] answer) = Ask(method, target, body, headers);
        Assert.Contains("Content-Type: application/json", head, StringComparison.Ordinal);
        Assert.Contains("X-Content-Type-Options: nosniff", head, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(answer).RootElement;
        Assert.Equal(status >= 400, json.TryGetProperty("error", out _));
        return (status, json);
    }

    (int Status, JsonElement Json) Post(byte[] torrent, string headers = "") => AskJson("POST", "/catalogue", torrent, headers);

    static string Authorization(string token) => $"Authorization: Bearer {token}\r\n";

    [Fact]
    public void WhoAsksTooOftenIsToldSoHereToo()
    {
        _service.Dispose();
        _service = new TrackerService(new TrackerOptions { MaxRate = 0.001 }, new byte[16]);
        Assert.Equal(200, Ask("GET", "/catalogue.json").Status);
        foreach ((string method, string path) in ((string, string)[])[("GET", "/catalogue.json"), ("GET", "/"), ("DELETE", "/catalogue/x"), ("GET", "/torrents/x.torrent")])
        {
            Assert.Equal("too many requests from this address", AskJson(method, path).Json.GetProperty("error").GetString());
            Assert.Contains("429 Too Many Requests", Ask(method, path).Head, StringComparison.Ordinal);
            Assert.Contains("\r\nRetry-After: 1020", Ask(method, path).Head, StringComparison.Ordinal);
        }
        _service.Keys = Passkeys.Parse("key", new byte[Passkeys.SecretSize]);
        Assert.Equal(429, AskJson("GET", "/key/catalogue.json").Status);
    }

    [Fact]
    public void ATorrentIsPublishedListedFetchedAndTakenAwayByItsPublisher()
    {
        byte[] torrent = Published.Torrent("film.mkv", 1);
        (int status, JsonElement json) = Post(torrent);
        Assert.Equal((201, "film.mkv"), (status, json.GetProperty("name").GetString()));
        string hash = json.GetProperty("info_hash").GetString()!, token = json.GetProperty("token").GetString()!;

        (status, json) = Post(torrent);
        Assert.Equal((200, hash, false), (status, json.GetProperty("info_hash").GetString(), json.TryGetProperty("token", out _)));

        _service.TryAnnounce(new Announce { InfoHash = Published.Metainfo("film.mkv", 1).InfoHash, PeerId = default, Port = 1, Left = 0 }, PeerAddress.From([10, 0, 0, 1]), default, default, default, out _, out _);
        JsonElement listed = AskJson("GET", "/catalogue.json?kind=video&q=film").Json.GetProperty("entries")[0];
        Assert.Equal((hash, 1, 0, 1000), (listed.GetProperty("info_hash").GetString(), listed.GetProperty("seeders").GetInt32(), listed.GetProperty("leechers").GetInt32(), listed.GetProperty("size").GetInt32()));

        (status, string head, byte[] body) = Ask("GET", $"/torrents/{hash}.torrent");
        Assert.Equal(200, status);
        Assert.Equal(torrent, body);
        Assert.Contains("application/x-bittorrent", head, StringComparison.Ordinal);
        Assert.Empty(Ask("HEAD", $"/torrents/{hash}.torrent").Body);

        Assert.Equal(401, AskJson("DELETE", $"/catalogue/{hash}").Status);
        Assert.Equal(403, AskJson("DELETE", $"/catalogue/{hash}", headers: Authorization("wrong")).Status);
        Assert.Equal(200, AskJson("DELETE", $"/catalogue/{hash}", headers: Authorization(token)).Status);
        Assert.Equal(404, AskJson("DELETE", $"/catalogue/{hash}", headers: Authorization(token)).Status);
        Assert.Equal(404, AskJson("GET", $"/torrents/{hash}.torrent").Status);
        Assert.Equal(0, AskJson("GET", "/catalogue.json").Json.GetProperty("total").GetInt32());
    }

    [Fact]
    public void ANameTakenNamesItsHolderAndAFullCatalogueSaysSo()
    {
        string holder = Post(Published.Torrent("a", 1)).Json.GetProperty("info_hash").GetString()!;
        (int status, JsonElement json) = Post(Published.Torrent("a", 2));
        Assert.Equal((409, holder), (status, json.GetProperty("info_hash").GetString()));
        Post(Published.Torrent("b", 2));
        Post(Published.Torrent("c", 3));
        Assert.Equal(507, Post(Published.Torrent("d", 4)).Status);
    }

    [Fact]
    public void WithATokenOnlyWhoBringsItPublishesAndTheOperatorMayTakeAwayEverything()
    {
        _token = "operators";
        byte[] torrent = Published.Torrent("a");
        Assert.Equal(401, Post(torrent).Status);
        Assert.Contains("WWW-Authenticate: Bearer", Ask("POST", "/catalogue", torrent).Head, StringComparison.Ordinal);
        foreach (string wrong in (string[])["operator", "operatorss", "Operators", "operators,operators"]) Assert.Equal(403, Post(torrent, Authorization(wrong)).Status);
        Assert.Equal(401, Post(torrent, "Authorization: Basic operators\r\n").Status);
        (int status, JsonElement json) = Post(torrent, Authorization("operators"));
        Assert.Equal(201, status);
        Assert.Equal(200, AskJson("DELETE", $"/catalogue/{json.GetProperty("info_hash").GetString()}", headers: Authorization("operators")).Status);
    }

    [Fact]
    public void WithoutATokenTheOneMadeAtTheStartTakesAwayAnythingAndEverything()
    {
        string hash = Post(Published.Torrent("a", 1)).Json.GetProperty("info_hash").GetString()!;
        Post(Published.Torrent("b", 2));
        Assert.Equal(200, AskJson("DELETE", $"/catalogue/{hash}", headers: Authorization(MadeToken)).Status);
        Post(Published.Torrent("c", 3));
        Assert.Equal(401, AskJson("DELETE", "/catalogue").Status);
        Assert.Equal(403, AskJson("DELETE", "/catalogue", headers: Authorization("guessed")).Status);
        Assert.Equal(403, AskJson("DELETE", "/catalogue", headers: Authorization(MadeToken) + "Origin: https://example.org\r\n").Status);
        Assert.Equal(2, _keeper.Store.Count);
        (int status, JsonElement json) = AskJson("DELETE", "/catalogue", headers: Authorization(MadeToken));
        Assert.Equal((200, 2, 0), (status, json.GetProperty("removed").GetInt32(), _keeper.Store.Count));
    }

    [Theory]
    [InlineData("GET", "/catalogue.json?q=x", true)]
    [InlineData("HEAD", "/torrents/x.torrent", true)]
    [InlineData("DELETE", "/catalogue/x", true)]
    [InlineData("DELETE", "/catalogue", true)]
    [InlineData("POST", "/catalogue", true)]
    [InlineData("GET", "/", false)]
    [InlineData("PUT", "/catalogue", false)]
    public void WhatSearchesOrWaitsForTheDiskIsForAWorker(string method, string target, bool isDeferred)
    {
        var routes = new CatalogueRoutes(_keeper, WriteToken.Of(Encoding.ASCII.GetBytes(MadeToken)), isOpen: true, []);
        var session = new HttpSession(new TrackerRoutes(_service, new Clock(), routes).Answer, _memory, defers: true);
        byte[] request = Encoding.ASCII.GetBytes($"{method} {target} HTTP/1.1\r\nHost: x\r\n{Authorization(MadeToken)}{(method == "POST" ? "Content-Length: 2\r\n" : "")}\r\n{(method == "POST" ? "de" : "")}");
        request.CopyTo(session.ReceiveBuffer);
        session.Received(request.Length);
        session.Answer(out ReadOnlyMemory<byte> output);
        Assert.Equal((isDeferred, isDeferred), (session.IsDeferred, output.IsEmpty));
        if (!isDeferred) return;
        session.Work();
        session.Answer(out output);
        Assert.StartsWith("HTTP/1.1 ", Encoding.ASCII.GetString(output.Span), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 201)]
    [InlineData("Origin: http://127.0.0.1:6969\r\n", 201)]
    [InlineData("Origin: http://127.0.0.1\r\n", 403)]
    [InlineData("Origin: https://example.org\r\n", 403)]
    [InlineData("Origin: null\r\n", 403)]
    [InlineData("Origin: ://127.0.0.1:6969\r\n", 403)]
    public void APageOfAnotherSiteCannotPublish(string origin, int expected) => Assert.Equal(expected, Post(Published.Torrent("a"), origin).Status);

    [Theory]
    [InlineData("rebound.example:6969", "http://rebound.example:6969", false)]
    [InlineData("localhost:6969", "http://localhost:6969", true)]
    [InlineData("[::1]:6969", "http://[::1]:6969", true)]
    [InlineData("[::1", "http://[::1", false)]
    [InlineData("", "http://", false)]
    [InlineData("rebound.example", null, true)] // no browser
    public void ANameThatMayPointAnywhereIsNoOriginToTrust(string host, string? origin, bool allowed)
    {
        var headers = new HttpHeaders { Host = Encoding.ASCII.GetBytes(host), Origin = Encoding.ASCII.GetBytes(origin ?? "") };
        Assert.Equal(allowed, PageGuard.AllowsWriting(headers));
    }

    [Theory]
    [InlineData("rebound.example:6969", "192.168.1.7", 403)]
    [InlineData("rebound.example", "fe80::7", 403)]
    [InlineData("192.168.1.5.rebound.example", "127.0.0.1", 403)]
    [InlineData("evil-lan.example", "10.0.0.1", 403)]
    [InlineData("rebound.example:6969", "9.9.9.9", 200)] // what the internet may read needs no tricks
    [InlineData("tracker.example.ORG:6969", "192.168.1.7", 200)] // named by the operator
    [InlineData("tracker.example.org.", "192.168.1.7", 200)]
    [InlineData("192.168.1.5:6969", "192.168.1.7", 200)]
    [InlineData("[fd00::5]:6969", "fd00::7", 200)]
    [InlineData("nas", "192.168.1.7", 200)]
    [InlineData("nas.Local:6969", "192.168.1.7", 200)]
    [InlineData("tracker.home.arpa", "192.168.1.7", 200)]
    [InlineData("", "192.168.1.7", 200)] // no browser
    public void APageWhoseNameWasPointedHereReadsNoLocalCatalogue(string host, string from, int expected)
    {
        foreach (string target in (string[])["/catalogue.json", "/torrents/x.torrent"])
            Assert.Equal(expected == 200 && target[1] == 't' ? 404 : expected, Ask("GET", target, host: host, from: from).Status);
        Assert.Equal(200, Ask("GET", "/", host: host, from: from).Status); // the page itself says nothing
    }

    [Theory]
    [InlineData("none", 200)]
    [InlineData("same-origin", 200)]
    [InlineData("same-site", 403)]
    [InlineData("cross-site", 403)]
    public void WhatNoPageCanSayIsBelievedUnderAnyName(string fetchSite, int expected) =>
        Assert.Equal(expected, Ask("GET", "/catalogue.json", headers: $"Sec-Fetch-Site: {fetchSite}\r\n", host: "tracker.corp.example", from: "192.168.1.7").Status);

    [Fact]
    public void BadInputIsAStatusAndASentence()
    {
        Assert.Equal(400, Post("hello"u8.ToArray()).Status);
        Assert.Equal(400, Post([]).Status);
        Assert.Equal(400, Post(Published.Torrent("..")).Status);
        Assert.Equal(400, Post(Published.Torrent("x", ("../../etc/passwd", 1))).Status);
        Assert.Equal(413, Post(new byte[10_000_001]).Status);
        Assert.Equal(400, AskJson("GET", "/catalogue.json?kind=films").Status);
        Assert.Equal(401, AskJson("DELETE", "/catalogue").Status);
        Assert.Equal(405, AskJson("GET", "/catalogue").Status);
        Assert.Equal(404, AskJson("DELETE", "/catalogue/" + new string('0', 39)).Status);
        foreach (string path in (string[])["/torrents/", "/torrents/x.torrent", "/torrents/../../etc/passwd", $"/torrents/{new string('0', 40)}.torrent", $"/torrents/{new string('g', 40)}.torrent"])
            Assert.Equal(404, AskJson("GET", path).Status);
        Assert.Equal(0, _keeper.Store.Count);
    }

    [Fact]
    public void WhatTheTrackerDoesNotServeIsNeitherTakenNorShown()
    {
        InfoHash hash = Published.Metainfo("a").InfoHash;
        Assert.Equal(201, Post(Published.Torrent("a")).Status);
        _service.Access = AccessList.Parse(hash.ToString(), listedAreServed: false);
        Assert.Equal(403, Post(Published.Torrent("a")).Status);
        Assert.Equal(0, AskJson("GET", "/catalogue.json").Json.GetProperty("total").GetInt32());
        Assert.Equal(404, AskJson("GET", $"/torrents/{hash}.torrent").Status);
    }

    [Fact]
    public void WithPasskeysEveryPathNeedsOne()
    {
        _service.Keys = Passkeys.Parse("key", new byte[Passkeys.SecretSize]);
        byte[] torrent = Published.Torrent("a");
        string file = $"/torrents/{Published.Metainfo("a").InfoHash}.torrent";
        foreach (string wrong in (string[])["", "/kez", "/key/key", "/"])
        {
            Assert.Equal(wrong == "/key/key" ? 404 : 403, Ask("GET", wrong + "/catalogue.json").Status);
            Assert.NotEqual(200, Ask("GET", wrong + file).Status);
            Assert.InRange(Ask("POST", wrong + "/catalogue", torrent).Status, 403, 405);
        }
        Assert.Equal(201, Ask("POST", "/key/catalogue", torrent).Status);
        Assert.Equal(200, Ask("GET", "/key/catalogue.json").Status);
        Assert.Equal(torrent, Ask("GET", "/key" + file).Body);
    }
}
