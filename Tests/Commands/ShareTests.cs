// share, list and get NAME as people run them: processes of their own against a tracker in this one.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Commands;
using TinyTorrent.Net;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Commands;

public sealed partial class ShareTests : IDisposable
{
    const int Terminate = 15;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly TemporaryFolder _folder = new();
    readonly List<Process> _started = [];
    TrackerServer? _tracker; // null while it is gone
    int _port;

    public ShareTests() => _tracker = StartTracker(new CatalogueOptions(new CatalogueLimits(), null, null, IsOpen: true));

    public void Dispose()
    {
        foreach (Process process in _started)
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        _tracker?.Dispose();
        _folder.Dispose();
    }

    string Url => $"http://127.0.0.1:{_port}";

    TrackerServer StartTracker(CatalogueOptions? catalogue, TimeSpan? interval = null)
    {
        SharedPort port = SharedPort.Open(IPAddress.Loopback, _port);
        _port = port.Number;
        return new TrackerServer(new TrackerOptions { Interval = interval ?? TimeSpan.FromMinutes(1) }, new HttpLimits(), [port], catalogue: catalogue);
    }

    void StopTracker()
    {
        _tracker!.Dispose();
        _tracker = null;
    }

    Process Start(params string[] arguments)
    {
        ProcessStartInfo start = TheProgram.With(arguments);
        start.WorkingDirectory = _folder.Path;
        start.Environment["XDG_STATE_HOME"] = _folder["state"];
        start.Environment.Remove("TINYTORRENT_TOKEN");
        Process process = Process.Start(start)!;
        _started.Add(process);
        return process;
    }

    (int Code, string Output, string Errors) Run(params string[] arguments)
    {
        Process process = Start(arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(s_patience));
        return (process.ExitCode, output, errors.Result);
    }

    /// <summary>Shares, and returns when the tracker knows the owner.</summary>
    Process Share(params string[] arguments)
    {
        Process process = Start(["share", .. arguments, "--tracker", Url, "--bind", "127.0.0.1", "--port", "0", "--json"]);
        AwaitEvent(process, json => json.GetProperty("event").GetString() == "tracker" && json.GetProperty("state").GetString() == "working");
        return process;
    }

    static JsonElement AwaitEvent(Process process, Func<JsonElement, bool> matches)
    {
        while (true)
        {
            string line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException(process.StandardError.ReadToEnd());
            JsonElement json = JsonDocument.Parse(line).RootElement;
            if (matches(json)) return json;
        }
    }

