// get as people use it where something is there already, with a seeder in this process: what is the user's stays, what is
// the torrent's is used, and each end has its exit code and one line that helps.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Storage;
using static TinyTorrent.Tests.Commands.TheProgram;

namespace TinyTorrent.Tests.Commands;

public sealed class GetExistingTests : IDisposable
{
    const int PieceLength = 16 * 1024;

    readonly TemporaryFolder _folder = new();
    readonly byte[] _content = new byte[20 * PieceLength + 77];

    public GetExistingTests()
    {
        new Random(3).NextBytes(_content);
        Directory.CreateDirectory(_folder["home"]);
        Directory.CreateDirectory(_folder["temporary"]);
        Directory.CreateDirectory(_folder["whole"]);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>A .torrent of what is in "whole" under that name.</summary>
    string Torrent(string name, params string[] options)
    {
        Assert.Equal(0, Run(["create", _folder["whole/" + name], "-o", _folder["x.torrent"], "--piece-length", $"{PieceLength}", .. options]).Code);
        return _folder["x.torrent"];
    }

    Engine Seed(string torrent, bool damage = false)
    {
        MetainfoFile metainfo = MetainfoFile.Parse(File.ReadAllBytes(torrent));
        var engine = new Engine(new EngineOptions(Bind: IPAddress.Loopback, Port: 0));
        PieceStore store = PieceStore.ForContent(metainfo.Files, _folder["whole"]);
        var picker = new PiecePicker(metainfo.Geometry, new Random(1));
        for (int piece = 0; piece < metainfo.Geometry.PieceCount; piece++) picker.MarkHave(piece);
        if (damage) File.WriteAllBytes(_folder["whole/film.mkv"], new byte[_content.Length]); // what it seeds from here on
        engine.Add(new ActiveTorrent(engine, metainfo, store, resume: null, picker, []));
        return engine;
    }

    ProcessStartInfo GetFrom(Engine engine, string torrent, params string[] options)
    {
        ProcessStartInfo start = With(["get", torrent, "--peer", $"127.0.0.1:{engine.Port}", "--bind", "127.0.0.1", "--port", "0", .. options]);
        start.WorkingDirectory = _folder["home"];
        start.Environment["HOME"] = _folder["home"];
        start.Environment["TMPDIR"] = _folder["temporary"];
        return start;
    }

    Task<(int Code, string Output, string Errors)> Get(Engine engine, string torrent, params string[] options) =>
        Task.Run(() => Run(GetFrom(engine, torrent, options)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AUsersFileIsNotTouchedBecauseATorrentHasItsName(bool amongOthers)
    {
        string name = amongOthers ? "home" : ".bashrc", victim = amongOthers ? "whole/home/.bashrc" : "whole/.bashrc";
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[victim])!);
        if (amongOthers) File.WriteAllBytes(_folder["whole/home/film.mkv"], _content);
        File.WriteAllText(_folder[victim], string.Concat(Enumerable.Repeat("echo owned\n", 100)));
        File.WriteAllText(_folder["home/.bashrc"], "# years of work\n");
        string torrent = Torrent(name);
        await using Engine engine = Seed(torrent);
        string[] where = amongOthers ? ["-o", _folder.Path] : [];
        (int code, _, string errors) = await Get(engine, torrent, where);
        Assert.Equal(6, code);
        Assert.Contains(".bashrc: a file of 16 bytes is there that has no piece of the torrent", errors, StringComparison.Ordinal);
        Assert.Contains("--force", errors, StringComparison.Ordinal);
        Assert.Contains("another -o", errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n'));
        Assert.Equal("# years of work\n", File.ReadAllText(_folder["home/.bashrc"]));
        Assert.Equal([_folder["home/.bashrc"]], Directory.GetFileSystemEntries(_folder["home"]));

        Assert.Equal(0, (await Get(engine, torrent, [.. where, "--force"])).Code);
        Assert.Equal(File.ReadAllBytes(_folder[victim]), File.ReadAllBytes(_folder["home/.bashrc"]));
    }

    [Fact]
    public async Task WhatIsFoundIsSaidAndOnlyTheRestIsFetched()
    {
        File.WriteAllBytes(_folder["whole/film.mkv"], _content);
        string torrent = Torrent("film.mkv");
        byte[] damaged = [.. _content, 1, 2, 3];
        damaged[5] ^= 1;
        File.WriteAllBytes(_folder["home/film.mkv"], damaged);
        await using Engine engine = Seed(torrent);
        (int code, _, string errors) = await Get(engine, torrent);
        Assert.Equal(0, code);
        Assert.Contains("film.mkv: 20 of 21 pieces found", errors, StringComparison.Ordinal);
        Assert.Equal(_content, File.ReadAllBytes(_folder["home/film.mkv"]));
    }

    [Fact]
    public async Task DamageFromTheOnlyPeerIsToldAsDamage()
    {
        File.WriteAllBytes(_folder["whole/film.mkv"], _content);
        string torrent = Torrent("film.mkv");
        await using Engine engine = Seed(torrent, damage: true);
        (int code, _, string errors) = await Get(engine, torrent);
        Assert.Equal(4, code);
        Assert.Contains("damaged", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("no peer answered", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheSameSelectionAgainNeedsNobody()
    {
        Directory.CreateDirectory(_folder["whole/set"]);
        for (int i = 0; i < 3; i++) File.WriteAllBytes(_folder[$"whole/set/{i}"], _content[(i * 60_000)..((i + 1) * 60_000)]);
        string torrent = Torrent("set");
        await using (Engine engine = Seed(torrent)) Assert.Equal(0, (await Get(engine, torrent, "--files", "2")).Code);
        Assert.Equal(["1"], Directory.GetFiles(_folder["home/set"]).Select(Path.GetFileName));
        ProcessStartInfo again = With("get", torrent, "-o", _folder["home"], "--files", "2", "--port", "0", "--bind", "127.0.0.1");
        (int code, _, string errors) = Run(again);
        Assert.True(code == 0, errors);
        Assert.Contains("nothing was missing", errors, StringComparison.Ordinal);
        await using (Engine engine = Seed(torrent)) Assert.Equal(0, (await Get(engine, torrent)).Code);
        Assert.False(Path.Exists(_folder["home/.tinytorrent"]));
    }

    [Fact]
    public async Task ASecondGetOfTheSameTorrentIsTurnedAwayWhileTheFirstRuns()
    {
        File.WriteAllBytes(_folder["whole/film.mkv"], _content);
        string torrent = Torrent("film.mkv");
        await using Engine engine = Seed(torrent);
        using Process first = Process.Start(GetFrom(engine, torrent, "--limit-down", "1k", "--json"))!;
        Task<string> errors = first.StandardError.ReadToEndAsync();
        for (string? line = ""; !line.Contains("\"started\"", StringComparison.Ordinal);)
        {
            line = await first.StandardOutput.ReadLineAsync();
            Assert.True(line is not null, "it ended before it started");
        }
        (int code, _, string refused) = await Get(engine, torrent);
        Assert.Equal(6, code);
        Assert.Contains("being downloaded to this folder by another process", refused, StringComparison.Ordinal);
        first.Kill();
        await first.WaitForExitAsync();
        await errors;
        Assert.Equal(0, (await Get(engine, torrent)).Code); // the lock has gone with it
        Assert.Equal(_content, File.ReadAllBytes(_folder["home/film.mkv"]));
    }

    [Fact]
    public async Task ASecondInterruptLeavesNoCopyOfWhatGoesToStdout()
    {
        if (!OperatingSystem.IsLinux()) return; // Windows has no SIGINT to send
        File.WriteAllBytes(_folder["whole/film.mkv"], _content);
        string torrent = Torrent("film.mkv");
        await using Engine engine = Seed(torrent);
        using var silent = new TcpListener(IPAddress.Loopback, 0); // a tracker that is waited for at the end
        silent.Start();
        ProcessStartInfo start = GetFrom(engine, torrent, "-o", "-", "--limit-down", "32k", "--tracker", $"http://{silent.LocalEndpoint}/announce");
        start.ArgumentList.Insert(0, start.FileName);
        start.ArgumentList.Insert(0, "--default-signal=INT"); // a job in the background ignores it
        start.FileName = "env";
        using Process get = Process.Start(start)!;
        byte[] first = new byte[1];
        Assert.Equal(1, await get.StandardOutput.BaseStream.ReadAsync(first)); // there is a copy
        Assert.Single(Directory.GetDirectories(_folder["temporary"]));
        while (!get.HasExited) // each press by itself; the process ends after the second at the latest
        {
            using (Process kill = Process.Start("kill", ["-INT", $"{get.Id}"])) await kill.WaitForExitAsync();
            await Task.WhenAny(get.WaitForExitAsync(), Task.Delay(310));
        }
        Assert.Equal(130, get.ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(_folder["temporary"]));
    }

    [Fact]
    public void AMissingFolderForTheCopyIsNamed()
    {
        File.WriteAllBytes(_folder["whole/film.mkv"], _content);
        ProcessStartInfo start = With("get", Torrent("film.mkv"), "-o", "-", "--port", "0");
        start.Environment["TMPDIR"] = _folder["nowhere"];
        (int code, _, string errors) = Run(start);
        Assert.Equal(6, code);
        Assert.Contains(_folder["nowhere"], errors, StringComparison.Ordinal);
        Assert.Contains("TMPDIR", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void WebSeedsAreSaidToBeUnused()
    {
        File.WriteAllBytes(_folder["whole/film.mkv"], _content);
        (int code, _, string errors) = Run("get", Torrent("film.mkv", "--web-seed", "http://127.0.0.1:1/film.mkv"), "-o", _folder["home"], "--port", "0");
        Assert.Equal(5, code);
        Assert.Contains("web seeds are not used", errors.Trim().Split('\n')[^1], StringComparison.Ordinal);
    }
}
