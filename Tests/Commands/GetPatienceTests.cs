// What fails at first and works a moment later, as when everything is started at once; and what never does.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;
using static TinyTorrent.Tests.Commands.TheProgram;

namespace TinyTorrent.Tests.Commands;

public sealed class GetPatienceTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly MetainfoFile _metainfo;

    public GetPatienceTests()
    {
        byte[] content = new byte[100_000];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(_folder["data"], content);
        Run("create", _folder["data"], "-o", _folder["x.torrent"]);
        _metainfo = MetainfoFile.Parse(File.ReadAllBytes(_folder["x.torrent"]));
    }

    public void Dispose() => _folder.Dispose();

    (int Code, string Output, string Errors) Get(params string[] options) =>
        Run(["get", _folder["x.torrent"], "-o", _folder["out"], "--bind", "127.0.0.1", "--port", "0", .. options]);

    Engine Seed(int port = 0)
    {
        var engine = new Engine(new EngineOptions(Bind: IPAddress.Loopback, Port: port, ExactPort: true));
        var picker = new PiecePicker(_metainfo.Geometry, new Random(1));
        for (int piece = 0; piece < _metainfo.Geometry.PieceCount; piece++) picker.MarkHave(piece);
        engine.Add(new ActiveTorrent(engine, _metainfo, PieceStore.ForContent(_metainfo.Files, _folder["data"]), resume: null, picker, []));
        return engine;
    }

    [Fact]
    public void TheTrackersCountOfPeersIsToldWithoutOurselves()
    {
        using var tracker = new ScriptedHttpServer(_ => ScriptedHttpServer.Response("d8:completei0e10:incompletei1e8:intervali1800e5:peers0:e"u8.ToArray()));
        (int code, _, string errors) = Get("--tracker", tracker.Base + "/announce", "--timeout", "1s");
        Assert.Contains("no peers (0 seeders, 0 leechers known)", errors, StringComparison.Ordinal);
        Assert.Equal(5, code);
    }

    [Theory]
    [InlineData("503 Service Unavailable", "")]
    [InlineData("429 Too Many Requests", "Retry-After: 1\r\n")]
    public async Task ATrackerInTroubleIsAskedAgain(string status, string headers)
    {
        await using Engine seed = Seed();
        int asked = 0;
        using var tracker = new ScriptedHttpServer(_ => Interlocked.Increment(ref asked) == 1
            ? ScriptedHttpServer.Response([], headers, status)
            : ScriptedHttpServer.Response([.. "d8:intervali1800e5:peers6:"u8, 127, 0, 0, 1, (byte)(seed.Port >> 8), (byte)seed.Port, (byte)'e']));
        (int code, _, string errors) = await Task.Run(() => Get("--tracker", tracker.Base + "/announce"));
        Assert.Contains("answered HTTP", errors, StringComparison.Ordinal);
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task TheServerOfTheTorrentIsAskedAgainIfItIsInTroubleAndNotIfItHasNone()
    {
        await using Engine seed = Seed();
        int asked = 0;
        byte[] torrent = File.ReadAllBytes(_folder["x.torrent"]);
        using var server = new ScriptedHttpServer(head => head.Contains("/none", StringComparison.Ordinal) ? ScriptedHttpServer.Response([], "", "404 Not Found")
            : Interlocked.Increment(ref asked) == 1 ? ScriptedHttpServer.Response([], "", "502 Bad Gateway") : ScriptedHttpServer.Response(torrent));
        string[] options = ["-o", _folder["out"], "--bind", "127.0.0.1", "--port", "0", "--peer", $"127.0.0.1:{seed.Port}"];
        (int code, _, string errors) = await Task.Run(() => Run(["get", $"{server.Base}/x.torrent", .. options]));
        Assert.Contains("502", errors, StringComparison.Ordinal);
        Assert.Equal(0, code);
        Assert.Equal(5, (await Task.Run(() => Run(["get", $"{server.Base}/none", .. options]))).Code);
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task ACatalogueInTroubleIsAskedAgainForAnInfoHashToo()
    {
        await using Engine seed = Seed();
        int asked = 0;
        byte[] torrent = File.ReadAllBytes(_folder["x.torrent"]);
        using var tracker = new ScriptedHttpServer(head => !head.Contains(_metainfo.InfoHash.ToString(), StringComparison.Ordinal) ? ScriptedHttpServer.Response([], "", "404 Not Found")
            : Interlocked.Increment(ref asked) == 1 ? ScriptedHttpServer.Response([], "", "502 Bad Gateway") : ScriptedHttpServer.Response(torrent));
        string[] Of(string hash) => ["get", hash, "--tracker", tracker.Base, "-o", _folder["out"], "--bind", "127.0.0.1", "--port", "0", "--peer", $"127.0.0.1:{seed.Port}"];
        (int code, _, string errors) = await Task.Run(() => Run(Of(_metainfo.InfoHash.ToString())));
        Assert.Contains("answered 502", errors, StringComparison.Ordinal);
        Assert.Equal(0, code);
        (code, _, errors) = await Task.Run(() => Run(Of(new string('0', 40))));
        Assert.Equal((3, true), (code, errors.Contains("not in the catalogue of", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task APeerTheUserNamedMayStartLater()
    {
        int port;
        await using (Engine first = Seed()) port = first.Port;
        ProcessStartInfo start = With("get", _folder["x.torrent"], "-o", _folder["out"], "--bind", "127.0.0.1", "--port", "0", "--peer", $"127.0.0.1:{port}");
        using Process get = Process.Start(start)!;
        Assert.Equal($"tinytorrent: 127.0.0.1:{port}: connection refused", await get.StandardError.ReadLineAsync());
        await using Engine seed = Seed(port);
        await get.WaitForExitAsync();
        Assert.Equal(0, get.ExitCode);
    }

    [Fact]
    public void APeerThatIsNeverThereEndsTheDownloadWithItsReason()
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // and does not listen
        (int code, _, string errors) = Get("--peer", bound.LocalEndPoint!.ToString()!, "--timeout", "1s");
        Assert.Equal(5, code);
        Assert.EndsWith($"no peer answered, and the torrent names no tracker: {bound.LocalEndPoint}: connection refused\n", errors.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutAnyoneToAskAndAfterARefusalNothingIsWaitedFor()
    {
        Assert.Equal(5, Get().Code);
        using var tracker = new ScriptedHttpServer(_ => ScriptedHttpServer.Response("d14:failure reason7:unknowne"u8.ToArray()));
        (int code, _, string errors) = Get("--tracker", tracker.Base + "/announce");
        Assert.Equal(7, code);
        Assert.Contains("the tracker refused: unknown", errors, StringComparison.Ordinal);
        Assert.Single(tracker.Requests);
    }

    [Fact]
    public void NamesThatDoNotResolveAreToldInWords()
    {
        (int code, _, string errors) = Get("--peer", "no-such-name.invalid:1", "--tracker", "http://no-such-name.invalid/announce", "--tracker", "udp://no-such-name.invalid:1", "--timeout", "1s");
        Assert.Equal(5, code);
        foreach (string line in errors.Trim().Split('\n')) Assert.Contains("no-such-name.invalid", line, StringComparison.Ordinal);
        Assert.DoesNotContain("temporarily", errors, StringComparison.Ordinal);
    }
}
