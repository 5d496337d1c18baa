using System.Net;
using System.Security.Cryptography;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Swarm;

/// <summary>A peer of the model: serves in order at a rate, behind a delay, and may lie, stall, choke or leave.</summary>
sealed class ModelPeer(PeerPieces pieces, double rate, double roundTrip)
{
    public PeerPieces Pieces { get; } = pieces;
    public RequestPipeline Pipeline { get; } = new();
    public double Rate { get; set; } = rate;
    public double RoundTrip { get; } = roundTrip;

    /// <summary>Probability that a block it sends is wrong.</summary>
    public double Lies { get; init; }

    /// <summary>Seconds for which it collects what it may send, and then sends it at once; 0 for a steady stream.</summary>
    public double Burst { get; init; }

    public double NextBurst { get; set; }

    public List<(BlockRef Block, double Reaches)> Asked { get; } = [];
    public Queue<(BlockRef Block, double Arrives)> UnderWay { get; } = [];

    /// <summary>What it was told not to send and will not.</summary>
    public Queue<(BlockRef Block, double Arrives)> Rejected { get; } = [];

    public double Budget { get; set; }
}

/// <summary>One downloader, whole: picker and pipelines as a torrent joins them, with peers, paths and a disk made up.</summary>
sealed class DownloadModel(Geometry geometry, Random random)
{
    const double Step = 0.005;

    readonly BlockRef[] _into = new BlockRef[RequestPipeline.MaxDepth];
    readonly List<PeerPieces> _cancel = [];
    readonly HashSet<BlockRef> _wrong = [];
    double _now = 1, _nextTick = 2;
    readonly HashSet<IPEndPoint> _liars = [];
    int _joined;

    public PiecePicker Picker { get; } = new(geometry, random);
    public List<ModelPeer> Peers { get; } = [];
    public Random Random { get; } = random;

    public double Now => _now;
    public long Received { get; private set; }
    public long Duplicates { get; private set; }
    public int FailedPieces { get; private set; }

    /// <summary>Bytes of pieces in progress that were given up because a liar had sent them.</summary>
    public long Discarded { get; private set; }

    public int MostPartials { get; private set; }
    public List<ModelPeer> Banned { get; } = [];

    /// <summary>When this share of the pieces was verified, by percent.</summary>
    public double[] ReachedAt { get; } = new double[101];

    public ModelPeer Join(double rate, double roundTrip, double share = 1, double lies = 0, double burst = 0)
    {
        PeerPieces pieces = Picker.Add(null, answersCancels: true, new IPEndPoint(++_joined, 0));
        var has = new Bitfield(geometry.PieceCount);
        for (int i = 0; i < has.Length; i++) if (Random.NextDouble() < share) has.Set(i);
        Assert.True(Picker.OnBitfield(pieces, has.Bytes));
        var peer = new ModelPeer(pieces, rate, roundTrip) { Lies = lies, Burst = burst, NextBurst = _now + burst * Random.NextDouble() };
        Peers.Add(peer);
        if (lies > 0) _liars.Add(pieces.Origin!);
        PiecePicker.OnUnchoke(pieces);
        Ask(peer);
        return peer;
    }

    public void Leave(ModelPeer peer)
    {
        Picker.Remove(peer.Pieces);
        Peers.Remove(peer);
    }

    public void Choke(ModelPeer peer)
    {
        Picker.OnChoke(peer.Pieces, rejects: false);
        peer.Pipeline.OnIdle();
        peer.Asked.Clear();
    }

    public void Unchoke(ModelPeer peer)
    {
        PiecePicker.OnUnchoke(peer.Pieces);
        peer.Pipeline.OnUnchoke();
        Ask(peer);
    }

    /// <summary>Runs until everything is there. False if it takes longer than so many seconds.</summary>
    public bool Run(double limit, Action? everyTick = null)
    {
        for (double until = _now + limit; !Picker.IsComplete; _now += Step)
        {
            if (_now > until) return false;
            for (int i = Peers.Count - 1; i >= 0; i--)
            {
                if (i >= Peers.Count) continue; // a ban took peers out
                Serve(Peers[i]);
                Deliver(Peers[i]);
                if (i < Peers.Count) Reject(Peers[i]);
            }
            if (_now < _nextTick) continue;
            _nextTick += 1;
            Tick();
            everyTick?.Invoke();
        }
        return true;
    }

    void Serve(ModelPeer peer)
    {
        peer.Budget = peer.Asked.Count == 0 ? 0 : peer.Budget + peer.Rate * Step;
        if (_now < peer.NextBurst) return;
        peer.NextBurst = _now + peer.Burst;
        int served = 0;
        while (served < peer.Asked.Count && peer.Budget >= peer.Asked[served].Block.Length && peer.Asked[served].Reaches <= _now)
        {
            peer.Budget -= peer.Asked[served].Block.Length;
            peer.UnderWay.Enqueue((peer.Asked[served++].Block, _now + peer.RoundTrip / 2));
        }
        peer.Asked.RemoveRange(0, served);
    }

