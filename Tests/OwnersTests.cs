// One download from several owners that a tracker names, some with a part only, over loopback.
using System.Net;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests;

public sealed class OwnersTests : IDisposable
{
    const int PieceLength = 32 * 1024, Pieces = 60;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly TemporaryFolder _folder = new();
    readonly TrackerServer _tracker;
    readonly string _announce;
    readonly byte[] _content = new byte[PieceLength * Pieces - 1234];
    readonly MetainfoFile _metainfo;

    public OwnersTests()
    {
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0);
        _tracker = new TrackerServer(new TrackerOptions { Interval = TimeSpan.FromSeconds(10) }, new HttpLimits(), [port]);
        _announce = $"http://127.0.0.1:{port.Number}/announce";
        new Random(3).NextBytes(_content);
        byte[] hashes = [.. _content.Chunk(PieceLength).SelectMany(System.Security.Cryptography.SHA1.HashData)];
        _metainfo = MetainfoFile.Parse(MetainfoBuilder.Build(new MetainfoOptions { Name = "data" }, _content.Length, PieceLength, hashes));
    }

    public void Dispose()
    {
        _tracker.Dispose();
        _folder.Dispose();
    }

    /// <summary>An owner of the pieces that <paramref name="holds"/> says, who wants no others; or, with null, a downloader.</summary>
    (Engine Engine, ActiveTorrent Torrent) Start(string name, Func<int, bool>? holds, long? limitUp = null)
    {
        var engine = new Engine(new EngineOptions(false, IPAddress.Loopback, Port: 0, ExactPort: true, LimitUp: limitUp));
        var store = new PieceStore(_metainfo.Files, _folder[name]);
        var picker = new PiecePicker(_metainfo.Geometry, new Random(1));
        for (int piece = 0; piece < Pieces; piece++)
        {
            if (holds is null) continue;
            if (!holds(piece))
            {
                picker.SetPriority(piece, PiecePriority.Skip);
                continue;
            }
            long offset = _metainfo.Geometry.OffsetOf(piece);
            Assert.True(store.Write(offset, _content.AsSpan((int)offset, _metainfo.Geometry.LengthOf(piece))).IsOk);
            picker.MarkHave(piece);
        }
        var torrent = new ActiveTorrent(engine, _metainfo, store, resume: null, picker, [[_announce]]);
        engine.Add(torrent);
        return (engine, torrent);
    }

    async Task AwaitPeers(int count)
    {
        for (var since = System.Diagnostics.Stopwatch.StartNew(); _tracker.Service.Peers.IPv4 < count; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
    }

    [Fact]
    public async Task OwnersOfPartsTogetherGiveTheWholeAndEachGivesSome()
    {
        (Engine Engine, ActiveTorrent Torrent)[] owners = [Start("a", piece => piece < 25), Start("b", piece => piece is >= 20 and < 45), Start("c", piece => piece >= 40), Start("d", piece => piece % 2 == 0)];
        await AwaitPeers(owners.Length);
        (Engine getter, ActiveTorrent get) = Start("get", holds: null);
        await get.Completion.WaitAsync(s_patience);
        Assert.Equal(_content, File.ReadAllBytes(_folder["get/data"]));
        Assert.All(owners[..3], owner => Assert.True(owner.Torrent.Torrent.Stats.Uploaded > 0)); // each alone has some of it
        Assert.Equal(0, get.Torrent.Stats.Left);
        await getter.DisposeAsync();
        foreach ((Engine engine, _) in owners) await engine.DisposeAsync();
    }

    [Fact]
    public async Task WhatAnOwnerThatLeavesStillOwedIsAskedOfTheOthers()
    {
        // The only owner of everything is slow and leaves under way; two others have the halves.
        (Engine slow, ActiveTorrent slowly) = Start("slow", _ => true, limitUp: 200_000);
        (Engine left, _) = Start("left", piece => piece < 30, limitUp: 600_000);
        (Engine right, _) = Start("right", piece => piece >= 30, limitUp: 600_000);
        await AwaitPeers(3);
        (Engine getter, ActiveTorrent get) = Start("get", holds: null);
        for (var since = System.Diagnostics.Stopwatch.StartNew(); slowly.Torrent.Stats.Uploaded == 0; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
        await slow.DisposeAsync();
        Assert.True(get.Torrent.Stats.Left > 0, "it was over before the owner left: nothing is shown");
        await get.Completion.WaitAsync(s_patience);
        Assert.Equal(_content, File.ReadAllBytes(_folder["get/data"]));
        foreach (Engine engine in (Engine[])[getter, left, right]) await engine.DisposeAsync();
    }
}
