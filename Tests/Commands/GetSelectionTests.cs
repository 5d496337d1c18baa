// --files and --select as people use them: get in a process of its own, a seeder in this one.
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;
using static TinyTorrent.Tests.Commands.TheProgram;

namespace TinyTorrent.Tests.Commands;

public sealed class GetSelectionTests : IDisposable
{
    const int PieceLength = 16 * 1024;

    // Pieces 0-5, 5-8 and 8-12: each file shares one with the next.
    static readonly (string Name, int Length)[] s_files = [("a.bin", 5 * PieceLength + 1000), ("b/film.mkv", 3 * PieceLength), ("c.txt", 4 * PieceLength)];

    readonly TemporaryFolder _folder = new();
    readonly MetainfoFile _metainfo;

    public GetSelectionTests()
    {
        WriteContent("whole");
        Run("create", _folder["whole/tree"], "-o", _folder["x.torrent"], "--piece-length", $"{PieceLength}");
        _metainfo = MetainfoFile.Parse(File.ReadAllBytes(_folder["x.torrent"]));
        Assert.Equal(13, _metainfo.Geometry.PieceCount);
    }

    public void Dispose() => _folder.Dispose();

    void WriteContent(string folder)
    {
        var random = new Random(1);
        foreach ((string name, int length) in s_files)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            string path = _folder[$"{folder}/tree/{name}"];
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }
    }

    /// <summary>Gives away what is in the folder while the other runs <c>get</c> into "out".</summary>
    async Task<(int Code, string Output)> GetFrom(string folder, params string[] options)
    {
        await using var engine = new Engine(new EngineOptions(Bind: IPAddress.Loopback, Port: 0));
        PieceStore store = PieceStore.ForContent(_metainfo.Files, _folder[folder]);
        var picker = new PiecePicker(_metainfo.Geometry, new Random(1));
        Assert.True(ExistingContent.Find(_metainfo, store, state: null, picker, (_, _) => { }, default).IsOk);
        engine.Add(new ActiveTorrent(engine, _metainfo, store, resume: null, picker, []));
        string[] where = options.Contains("-") ? [] : ["-o", _folder["out"], "--json"];
        (int code, string output, _) = await Task.Run(() =>
        {
            ProcessStartInfo start = With(["get", _folder["x.torrent"], .. where, "--peer", $"127.0.0.1:{engine.Port}", "--bind", "127.0.0.1", "--port", "0", .. options]);
            start.StandardOutputEncoding = Encoding.Latin1; // a character for each byte
            return Run(start);
        });
        return (code, output);
    }

    static long Downloaded(string output) =>
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)
            .Single(json => json.GetProperty("event").GetString() == "completed").GetProperty("downloaded").GetInt64();

    /// <summary>The named files of "out" are right, and there are no others but the state.</summary>
    void AssertThere(params string[] names)
    {
        string[] there = [.. Directory.EnumerateFiles(_folder["out/tree"], "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(_folder["out/tree"], path).Replace('\\', '/')).Order()];
        Assert.Equal(names, there);
        foreach (string name in names) Assert.Equal(File.ReadAllBytes(_folder[$"whole/tree/{name}"]), File.ReadAllBytes(_folder[$"out/tree/{name}"]));
    }

    [Theory]
    [InlineData(new string[0], "completed", 13)]
    [InlineData(new[] { "--files", "2" }, "paused", 4)]
    public async Task TrackersHearWhatIsMissingOfTheWholeAndWhatHasArrived(string[] options, string news, int pieces)
    {
        using var tracker = new ScriptedHttpServer(_ => ScriptedHttpServer.Response("d8:intervali1800e5:peers0:e"u8.ToArray()));
        Assert.Equal(0, (await GetFrom("whole", ["--tracker", tracker.Base + "/a/path/of/the/user", .. options])).Code);
        long whole = _metainfo.Geometry.TotalLength, downloaded = Math.Min(pieces * PieceLength, whole), left = whole - downloaded;
        Assert.Equal(
            [("started", 0L, whole), (news, downloaded, left), ("stopped", downloaded, left)],
            tracker.Requests.Select(head => (Field(head, "event"), long.Parse(Field(head, "downloaded"), CultureInfo.InvariantCulture), long.Parse(Field(head, "left"), CultureInfo.InvariantCulture))));

        static string Field(string head, string name) => head.Split(name + "=")[1].Split('&', ' ')[0];
    }

    [Theory]
    [InlineData("async", "--files", "2")]
    [InlineData("sync", "--select", "*.mkv")]
    public async Task AFileThatSharesPiecesIsWholeAndItsNeighboursAreNotMade(string engine, string option, string value)
    {
        (int code, string output) = await GetFrom("whole", "--engine", engine, option, value);
        Assert.Equal(0, code);
        Assert.Equal(4 * PieceLength, Downloaded(output)); // pieces 5 to 8
        AssertThere("b/film.mkv");
    }

    [Fact]
    public async Task OneFileOfManyCanGoToStdout()
    {
        (int code, string output) = await GetFrom("whole", "-o", "-", "--files", "2"); // begins and ends within a piece
        Assert.Equal(0, code);
        Assert.Equal(File.ReadAllBytes(_folder["whole/tree/b/film.mkv"]), Encoding.Latin1.GetBytes(output));
        Assert.Equal(2, (await GetFrom("whole", "-o", "-", "--files", "2-3")).Code);
        Assert.Equal(2, (await GetFrom("whole", "-o", "-")).Code);
    }

    [Fact]
    public async Task ADownloadThatStoppedGoesOnWithAnotherChoiceOfFiles()
    {
        WriteContent("damaged");
        using (FileStream a = File.OpenWrite(_folder["damaged/tree/a.bin"])) a.Write(new byte[PieceLength]);
        (int code, _) = await GetFrom("damaged", "--files", "1", "--timeout", "4s");
        Assert.Equal(4, code); // all of the first file but its first piece; of the second, what piece 5 has
        Assert.False(File.Exists(_folder["out/tree/b/film.mkv"]));

        (code, string output) = await GetFrom("whole", "--files", "2");
        Assert.Equal(0, code);
        Assert.Equal(File.ReadAllBytes(_folder["whole/tree/b/film.mkv"]), File.ReadAllBytes(_folder["out/tree/b/film.mkv"]));
        Assert.InRange(Downloaded(output), 3 * PieceLength, 4 * PieceLength);
        Assert.False(File.Exists(_folder["out/tree/c.txt"]));

        (code, output) = await GetFrom("whole");
        Assert.Equal(0, code);
        Assert.InRange(Downloaded(output), 5 * PieceLength - 1000, 7 * PieceLength); // piece 0, those of the third file, perhaps a shared one
        AssertThere("a.bin", "b/film.mkv", "c.txt");
    }
}
