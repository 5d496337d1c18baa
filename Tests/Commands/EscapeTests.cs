// Everything that comes from outside and is printed, through every command that prints it: names, comments, addresses, what a
// tracker, a catalogue or a peer says of itself, and the user's own arguments. None of it may drive a terminal.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TinyTorrent.Commands;
using TinyTorrent.Tests.Bencode;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Commands;

public sealed class EscapeTests : IDisposable
{
    /// <summary>A title, a cleared screen, a colour by a C1 control, text that runs backwards.</summary>
    const string Evil = "owned\x1b]0;owned\a\x1b[2J\u009b31m\u202eowned";

    static readonly string s_hash = new('a', 40);

    readonly TemporaryFolder _folder = new();
    readonly ScriptedHttpServer _server;
    readonly TcpListener _peer = new(IPAddress.Loopback, 0);
    readonly Task _serving;

    public EscapeTests()
    {
        _peer.Start();
        _serving = ServePeersAsync();
        _server = new ScriptedHttpServer(Answer);
        File.WriteAllText(_folder[Evil], "content");
        File.WriteAllBytes(_folder["x.torrent"], Torrent());
    }

    public void Dispose()
    {
        _peer.Dispose();
        _serving.Wait();
        _server.Dispose();
        _folder.Dispose();
    }

    byte[] Torrent() => Ben.Encode(new Dict
    {
        { "announce", $"{_server.Base}/announce" },
        { "announce-list", new object[] { new object[] { $"{_server.Base}/announce" }, new object[] { $"http://{Evil}/announce", $"gopher://{Evil}" } } },
        { "comment", Evil }, { "created by", Evil },
        {
            "info", new Dict
            {
                { "files", new object[] { new Dict { { "length", 5 }, { "path", new object[] { Evil, Evil } } }, new Dict { { "length", 5 }, { "path", new object[] { "b" } } } } },
                { "name", Evil }, { "piece length", 16384 }, { "pieces", new byte[20] }, { "source", Evil }, { Evil, 1 },
            }
        },
        { "nodes", new object[] { new object[] { Evil, 1 } } }, { "url-list", $"http://{Evil}/" }, { Evil, 1 },
    });

    /// <summary>A tracker and a catalogue whose every word is hostile.</summary>
    byte[] Answer(string head)
    {
        string evil = JsonSerializer.Serialize(Evil);
        string path = head.Split(' ')[1];
        if (path.StartsWith("/warns/", StringComparison.Ordinal))
        {
            byte[] peer = [127, 0, 0, 1, (byte)(Port >> 8), (byte)Port];
            return ScriptedHttpServer.Response(Ben.Encode(new Dict { { "complete", 1 }, { "interval", 1800 }, { "peers", peer }, { "tracker id", Evil }, { "warning message", Evil } }));
        }
        if (path.StartsWith("/announce", StringComparison.Ordinal) || path.StartsWith("/scrape", StringComparison.Ordinal))
            return ScriptedHttpServer.Response(Ben.Encode(new Dict { { "failure reason", Evil } }));
        if (path.StartsWith("/catalogue.json", StringComparison.Ordinal))
            return Json($$"""{"now":5,"pages":1,"total":1,"entries":[{"name":{{evil}},"info_hash":"{{s_hash}}","kind":{{evil}},"comment":{{evil}}}]}""", "200 OK");
        return Json($$"""{"error":{{evil}}}""", $"403 {Evil}");

        static byte[] Json(string text, string status) => ScriptedHttpServer.Response(Encoding.UTF8.GetBytes(text), "", status);
    }

    int Port => ((IPEndPoint)_peer.LocalEndpoint).Port;

