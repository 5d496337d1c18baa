using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;

namespace TinyTorrent.Tests;

/// <summary>Whole engines over loopback: sockets, threads, files. Every engine listens on a port of its own.</summary>
public sealed class EngineTests : IDisposable
{
    const int KiB = 1024;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly string _folder = Directory.CreateTempSubdirectory("tinytorrent-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task ATreeOfFilesTravelsBetweenAnyTwoEngines(bool seedSync, bool getSync)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("a", 300_000), ("b/empty", 0), ("b/ünï", 1), ("c", 70_001)]);
        await using Engine seeder = Start(seedSync), getter = Start(getSync);
        ActiveTorrent seed = Add(seeder, metainfo, "seed"), get = Add(getter, metainfo, "get");
        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await get.Completion.WaitAsync(s_patience);
        AssertSame("seed", "get", metainfo);
        Assert.Equal(metainfo.Geometry.TotalLength, get.Torrent.Stats.Downloaded);
        Assert.Equal(seed.Torrent.Stats.Uploaded, get.Torrent.Stats.Downloaded);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ManyDownloadersFinishAndHelpEachOther(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 64 * KiB, [("data", 6_000_000)]);
        await using Engine seeder = Start(synchronous);
        Add(seeder, metainfo, "seed");
        var engines = new List<Engine>();
        var torrents = new List<ActiveTorrent>();
        for (int i = 0; i < 6; i++)
        {
            engines.Add(Start(synchronous));
            torrents.Add(Add(engines[i], metainfo, $"get{i}"));
        }
        foreach (ActiveTorrent torrent in torrents)
            torrent.AddPeers([new(IPAddress.Loopback, seeder.Port), .. engines.Select(e => new IPEndPoint(IPAddress.Loopback, e.Port))]);
        await Task.WhenAll(torrents.Select(t => t.Completion)).WaitAsync(s_patience);
        for (int i = 0; i < 6; i++) AssertSame("seed", $"get{i}", metainfo);
        foreach (Engine engine in engines) await engine.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AStoppedDownloadGoesOnWithoutFetchingAVerifiedPieceAgain(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 4_000_000)]);
        await using Engine seeder = Start(false, limitUp: 3_000_000);
        Add(seeder, metainfo, "seed");
        long first, had;
        await using (Engine getter = Start(synchronous))
        {
            ActiveTorrent get = Add(getter, metainfo, "get");
            var some = new TaskCompletionSource();
            using var timer = new Timer(_ => { if (get.Torrent.Stats is { } s && s.Wanted - s.Left > 500_000) some.TrySetResult(); }, null, 0, 10);
            get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
            await some.Task.WaitAsync(s_patience);
            await getter.DisposeAsync();
            first = get.Torrent.Stats.Downloaded;
            had = get.Torrent.Stats.Wanted - get.Torrent.Stats.Left;
        }
        await using Engine again = Start(synchronous);
        ActiveTorrent rest = Add(again, metainfo, "get");
        long has = rest.Torrent.Stats.Wanted - rest.Torrent.Stats.Left;
        Assert.True(has >= had); // more, if pieces were whole and not yet hashed
        rest.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await rest.Completion.WaitAsync(s_patience);
        AssertSame("seed", "get", metainfo);
        // Blocks under way when it stopped may have been lost; a verified piece never.
        Assert.True(rest.Torrent.Stats.Downloaded <= metainfo.Geometry.TotalLength - has);
        Assert.True(first + rest.Torrent.Stats.Downloaded >= metainfo.Geometry.TotalLength);
    }

    [Fact]
    public async Task ExistingContentIsCheckedAndOnlyTheDamageIsFetched()
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 1_000_000)]);
        CopyTree("seed", "get");
        string file = Path.Combine(_folder, "get", metainfo.Files.Files[0].Path);
        using (FileStream damaged = File.OpenWrite(file))
        {
            damaged.Seek(500_000, SeekOrigin.Begin);
            damaged.WriteByte((byte)~File.ReadAllBytes(Path.Combine(_folder, "seed", metainfo.Files.Files[0].Path))[500_000]);
        }
        await using Engine seeder = Start(false), getter = Start(false);
        Add(seeder, metainfo, "seed");
        ActiveTorrent get = Add(getter, metainfo, "get");
        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await get.Completion.WaitAsync(s_patience);
        AssertSame("seed", "get", metainfo);
        Assert.Equal(32 * KiB, get.Torrent.Stats.Downloaded);
    }

    [Fact]
    public async Task ADiskFaultIsReportedWithItsPath()
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 1_000_000)]);
        await using Engine seeder = Start(false), getter = Start(false);
        Add(seeder, metainfo, "seed");
        File.WriteAllText(Path.Combine(_folder, "get"), "a file where the folder should be");
        ActiveTorrent get = Add(getter, metainfo, "get");
        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        for (var since = System.Diagnostics.Stopwatch.StartNew(); get.Fault.IsOk; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
        Assert.Contains(Path.Combine(_folder, "get"), get.Fault.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TheFirstPeerThatIsTurnedAwayIsReportedAndTheOthersStay(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 100_000)]);
        await using var seeder = new Engine(new EngineOptions(synchronous, IPAddress.Loopback, Port: 0, MaxPeers: 2));
        var refused = new TaskCompletionSource<(int, bool)>();
        int reports = 0;
        seeder.PeerRefused += (limit, engineTakesMore) =>
        {
            reports++;
            refused.TrySetResult((limit, engineTakesMore));
        };
        Add(seeder, metainfo, "seed");
        var sockets = new List<System.Net.Sockets.Socket>();
        for (int i = 0; i < 4; i++)
        {
            sockets.Add(new(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp));
            await sockets[i].ConnectAsync(new IPEndPoint(IPAddress.Loopback, seeder.Port));
        }
        Assert.Equal((2, true), await refused.Task.WaitAsync(s_patience));
        foreach (var turnedAway in sockets[2..]) Assert.Equal(0, await turnedAway.ReceiveAsync(new byte[1]).WaitAsync(s_patience));
        Assert.Equal(1, reports);
        foreach (var socket in sockets) socket.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ADownloaderConnectsToNoMorePeersThanItMay(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 2_000_000)]);
        await using Engine one = Start(false), two = Start(false), three = Start(false);
        await using var getter = new Engine(new EngineOptions(synchronous, IPAddress.Loopback, Port: 0, MaxPeers: 2));
        foreach (Engine seeder in (Engine[])[one, two, three]) Add(seeder, metainfo, "seed");
        ActiveTorrent get = Add(getter, metainfo, "get");
        int connected = 0, most = 0;
        var gate = new Lock();
        get.Torrent.PeerChanged += (_, came) =>
        {
            lock (gate) most = Math.Max(most, connected += came ? 1 : -1);
        };
        get.AddPeers([new(IPAddress.Loopback, one.Port), new(IPAddress.Loopback, two.Port), new(IPAddress.Loopback, three.Port)]);
        await get.Completion.WaitAsync(s_patience);
        AssertSame("seed", "get", metainfo);
        lock (gate) Assert.InRange(most, 1, 2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task EveryThreadAndSocketIsGoneWhenTheEngineIs(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 500_000)]);
        Engine seeder = Start(synchronous), getter = Start(synchronous);
        Add(seeder, metainfo, "seed");
        ActiveTorrent get = Add(getter, metainfo, "get");
        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await get.Completion.WaitAsync(s_patience);
        int port = seeder.Port;
        await getter.DisposeAsync().AsTask().WaitAsync(s_patience);
        await seeder.DisposeAsync().AsTask().WaitAsync(s_patience);
        using PeerListener free = PeerListener.Open(IPAddress.Loopback, port);
        Assert.Null(seeder.Fault ?? getter.Fault);
    }

    static Engine Start(bool synchronous, long? limitUp = null) =>
        new(new EngineOptions(synchronous, IPAddress.Loopback, Port: 0, ExactPort: true, LimitUp: limitUp));

    ActiveTorrent Add(Engine engine, MetainfoFile metainfo, string folder)
    {
        var store = new PieceStore(metainfo.Files, Path.Combine(_folder, folder));
        var resume = new ResumeFile(Path.Combine(_folder, $"{folder}.resume"), metainfo.InfoHash, metainfo.Geometry, store);
        var picker = new PiecePicker(metainfo.Geometry, new Random(1));
        Assert.True(ExistingContent.Find(metainfo, store, resume.Load(out _), picker, (_, _) => { }, default).IsOk);
        for (int file = 0; file < metainfo.Files.Files.Count; file++)
            if (File.Exists(store.PathOf(file))) store.Adopt(file);
        store.CreateEmptyFiles();
        var torrent = new ActiveTorrent(engine, metainfo, store, resume, picker, []);
        engine.Add(torrent);
        return torrent;
    }

    static MetainfoFile MakeContent(string folder, int pieceLength, (string Path, int Length)[] files)
    {
        var random = new Random(5);
        var all = new MemoryStream();
        foreach ((string path, int length) in files)
        {
            byte[] bytes = new byte[length];
            random.NextBytes(bytes);
            string full = Path.Combine(folder, "tree", path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllBytes(full, bytes);
            all.Write(bytes);
        }
        byte[] hashes = [.. all.ToArray().Chunk(pieceLength).SelectMany(SHA1.HashData)];
        var output = new System.Text.StringBuilder("d4:infod5:filesl");
        foreach ((string path, int length) in files)
            output.Append(CultureInfo.InvariantCulture, $"d6:lengthi{length}e4:pathl{string.Concat(path.Split('/').Select(p => $"{System.Text.Encoding.UTF8.GetByteCount(p)}:{p}"))}ee");
        output.Append(CultureInfo.InvariantCulture, $"e4:name4:tree12:piece lengthi{pieceLength}e6:pieces{hashes.Length}:");
        return MetainfoFile.Parse((byte[])[.. System.Text.Encoding.UTF8.GetBytes(output.ToString()), .. hashes, .. "ee"u8]);
    }

    void AssertSame(string one, string other, MetainfoFile metainfo)
    {
        foreach (FileEntry file in metainfo.Files.Files)
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, one, file.Path)), File.ReadAllBytes(Path.Combine(_folder, other, file.Path)));
    }

    void CopyTree(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(Path.Combine(_folder, from), "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(_folder, to, Path.GetRelativePath(Path.Combine(_folder, from), file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
