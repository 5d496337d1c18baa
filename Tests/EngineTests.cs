using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests;

/// <summary>Whole engines over loopback: sockets, threads, files. Every engine listens on a port of its own.</summary>
public sealed class EngineTests : IAsyncLifetime
{
    const int KiB = 1024;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly string _folder = Directory.CreateTempSubdirectory("tinytorrent-test-").FullName;

    readonly List<Engine> _engines = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (Engine engine in _engines)
        {
            await engine.DisposeAsync();
            Assert.Equal(0, engine.Slabs.Lent);
        }
        Directory.Delete(_folder, recursive: true);
    }

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
        await using Engine seeder = Start(synchronous, maxPeers: 2);
        var refused = new TaskCompletionSource<(int, bool)>();
        int reports = 0;
        seeder.PeerRefused += (limit, engineTakesMore) =>
        {
            reports++;
            refused.TrySetResult((limit, engineTakesMore));
        };
        Add(seeder, metainfo, "seed");
        var sockets = new List<Socket>();
        for (int i = 0; i < 4; i++)
        {
            sockets.Add(new(SocketType.Stream, ProtocolType.Tcp));
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
    public async Task APeerThatRejectsWhatItWasNotAskedForEndsNothingButItsConnection(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 256 * KiB, [("data", 4_000_000)]);
        await using Engine seeder = Start(false), getter = Start(synchronous);
        ActiveTorrent get = Add(getter, metainfo, "get");
        Add(seeder, metainfo, "seed");
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, getter.Port);
        NetworkStream stream = client.GetStream();
        byte[] hello = new byte[Handshake.Size];
        new Handshake(metainfo.InfoHash, new PeerId("-XX0001-abcdefghijkl"u8), SupportsFast: true, SupportsExtensions: false).Write(hello);
        await stream.WriteAsync(hello.Concat(Frame(b => PeerMessage.Write(b, MessageId.HaveAll))).Concat(Frame(b => PeerMessage.Write(b, MessageId.Unchoke))).ToArray());
        await stream.ReadExactlyAsync(hello).AsTask().WaitAsync(s_patience);
        var asked = new List<BlockRef>();
        while (asked.Count < 2)
        {
            byte[] length = new byte[PeerMessage.PrefixLength];
            await stream.ReadExactlyAsync(length).AsTask().WaitAsync(s_patience);
            byte[] body = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(length)];
            await stream.ReadExactlyAsync(body).AsTask().WaitAsync(s_patience);
            if (body is [(byte)MessageId.Request, ..]) asked.Add(PeerMessage.Read([.. length, .. body]).Block);
        }
        await stream.WriteAsync(Frame(b => PeerMessage.Write(b, MessageId.RejectRequest, asked[1])).Concat(Frame(b => PeerMessage.Write(b, MessageId.RejectRequest, default(BlockRef)))).ToArray());
        await stream.CopyToAsync(Stream.Null).WaitAsync(s_patience); // until it hangs up

        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await get.Completion.WaitAsync(s_patience);
        AssertSame("seed", "get", metainfo);
        Assert.Null(getter.Fault);

        static byte[] Frame(Func<byte[], int> write)
        {
            byte[] frame = new byte[20];
            return frame[..write(frame)];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ADownloaderConnectsToNoMorePeersThanItMay(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 2_000_000)]);
        await using Engine one = Start(false), two = Start(false), three = Start(false);
        await using Engine getter = Start(synchronous, maxPeers: 2);
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NoMorePeersAreDialledThanThereIsRoomFor(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 100_000)]);
        await using Engine getter = Start(synchronous, maxPeers: 2);
        ActiveTorrent get = Add(getter, metainfo, "get");
        var peers = new List<TcpListener>();
        for (int i = 0; i < 12; i++)
        {
            peers.Add(new TcpListener(IPAddress.Loopback, 0));
            peers[i].Start();
        }
        Task<TcpClient>[] calls = [.. peers.Select(peer => peer.AcceptTcpClientAsync())];
        get.AddPeers([.. peers.Select(peer => (IPEndPoint)peer.LocalEndpoint)]);
        Task<TcpClient> first = await Task.WhenAny(calls).WaitAsync(s_patience);
        Task<TcpClient> second = await Task.WhenAny(calls.Where(call => call != first)).WaitAsync(s_patience);
        // Both stay: what else was dialled has been, once another dial could have begun.
        getter.Dial();
        await getter.DisposeAsync();
        Assert.Equal(0, getter.Slabs.Lent);
        Assert.Equal(2, calls.Count(call => call.IsCompleted) + peers.Count(peer => peer.Pending()));
        foreach (Task<TcpClient> call in (Task<TcpClient>[])[first, second]) (await call).Dispose();
        foreach (TcpListener peer in peers) peer.Dispose();
    }

    /// <summary>What is let go at full speed goes on from there: nothing is written after its state was saved.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ATorrentThatIsRemovedAtFullSpeedIsSavedAfterItsLastWrite(bool synchronous)
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 64 * KiB, [("data", 64 << 20)]);
        await using Engine seeder = Start(false), getter = Start(synchronous);
        ActiveTorrent seed = Add(seeder, metainfo, "seed");
        for (int round = 0; round < 6; round++)
        {
            ActiveTorrent get = Add(getter, metainfo, "get");
            if (get.Torrent.Stats.Left < 20 * 64 * KiB) break; // too fast for another round
            for (var since = System.Diagnostics.Stopwatch.StartNew(); seed.Torrent.Stats.Peers > 0; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
            var some = new TaskCompletionSource();
            int pieces = 0;
            get.PieceVerified += _ => { if (Interlocked.Increment(ref pieces) == 20) some.TrySetResult(); };
            get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
            await some.Task.WaitAsync(s_patience);
            await getter.RemoveAsync(get).WaitAsync(s_patience);
            Assert.True(get.Fault.IsOk, get.Fault.ToString());
            Assert.Equal(0, get.Torrent.Stats.Peers);

            var store = new PieceStore(metainfo.Files, Path.Combine(_folder, "get"));
            var resume = new ResumeFile(Path.Combine(_folder, "get.resume"), metainfo.InfoHash, metainfo.Geometry, store);
            ResumeState? state = resume.Load(out string? reason);
            Assert.True(state is not null, reason);
            Assert.True(state.Doubtful is null || state.Doubtful.IsEmpty, "the file was written after its state had been saved");
            Assert.True(state.Pieces.Count >= 20);
            store.Dispose();
        }
    }

    /// <summary>After a power loss such a state would list pieces that the disk never had.</summary>
    [Fact]
    public async Task NoStateIsSavedOfContentThatTheDiskHasNotTaken()
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 300_000)]);
        await using Engine seeder = Start(false), getter = Start(false);
        Add(seeder, metainfo, "seed");
        var disk = new UnsyncedDisk { Fails = true };
        ActiveTorrent get = Add(getter, metainfo, "get", disk);
        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await get.Completion.WaitAsync(s_patience);
        await getter.DisposeAsync();
        Assert.False(File.Exists(Path.Combine(_folder, "get.resume")));
        Assert.Contains("told to fail", get.Fault.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFaultOfOursKeepsNoStateFromBeingSaved()
    {
        MetainfoFile metainfo = MakeContent(Path.Combine(_folder, "seed"), 32 * KiB, [("data", 1_000_000)]);
        await using Engine seeder = Start(false), getter = Start(false, maxPeers: 1);
        Add(seeder, metainfo, "seed");
        ActiveTorrent get = Add(getter, metainfo, "get");
        getter.PeerRefused += (_, _) => throw new InvalidOperationException("mine");
        get.AddPeers([new(IPAddress.Loopback, seeder.Port)]);
        await get.Completion.WaitAsync(s_patience);
        using var one = new TcpClient();
        using var two = new TcpClient();
        await one.ConnectAsync(IPAddress.Loopback, getter.Port);
        await two.ConnectAsync(IPAddress.Loopback, getter.Port);
        for (var since = System.Diagnostics.Stopwatch.StartNew(); getter.Fault is null; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
        Assert.Equal("mine", Assert.Throws<InvalidOperationException>(getter.RequireNoFault).Message);
        int port = getter.Port;
        string state = Path.Combine(_folder, "get.resume");
        File.Delete(state);
        await getter.DisposeAsync().AsTask().WaitAsync(s_patience);
        Assert.True(File.Exists(state));
        using PeerListener free = PeerListener.Open(IPAddress.Loopback, port);
    }

    Engine Start(bool synchronous, long? limitUp = null, int? maxPeers = null)
    {
        var engine = new Engine(new EngineOptions(synchronous, IPAddress.Loopback, Port: 0, ExactPort: true, LimitUp: limitUp, MaxPeers: maxPeers));
        _engines.Add(engine);
        return engine;
    }

    ActiveTorrent Add(Engine engine, MetainfoFile metainfo, string folder, Disk? disk = null)
    {
        var store = new PieceStore(metainfo.Files, Path.Combine(_folder, folder), disk: disk);
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