    /// <summary>Shakes hands with whoever comes and says who it is.</summary>
    async Task ServePeersAsync()
    {
        byte[] extended = [20, ExtendedHandshake.Id, .. Ben.Encode(new Dict { { "m", new Dict { { Evil, 1 } } }, { "v", Evil } })];
        try
        {
            while (true)
            {
                using Socket socket = await _peer.AcceptSocketAsync();
                byte[] hello = new byte[Handshake.Size];
                using var stream = new NetworkStream(socket);
                if (await stream.ReadAtLeastAsync(hello, hello.Length, throwOnEndOfStream: false) < hello.Length) continue;
                "-\x1b[2J\a-"u8.CopyTo(hello.AsSpan(48));
                await stream.WriteAsync((byte[])[.. hello, 0, 0, 0, (byte)extended.Length, .. extended]);
                await stream.CopyToAsync(Stream.Null); // until it leaves
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The test is over, or a caller left without a word.
        }
    }

    /// <summary>Every way a text from outside reaches the output.</summary>
    IEnumerable<(string Command, string[] Arguments)> Ways()
    {
        string torrent = _folder["x.torrent"], refusing = _server.Base + "/refusing", missing = _folder["missing " + Evil];
        yield return ("create", [_folder[Evil], "--force", "--comment", Evil, "-o", _folder[Evil + ".torrent"]]);
        yield return ("create", [missing]);
        foreach (string get in (string[])["get", "get-sync"])
        {
            yield return (get, [torrent, "-o", _folder["out"], "--bind", "127.0.0.1", "--port", "0", "--timeout", "1s"]);
            yield return (get, [Evil, "--tracker", _server.Base, "--timeout", "1s"]);
            yield return (get, ["nearly " + Evil, "--tracker", _server.Base, "--timeout", "1s"]);
            yield return (get, ["x", "--tracker", refusing, "--timeout", "1s"]);
        }
        foreach (string seed in (string[])["seed", "seed-sync"]) yield return (seed, [torrent, missing, "--bind", "127.0.0.1", "--port", "0"]);
        yield return ("info", [torrent]);
        yield return ("info", [$"magnet:?xt=urn:btih:{s_hash}&dn={Uri.EscapeDataString(Evil)}&tr={Uri.EscapeDataString("http://h/" + Evil)}&ws={Uri.EscapeDataString(Evil)}"]);
        yield return ("verify", [torrent, _folder.Path]);
        yield return ("verify", [missing]);
        yield return ("peers", [torrent, "--probe", "--tracker", _server.Base + "/warns/announce"]);
        yield return ("peers", [s_hash, "--tracker", "http://" + Evil]);
        yield return ("scrape", [torrent]);
        yield return ("share", [_folder[Evil], "--tracker", _server.Base, "--bind", "127.0.0.1", "--port", "0"]);
        yield return ("unshare", [Evil, "--tracker", _server.Base, "--token", "t"]);
        yield return ("list", ["--tracker", _server.Base]);
        yield return ("list", ["--tracker", refusing]);
        yield return ("browse", ["--tracker", refusing]);
        yield return ("serve-tracker", ["--listen", "127.0.0.1:0", "--allow", missing]);
        yield return ("healthcheck", ["http://127.0.0.1:1/" + Evil]);
        yield return ("bench", ["tracker", _server.Base + "/announce", "--once", "--close", "--peers", "1", "--torrents", "1"]);
        foreach (string last in (string[])["bench", "completions", "man", "version", "help"]) yield return (last, [Evil]);
    }

    [Fact]
    public void NothingThatIsPrintedCanDriveATerminal()
    {
        (string Command, string[] Arguments)[] ways = [.. Ways()];
        Assert.Equal(CommandTable.All.Select(command => command.Name).Order(), ways.Select(way => way.Command).Distinct().Order());
        var runs = ways.Select(way => (string[])[way.Command, .. way.Arguments, "-vv"]).ToList();
        foreach ((string command, string[] arguments) in ways)
            if (Array.Exists(CommandTable.Find(command).Options, option => option.Name == "--json")) runs.Add([command, .. arguments, "--json"]);
        var shown = new string[runs.Count];
        // Each download in a folder of its own: two of one torrent in one folder would refuse each other.
        for (int i = 0; i < runs.Count; i++) runs[i] = Array.ConvertAll(runs[i], argument => argument == _folder["out"] ? _folder[$"out{i}"] : argument);
        Parallel.For(0, runs.Count, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => shown[i] = Run(runs[i]));
        for (int i = 0; i < runs.Count; i++)
        {
            string what = $"{string.Join(' ', runs[i])}\n{shown[i]}".Replace('\x1b', '^');
            Assert.True(shown[i].Contains("owned", StringComparison.Ordinal), "nothing was shown by " + what);
            Assert.True(!shown[i].Any(c => c is < ' ' and not '\n' or (>= '\x7f' and < '\xa0') or '\u202e'), "a terminal would obey " + what);
        }
    }

    /// <summary>stdout and stderr; the command ended as it should.</summary>
    string Run(string[] arguments)
    {
        ProcessStartInfo start = TheProgram.With(arguments);
        start.WorkingDirectory = _folder.Path;
        start.StandardOutputEncoding = start.StandardErrorEncoding = Encoding.UTF8;
        start.Environment["XDG_STATE_HOME"] = _folder["state"];
        (int code, string output, string errors) = TheProgram.Run(start);
        Assert.True(Enum.IsDefined((ExitCode)code) && code != (int)ExitCode.Failed, $"{string.Join(' ', arguments)}: {code}: {errors}");
        return output + errors;
    }
}