    static void Stop(Process process, int code = 130)
    {
        Assert.Equal(0, kill(process.Id, Terminate));
        process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(s_patience));
        Assert.Equal(code, process.ExitCode);
    }

    byte[] MakeFile(string name, int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], bytes);
        return bytes;
    }

    List<JsonElement> List(params string[] arguments)
    {
        (int code, string output, _) = Run(["list", "--tracker", Url, "--json", .. arguments]);
        Assert.Equal(0, code);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).Where(json => json.GetProperty("event").GetString() == "entry")];
    }

    [Fact]
    public void WhatCannotBeSharedIsKnownBeforeAnythingIsHashedOrPublished()
    {
        MakeFile("data", 100_000);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        (int code, _, string errors) = Run("share", "data", "--tracker", Url, "--bind", "127.0.0.1", "--port", $"{((IPEndPoint)taken.LocalEndpoint).Port}");
        Assert.True(code == 1 && errors.Contains("cannot listen", StringComparison.Ordinal), errors);
        Assert.Empty(List());
        StopTracker();
        Assert.Equal(5, Run("share", "data", "--tracker", Url).Code);
        Assert.False(Directory.Exists(_folder["state/tinytorrent/hashes"]));
    }

    [Fact]
    public void WhatIsSharedByNameIsListedAndFetchedByNameAndTheOwnerGoesWhenStopped()
    {
        byte[] film = MakeFile("here/film.mkv", 300_000), song = MakeFile("here/songs/1.ogg", 70_000, seed: 2);
        MakeFile("here/songs/cover.jpg", 10);
        Process owner = Share("here/film.mkv", "here/songs");
        Assert.Equal(["film.mkv", "songs"], List().Select(entry => entry.GetProperty("name").GetString()).Order());
        JsonElement listed = Assert.Single(List("--video"));
        Assert.Equal(("film.mkv", 300_000, 1, 0), (listed.GetProperty("name").GetString(), listed.GetProperty("size").GetInt32(), listed.GetProperty("seeders").GetInt32(), listed.GetProperty("leechers").GetInt32()));
        Assert.Equal("songs", Assert.Single(List("--audio", "SON")).GetProperty("name").GetString());

        (int code, _, string errors) = Run("get", "film.mkv", "--tracker", Url, "-o", "there", "--port", "0");
        Assert.True(code == 0, errors);
        Assert.Contains(listed.GetProperty("info_hash").GetString()!, errors, StringComparison.Ordinal);
        Assert.Equal(film, File.ReadAllBytes(_folder["there/film.mkv"]));
        Assert.Equal(0, Run("get", "songs", "--tracker", Url + "/announce", "-o", "there", "--port", "0").Code);
        Assert.Equal(song, File.ReadAllBytes(_folder["there/songs/1.ogg"]));
        // Once more by its hash, where the content itself lies in the way of a file called like that.
        Assert.Equal(0, Run("get", listed.GetProperty("info_hash").GetString()!, "--tracker", Url, "-o", "there", "--port", "0").Code);

        Stop(owner);
        Assert.Equal(0, Assert.Single(List("--video")).GetProperty("seeders").GetInt32());
    }

    [Fact]
    public void AnUnchangedFileIsSharedAgainWithoutBeingReadAndAChangedOneIsRead()
    {
        MakeFile("data", 200_000);
        var time = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(_folder["data"], time);
        Stop(Share("data"));
        string hash = Assert.Single(List()).GetProperty("info_hash").GetString()!;
        MakeFile("data", 200_000, seed: 2); // other bytes that only reading could tell
        File.SetLastWriteTimeUtc(_folder["data"], time);
        Stop(Share("data"));
        Assert.Equal(hash, Assert.Single(List()).GetProperty("info_hash").GetString());

        File.SetLastWriteTimeUtc(_folder["data"], time.AddSeconds(1));
        (int code, _, string errors) = Run("share", "data", "--tracker", Url, "--port", "0");
        Assert.Equal(7, code); // other content now, whose name is taken
        Assert.Contains(hash, errors, StringComparison.Ordinal);
        Stop(Share("data", "--name", "other"));
        Assert.Equal(["data", "other"], List().Select(entry => entry.GetProperty("name").GetString()).Order());
    }

    [Fact]
    public void ANameThatIsNotThereIsNeverGuessedButWhatComesNearIsListed()
    {
        MakeFile("Big Film.mkv", 20_000);
        Share("Big Film.mkv");
        foreach (string near in (string[])["big", "Big Film", "Bgi Film.mkv", "big film.mkv"])
        {
            (int code, string output, string errors) = Run("get", near, "--tracker", Url, "-o", "there", "--port", "0");
            Assert.Equal((3, ""), (code, output));
            Assert.Contains("Big Film.mkv  ", errors, StringComparison.Ordinal);
            Assert.Contains($"tinytorrent: '{near}'", errors, StringComparison.Ordinal);
        }
        Assert.Equal(3, Run("get", "something else", "--tracker", Url, "--port", "0").Code);
        Assert.False(Directory.Exists(_folder["there"]));
    }

    [Theory]
    [InlineData("film.torrent", true)]
    [InlineData("-rf", true)]
    [InlineData(" a  b ", true)]
    [InlineData("a\u200b\u202eb", true, "a__b")] // stored under a name that shows what it is
    [InlineData("-", false)]
    [InlineData("magnet:?x", false)]
    [InlineData("abababababababababababababababababababab", false)]
    [InlineData("cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", false)]
    public void ANameThatIsSharedIsFetchedByItOrItsOwnerIsWarned(string name, bool isFetched, string? stored = null)
    {
        byte[] content = MakeFile("data", 20_000);
        Process owner = Share("data", "--name=" + name);
        if (isFetched) Assert.Equal(0, Run("get", "--tracker", Url, "-o", "there", "--port", "0", "--", name).Code);
        Stop(owner);
        if (isFetched) Assert.Equal(content, File.ReadAllBytes(_folder[$"there/{stored ?? name}"]));
        else Assert.Equal(3, Run("get", "--tracker", Url, "-o", "there", "--port", "0", "--timeout", "1s", "--", name).Code);
        Assert.Equal(!isFetched, owner.StandardError.ReadToEnd().Contains("so others need the info-hash", StringComparison.Ordinal));
    }

    [Fact]
    public void ATorrentFileThatIsNotThereIsSaidToBeNeitherFileNorName()
    {
        (int code, _, string errors) = Run("get", "film.torrent", "--tracker", Url);
        Assert.True(code == 3 && errors.Contains("film.torrent: no such file, and as a name", StringComparison.Ordinal), errors);
        (code, _, errors) = Run("get", "film", "--tracker", "udp://127.0.0.1:1");
        Assert.True(code == 6 && errors.Contains("over http or https", StringComparison.Ordinal), errors);
    }

    [Fact]
    public void ATrackerThatGivesATorrentOfAnotherNameIsNotBelieved()
    {
        byte[] torrent = Published.Torrent(".bashrc");
        string entry = $$"""{"name":"film","info_hash":"{{Published.Metainfo(".bashrc").InfoHash}}","size":1000}""";
        using var hostile = new ScriptedHttpServer(target => ScriptedHttpServer.Response(
            target.Contains("/torrents/", StringComparison.Ordinal) ? torrent : Encoding.ASCII.GetBytes($$"""{"entries":[{{entry}}]}""")));
        (int code, _, string errors) = Run("get", "film", "--tracker", hostile.Base, "-o", "there", "--port", "0", "--timeout", "1s");
        Assert.True(code == 3 && errors.Contains("is called '.bashrc': nothing was fetched", StringComparison.Ordinal), errors);
        Assert.False(Directory.Exists(_folder["there"]));
    }

    [Theory]
    [InlineData("fi\u2062lm", "fi_lm")] // an invisible times
    [InlineData("فیلم\u200cها 👩\u200d💻.mkv", "فیلم\u200cها 👩\u200d💻.mkv")]
    public void WhatListShowsCanBeTyped(string name, string shown)
    {
        byte[] content = MakeFile("data", 20_000);
        Share("data", "--name", name);
        Assert.Contains(shown + " ", Run("list", "--tracker", Url).Output, StringComparison.Ordinal);
        Assert.Equal(0, Run("get", shown, "--tracker", Url, "-o", "there", "--port", "0").Code);
        Assert.Equal(content, File.ReadAllBytes(_folder[$"there/{shown}"]));
    }

    [Fact]
    public void ASecretThatIsEmptyOpensNothing()
    {
        foreach (string[] command in (string[][])[["serve-tracker", "--listen", "127.0.0.1:0"], ["share", "data", "--tracker", Url], ["unshare", "data", "--tracker", Url]])
        {
            ProcessStartInfo start = TheProgram.With(command);
            start.Environment["TINYTORRENT_TOKEN"] = "";
            (int code, string output, string errors) = TheProgram.Run(start);
            Assert.True((code, output) == (2, "") && errors.Contains("TINYTORRENT_TOKEN takes 1 to 256", StringComparison.Ordinal), errors);
        }
    }

    [Fact]
    public void EveryRefusalHasItsExitCode()
    {
        MakeFile("data", 20_000);
        StopTracker();
        _tracker = StartTracker(new CatalogueOptions(new CatalogueLimits(), null, "secret", IsOpen: false));
        Assert.Equal(7, Run("share", "data", "--tracker", Url, "--port", "0").Code);
        Assert.Equal(7, Run("share", "data", "--tracker", Url, "--port", "0", "--token", "wrong").Code);
        Stop(Share("data", "--token", "secret"));
        (int code, _, string errors) = Run("share", "missing", "--tracker", Url);
        Assert.Equal((6, true), (code, errors.Contains("only this machine will find", StringComparison.Ordinal))); // said before anything is read
        Assert.Equal(2, Run("share", "data").Code);
        Assert.Equal(2, Run("share", "data", "--tracker", "udp://127.0.0.1:1").Code);
        Assert.Equal(2, Run("list", "--tracker", Url, "--audio", "--video").Code);

        StopTracker();
        _tracker = StartTracker(catalogue: null);
        (code, _, errors) = Run("list", "--tracker", Url);
        Assert.Equal((3, true), (code, errors.Contains("no catalogue", StringComparison.Ordinal)));
        Assert.Equal(3, Run("get", "data", "--tracker", Url, "-o", "there").Code);
        Assert.Equal(3, Run("share", "data", "--tracker", Url, "--port", "0").Code);

        StopTracker();
        Assert.Equal(5, Run("list", "--tracker", Url).Code);
        Assert.Equal(5, Run("get", "data", "--tracker", Url, "-o", "there", "--timeout", "1s").Code);
        Assert.Equal(5, Run("share", "data", "--tracker", Url, "--port", "0").Code);
    }

    [Fact]
    public void AnOwnerThatWasKilledGoesWhenItsTimeHasPassed()
    {
        StopTracker();
        _tracker = StartTracker(new CatalogueOptions(new CatalogueLimits(), null, null, IsOpen: true), TimeSpan.FromSeconds(4));
        MakeFile("data", 20_000);
        Process owner = Share("data");
        owner.Kill();
        owner.WaitForExit();
        Assert.Equal((1, 0), _tracker.Service.Peers); // nobody has told the tracker
        Assert.True(SpinWait.SpinUntil(() => _tracker.Service.Peers == (0, 0), s_patience)); // time is what is waited for
        Assert.Equal(0, Assert.Single(List()).GetProperty("seeders").GetInt32());
    }

    [Fact]
    public void OnlyWhoSharedItOrHasTheTrackersTokenTakesItAway()
    {
        StopTracker();
        _tracker = StartTracker(new CatalogueOptions(new CatalogueLimits(), null, "secret", IsOpen: false));
        MakeFile("one", 20_000);
        MakeFile("two", 20_000, seed: 2);
        Stop(Share("one", "two", "--token", "secret"));
        Assert.Equal(3, Run("unshare", "On", "--tracker", Url).Code);
        (int code, string output, string errors) = Run("unshare", "one", "--tracker", Url, "--json");
        Assert.True(code == 0, errors);
        Assert.Equal(("removed", "one"), (JsonDocument.Parse(output).RootElement.GetProperty("event").GetString(), JsonDocument.Parse(output).RootElement.GetProperty("name").GetString()));
        Assert.Equal("two", Assert.Single(List()).GetProperty("name").GetString());
        foreach (string file in Directory.GetFiles(_folder["state/tinytorrent/tokens"]))
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        Directory.Delete(_folder["state"], recursive: true); // as on another machine
        (code, _, errors) = Run("unshare", "two", "--tracker", Url);
        Assert.Equal((7, true), (code, errors.Contains("not published by this user", StringComparison.Ordinal)));
        Assert.Equal(7, Run("unshare", "two", "--tracker", Url, "--token", "wrong").Code);
        string hash = Assert.Single(List()).GetProperty("info_hash").GetString()!;
        Assert.Equal(0, Run("unshare", hash, "--tracker", Url, "--token", "secret").Code);
        Assert.Empty(List());
        Assert.Equal(3, Run("unshare", hash, "--tracker", Url, "--token", "secret").Code);
    }

    [Fact]
    public void TheOperatorTakesEverythingAwayWithTheTokenThatTheTrackerHasTold()
    {
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--json");
        JsonElement listening = AwaitEvent(tracker, json => json.GetProperty("event").GetString() == "listening");
        string url = listening.GetProperty("url").GetString()!, token = listening.GetProperty("token").GetString()!;
        Assert.True(CatalogueAddress.TryParse(url, out CatalogueAddress? address, out _));
        using (var client = new CatalogueClient(address))
        {
            client.Publish(Published.Metainfo("one", 1), default);
            client.Publish(Published.Metainfo("two", 2), default);
        }
        Assert.Equal(2, Run("unshare", "--all", "--tracker", url).Code);
        Assert.Equal(7, Run("unshare", "--all", "--tracker", url, "--token", "guessed").Code);
        (int code, string output, string errors) = Run("unshare", "--all", "--tracker", url, "--token", token, "--json");
        Assert.True(code == 0 && JsonDocument.Parse(output).RootElement.GetProperty("removed").GetInt32() == 2, errors);
        Stop(tracker, code: 0);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
