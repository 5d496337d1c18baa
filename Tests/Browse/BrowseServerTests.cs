using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TinyTorrent.Browse;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Browse;

/// <summary>The page's server over real sockets, with a tracker and a seeder behind it.</summary>
public sealed class BrowseServerTests : IDisposable
{
    const int PieceLength = 16 * 1024, Pieces = 160;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly TemporaryFolder _folder = new();
    readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });
    readonly byte[] _content = new byte[PieceLength * Pieces - 5];
    readonly MetainfoFile _metainfo;
    readonly TrackerServer _tracker;
    readonly Engine _seeder;
    readonly Engine _engine = new(new EngineOptions(Bind: IPAddress.Loopback, Port: 0, ExactPort: true));
    readonly Downloads _downloads;
    readonly BrowseServer _server;

    public BrowseServerTests()
    {
        new Random(7).NextBytes(_content);
        Directory.CreateDirectory(At("seed"));
        File.WriteAllBytes(At("seed/film.webm"), _content);
        byte[] hashes = [.. _content.Chunk(PieceLength).SelectMany(System.Security.Cryptography.SHA1.HashData)];
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0, 1);
        string announce = $"http://127.0.0.1:{port.Number}/announce";
        _tracker = new TrackerServer(new TrackerOptions(), new HttpLimits(), [port]);
        _metainfo = MetainfoFile.Parse(MetainfoBuilder.Build(new MetainfoOptions { Name = "film.webm" }, _content.Length, PieceLength, hashes));
        // Slow enough for a download to be under way while the tests look at it.
        _seeder = new Engine(new EngineOptions(Bind: IPAddress.Loopback, Port: 0, ExactPort: true, LimitUp: 512 * 1024));
        Seed(announce);
        Directory.CreateDirectory(At("out"));
        _downloads = new Downloads(_engine, At("out"), (hash, _) => hash == _metainfo.InfoHash ? _metainfo : throw new IOException("not listed"), announce);
        _server = Serve(BrowseServer.Limits);
    }

    BrowseServer Serve(HttpLimits limits) => new(0, null, _downloads, (query, _) => query == "?q=gone"
        ? throw new IOException("no answer") : (200, Encoding.UTF8.GetBytes($$"""{"query":"{{query}}"}""")), limits);

    string At(string path) => Path.Combine(_folder.Path, path);

    string Root => new Uri(_server.Url).GetLeftPart(UriPartial.Authority);

    void Seed(string announce)
    {
        var picker = new PiecePicker(_metainfo.Geometry, new Random(1));
        for (int piece = 0; piece < Pieces; piece++) picker.MarkHave(piece);
        _seeder.Add(new ActiveTorrent(_seeder, _metainfo, new PieceStore(_metainfo.Files, At("seed")), null, picker, [[announce]]));
    }

    public void Dispose() => DisposeAsync().GetAwaiter().GetResult();

    async Task DisposeAsync()
    {
        _server.Dispose();
        await _downloads.DisposeAsync();
        await _engine.DisposeAsync();
        await _seeder.DisposeAsync();
        _tracker.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }

    async Task<HttpResponseMessage> Send(HttpMethod method, string url, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url);
        foreach ((string name, string value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await _http.SendAsync(request).WaitAsync(s_patience);
    }

    async Task<JsonElement> Download()
    {
        string text = await _http.GetStringAsync(new Uri(_server.Url + "downloads.json"));
        JsonElement all = JsonDocument.Parse(text).RootElement.GetProperty("downloads");
        return all.GetArrayLength() == 0 ? default : all[0];
    }

    /// <summary>Asks until the download is so far; progress has no event to wait for over HTTP.</summary>
    async Task<JsonElement> Until(string state)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (true)
        {
            JsonElement download = await Download();
            if (download.ValueKind == JsonValueKind.Object && download.GetProperty("state").GetString() == state) return download;
            await Task.Delay(20, patience.Token);
        }
    }

    [Fact]
    public async Task WhoDoesNotKnowTheTokenGetsNothing()
    {
        foreach (string path in new[] { "/", "/catalogue.json", "/downloads.json", "/0123456789abcdef0123456789abcdef/", _server.Url[Root.Length..^2] })
        {
            using HttpResponseMessage answer = await Send(HttpMethod.Get, Root + path);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
        using HttpResponseMessage page = await Send(HttpMethod.Get, _server.Url);
        Assert.Equal("text/html; charset=utf-8", page.Content.Headers.ContentType!.ToString());
        Assert.Contains("data-mode=\"client\"", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none'", Assert.Single(page.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    public async Task APageOfAnotherSiteIsRefusedEvenWithTheToken(string header, string value)
    {
        using HttpResponseMessage read = await Send(HttpMethod.Get, _server.Url + "downloads.json", (header, value));
        Assert.Equal(HttpStatusCode.Forbidden, read.StatusCode);
        using HttpResponseMessage write = await Send(HttpMethod.Post, $"{_server.Url}downloads/{_metainfo.InfoHash}", (header, value));
        Assert.Equal(HttpStatusCode.Forbidden, write.StatusCode);
        Assert.Equal(JsonValueKind.Undefined, (await Download()).ValueKind);
    }

    [Fact]
    public async Task ANameThatWasPointedHereIsRefused()
    {
        using HttpResponseMessage answer = await Send(HttpMethod.Get, _server.Url, ("Host", $"evil.example:{new Uri(_server.Url).Port}"));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task TheListIsPassedOnAndAnAbsentTrackerIsASentence()
    {
        Assert.Equal("""{"query":"?kind=audio&page=2"}""", await _http.GetStringAsync(new Uri(_server.Url + "catalogue.json?kind=audio&page=2")));
        using HttpResponseMessage answer = await Send(HttpMethod.Get, _server.Url + "catalogue.json?q=gone");
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal("""{"error":"no answer"}""", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task AJumpIsServedBeforeWhatLiesBetween()
    {
        using HttpResponseMessage started = await Send(HttpMethod.Post, $"{_server.Url}downloads/{_metainfo.InfoHash}");
        Assert.Equal(HttpStatusCode.Accepted, started.StatusCode);
        JsonElement download = await Until("downloading");
        JsonElement file = Assert.Single(download.GetProperty("files").EnumerateArray());
        Assert.Equal("video/webm", file.GetProperty("type").GetString());

        int from = _content.Length - 40_000;
        using HttpResponseMessage tail = await Send(HttpMethod.Get, $"{_server.Url}play/{_metainfo.InfoHash}/0", ("Range", $"bytes={from}-"));
        Assert.Equal(HttpStatusCode.PartialContent, tail.StatusCode);
        Assert.Equal($"bytes {from}-{_content.Length - 1}/{_content.Length}", tail.Content.Headers.ContentRange!.ToString());
        Assert.Equal(_content[from..], await tail.Content.ReadAsByteArrayAsync());
        Assert.InRange((await Download()).GetProperty("done").GetInt64(), 40_000, _content.Length / 2);

        using HttpResponseMessage all = await Send(HttpMethod.Get, $"{_server.Url}play/{_metainfo.InfoHash}/0");
        Assert.Equal(HttpStatusCode.OK, all.StatusCode);
        Assert.Equal(_content, await all.Content.ReadAsByteArrayAsync());
        await Until("complete");
        Assert.Equal(_content, await File.ReadAllBytesAsync(At("out/film.webm")));
        Assert.False(Directory.Exists(At("out/.tinytorrent")));
    }

    [Fact]
    public async Task WhatIsStoppedIsGoneAndGoesOnWhereItWasWhenBegunAgain()
    {
        string url = $"{_server.Url}downloads/{_metainfo.InfoHash}";
        using (HttpResponseMessage early = await Send(HttpMethod.Delete, url)) Assert.Equal(HttpStatusCode.NotFound, early.StatusCode);
        _downloads.TryStart(_metainfo.InfoHash);
        await Until("downloading");
        using (HttpResponseMessage some = await Send(HttpMethod.Get, $"{_server.Url}play/{_metainfo.InfoHash}/0", ("Range", "bytes=0-99999")))
            Assert.Equal(_content[..100_000], await some.Content.ReadAsByteArrayAsync());
        using (HttpResponseMessage stopped = await Send(HttpMethod.Delete, url)) Assert.Equal(HttpStatusCode.OK, stopped.StatusCode);
        Assert.Equal(JsonValueKind.Undefined, (await Download()).ValueKind);
        Assert.True(Directory.Exists(At("out/.tinytorrent")));

        _downloads.TryStart(_metainfo.InfoHash);
        JsonElement again = await Until("downloading");
        Assert.InRange(again.GetProperty("done").GetInt64(), 90_000, _content.Length);
        await Until("complete");
        Assert.Equal(_content, await File.ReadAllBytesAsync(At("out/film.webm")));
        using (HttpResponseMessage stopped = await Send(HttpMethod.Delete, url)) Assert.Equal(HttpStatusCode.OK, stopped.StatusCode);
        Assert.Equal(_content, await File.ReadAllBytesAsync(At("out/film.webm")));
    }

    [Fact]
    public async Task WhatCannotBePlayedIsRefused()
    {
        using HttpResponseMessage early = await Send(HttpMethod.Get, $"{_server.Url}play/{_metainfo.InfoHash}/0");
        Assert.Equal(HttpStatusCode.NotFound, early.StatusCode);
        _downloads.TryStart(_metainfo.InfoHash);
        await Until("downloading");
        foreach ((string path, string range, HttpStatusCode expected) in new[]
        {
            ("0", $"bytes={_content.Length}-", HttpStatusCode.RequestedRangeNotSatisfiable), ("1", "bytes=0-", HttpStatusCode.NotFound),
            ("-1", "bytes=0-", HttpStatusCode.NotFound), ("0/0", "bytes=0-", HttpStatusCode.NotFound), ("x", "bytes=0-", HttpStatusCode.NotFound),
        })
        {
            using HttpResponseMessage answer = await Send(HttpMethod.Get, $"{_server.Url}play/{_metainfo.InfoHash}/{path}", ("Range", range));
            Assert.Equal(expected, answer.StatusCode);
        }
    }

    [Fact]
    public async Task WhatIsNotListedFailsWithASentenceAndCanBeTriedAgain()
    {
        using HttpResponseMessage bad = await Send(HttpMethod.Post, _server.Url + "downloads/123");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        for (int time = 0; time < 2; time++)
        {
            using HttpResponseMessage started = await Send(HttpMethod.Post, _server.Url + "downloads/" + new string('0', 40));
            Assert.Equal(HttpStatusCode.Accepted, started.StatusCode);
            JsonElement failed = await Until("failed");
            Assert.Equal("not listed", failed.GetProperty("error").GetString());
            Assert.True(failed.GetProperty("again").GetBoolean());
        }
    }

    [Fact]
    public async Task WhatTheDiskHasFailedIsSaidAndNotBegunTwice()
    {
        _downloads.TryStart(_metainfo.InfoHash);
        await Until("downloading");
        File.Delete(At("out/film.webm"));
        Directory.CreateDirectory(At("out/film.webm"));
        JsonElement failed = await Until("failed");
        Assert.False(failed.GetProperty("again").GetBoolean());
        _downloads.TryStart(_metainfo.InfoHash);
        Assert.Equal("failed", (await Download()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task SomethingElseOfThatNameIsNotOverwritten()
    {
        await File.WriteAllTextAsync(At("out/film.webm"), "a letter");
        _downloads.TryStart(_metainfo.InfoHash);
        Assert.Contains("a file of 8 bytes is there that has no piece of the torrent", (await Until("failed")).GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("a letter", await File.ReadAllTextAsync(At("out/film.webm")));
    }

    static NetworkStream Begin(BrowseServer server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = (int)s_patience.TotalMilliseconds };
        socket.Connect(IPAddress.Loopback, new Uri(server.Url).Port);
        var stream = new NetworkStream(socket, ownsSocket: true);
        stream.Write("GET /"u8);
        return stream;
    }

    [Fact]
    public void BeyondSixtyFourConnectionsOneIsClosed()
    {
        using BrowseServer server = Serve(BrowseServer.Limits with { Request = TimeSpan.FromHours(1) });
        var places = new List<NetworkStream>();
        for (int i = 0; i < 64; i++) places.Add(Begin(server));
        TrackerDoor.AssertClosed(() => Begin(server));
        for (int i = 0; i < places.Count; i++)
        {
            using NetworkStream place = places[i];
            place.Write(" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8);
            Assert.StartsWith("HTTP/1.1 403", TrackerDoor.ReadToEnd(place), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task WhoIsSlowToAskLosesItsPlaceAndWhoIsSlowToWatchDoesNot()
    {
        using BrowseServer server = Serve(BrowseServer.Limits with { Request = TimeSpan.FromSeconds(1) });
        TrackerDoor.AssertClosed(() => Begin(server));
        _downloads.TryStart(_metainfo.InfoHash);
        await Until("downloading");
        // Five seconds' worth, as the seeder gives it.
        Assert.Equal(_content, await _http.GetByteArrayAsync(new Uri($"{server.Url}play/{_metainfo.InfoHash}/0")));
    }

    [Theory]
    [InlineData("page.html")]
    [InlineData("page.XHTML")]
    [InlineData("picture.svg")]
    [InlineData("script.js")]
    [InlineData("feed.xml")]
    [InlineData("paper.pdf")]
    [InlineData("film.mp4.html")]
    [InlineData("nothing")]
    public void WhatABrowserCouldRunIsJustBytesToIt(string path) => Assert.Equal("application/octet-stream", MediaType.Of(path));

    [Fact]
    public async Task AFileHasATagByWhichAPartIsAskedForAndAHead()
    {
        _downloads.TryStart(_metainfo.InfoHash);
        await Until("complete");
        string url = $"{_server.Url}play/{_metainfo.InfoHash}/0", tag;
        using (HttpResponseMessage head = await Send(HttpMethod.Head, url))
        {
            tag = head.Headers.ETag!.ToString();
            Assert.Equal((HttpStatusCode.OK, _content.Length), (head.StatusCode, head.Content.Headers.ContentLength));
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }
        foreach ((string condition, HttpStatusCode status) in ((string, HttpStatusCode)[])[(tag, HttpStatusCode.PartialContent), ("\"other\"", HttpStatusCode.OK), ("Sun, 29 Nov 2026 14:00:00 GMT", HttpStatusCode.OK)])
        {
            using HttpResponseMessage some = await Send(HttpMethod.Get, url, ("Range", "bytes=0-9"), ("If-Range", condition));
            Assert.Equal((status, status == HttpStatusCode.OK ? _content.Length : 10), (some.StatusCode, (await some.Content.ReadAsByteArrayAsync()).Length));
        }
    }

    [Fact]
    public async Task ThisMachineMayBeCalledByItsName()
    {
        int port = new Uri(_server.Url).Port;
        using HttpResponseMessage page = await Send(HttpMethod.Get, _server.Url, ("Host", $"localhost:{port}"), ("Origin", $"http://localhost:{port}"));
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        using HttpResponseMessage other = await Send(HttpMethod.Get, _server.Url, ("Host", $"localhost:{port}"), ("Origin", $"http://127.0.0.1:{port}"));
        Assert.Equal(HttpStatusCode.Forbidden, other.StatusCode);
    }

    [Fact]
    public async Task EndingDoesNotWaitForAPlayerThatWaits()
    {
        _downloads.TryStart(_metainfo.InfoHash);
        await Until("downloading");
        using HttpResponseMessage playing = await _http.GetAsync(new Uri($"{_server.Url}play/{_metainfo.InfoHash}/0"), HttpCompletionOption.ResponseHeadersRead);
        await Task.Run(_server.Dispose).WaitAsync(s_patience);
        await Assert.ThrowsAnyAsync<Exception>(() => playing.Content.ReadAsByteArrayAsync().WaitAsync(s_patience));
    }
}