    void Deliver(ModelPeer peer)
    {
        bool any = false;
        while (peer.UnderWay.TryPeek(out (BlockRef Block, double Arrives) next) && next.Arrives <= _now && !Banned.Contains(peer))
        {
            any = true;
            peer.UnderWay.Dequeue();
            OnBlock(peer, next.Block);
        }
        if (any && Peers.Contains(peer)) Ask(peer);
    }

    void Recall(PeerPieces from, BlockRef block)
    {
        ModelPeer peer = Peers.Single(p => p.Pieces == from);
        if (peer.Asked.RemoveAll(a => a.Block == block) > 0) peer.Rejected.Enqueue((block, _now + peer.RoundTrip));
    }

    void Reject(ModelPeer peer)
    {
        while (peer.Rejected.TryPeek(out (BlockRef Block, double Arrives) next) && next.Arrives <= _now)
        {
            peer.Rejected.Dequeue();
            Assert.Equal(RejectVerdict.Expected, Picker.OnReject(peer.Pieces, next.Block, out PeerPieces? waiting));
            if (peer.Pieces.Requests.Count == 0) peer.Pipeline.OnIdle();
            if (Peers.Find(p => p.Pieces == waiting) is { } other) Ask(other);
        }
    }

    void OnBlock(ModelPeer peer, BlockRef block)
    {
        Received += block.Length;
        _cancel.Clear();
        BlockVerdict verdict = Picker.OnBlock(peer.Pieces, block, Time(_now), _cancel, out TimeSpan? sentAt);
        Assert.NotEqual(BlockVerdict.Unrequested, verdict);
        peer.Pipeline.OnBlock(block.Length, sentAt, peer.Pieces.Requests.Count, Time(_now));
        foreach (PeerPieces cancelled in _cancel) Ask(Cancel(cancelled, block));
        if (verdict == BlockVerdict.Duplicate)
        {
            Duplicates += block.Length;
            return;
        }
        if (Random.NextDouble() < peer.Lies) _wrong.Add(block);
        else _wrong.Remove(block); // what was there of a peer that was given up is overwritten
        if (Picker.OnWritten(block)) Verify(block.Piece);
    }

    ModelPeer Cancel(PeerPieces pieces, BlockRef block)
    {
        ModelPeer peer = Peers.Single(p => p.Pieces == pieces);
        peer.Asked.RemoveAll(a => a.Block == block);
        if (pieces.Requests.Count == 0) peer.Pipeline.OnIdle();
        return peer;
    }

    void Verify(int piece)
    {
        bool matches = !_wrong.Any(b => b.Piece == piece);
        byte[]? hashes = Picker.IsEvidence(piece, matches) ? HashBlocks(piece) : null;
        var guilty = new List<IPEndPoint>();
        if (matches)
        {
            if (hashes != null) Picker.Compare(piece, hashes, guilty);
            Picker.OnVerified(piece);
            int percent = (int)(100L * Picker.Have.Count / geometry.PieceCount);
            for (; percent >= 0 && ReachedAt[percent] == 0; percent--) ReachedAt[percent] = _now;
        }
        else
        {
            FailedPieces++;
            Picker.OnHashFailed(piece, hashes, guilty);
        }
        _wrong.RemoveWhere(b => b.Piece == piece);
        foreach (IPEndPoint origin in guilty) Ban(origin);
    }

    byte[] HashBlocks(int piece) =>
        [.. Enumerable.Range(0, geometry.BlocksIn(piece)).SelectMany(b => SHA1.HashData([(byte)(_wrong.Contains(geometry.Block(piece, b)) ? 1 : 0)]))];

    void Ban(IPEndPoint origin)
    {
        Assert.True(_liars.Contains(origin), "an honest peer was proven guilty");
        Discarded += Picker.Discard(origin);
        if (Peers.Find(p => origin.Equals(p.Pieces.Origin)) is not { } peer) return;
        Banned.Add(peer);
        Leave(peer);
    }

    void Tick()
    {
        MostPartials = Math.Max(MostPartials, Picker.PartialCount);
        foreach (ModelPeer peer in Peers)
        {
            PeerPieces pieces = peer.Pieces;
            int overdue = 0;
            for (; pieces.Requests.Count > 0 && Time(_now) - pieces.Requests[0].SentAt > peer.Pipeline.Timeout; overdue++)
            {
                Picker.GiveBack(pieces, pieces.Requests[0].Block);
            }
            if (overdue > 0) peer.Pipeline.OnTimeout();
            Ask(peer);
        }
    }

    void Ask(ModelPeer peer)
    {
        PeerPieces pieces = peer.Pieces;
        int room = peer.Pipeline.Depth - pieces.Requests.Count;
        if (room <= 0) return;
        int count = Picker.Pick(pieces, _into.AsSpan(0, room), Time(_now));
        foreach ((PeerPieces from, BlockRef block) in Picker.Recalled) Recall(from, block);
        if (count > 0) peer.Pipeline.OnRequested(Time(_now));
        foreach (BlockRef block in _into.AsSpan(0, count)) peer.Asked.Add((block, _now + peer.RoundTrip / 2));
    }

    static TimeSpan Time(double seconds) => TimeSpan.FromSeconds(seconds);
}
