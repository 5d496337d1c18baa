// Our side as a downloader: what to ask of whom, what to do with what comes, who lied. Pure decisions about Peer
// records; every call is under the torrent's lock. What to send is queued in the peers' outboxes, not flushed.
using System.Net;
using System.Runtime.InteropServices;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class Download(PiecePicker picker, List<Peer> peers)
{
    /// <summary>Requests are made in batches of at most this many, one batch per lock.</summary>
    const int MaxBatch = 64;

    // All pipelines together: bytes that may be under way whatever the rate, and seconds of the rate. Hundreds of pipelines that
    // each follow their own peer would ask for the whole content at once, and fill this machine's socket buffers with it.
    const long UnderWay = 64 << 20;
    const double UnderWaySeconds = 0.5;

    /// <summary>Pieces a peer is told of at a time. Seconds' worth of small pieces for hundreds of peers would fill megabytes.</summary>
    const int MaxNews = 512;

    /// <summary>Peers told of every piece at once would each cost a send for it.</summary>
    static readonly TimeSpan s_newsInterval = TimeSpan.FromMilliseconds(250);

    readonly BlockRef[] _batch = new BlockRef[MaxBatch];
    readonly List<PeerPieces> _cancel = [];
    readonly List<int> _news = []; // verified pieces that not everybody was told of
    int _mostOutstanding = (int)(UnderWay / Geometry.BlockLength);

    /// <summary>Block bytes that arrived, whatever became of them.</summary>
    public long Received { get; private set; }

    /// <summary>Block bytes that arrived and were of no use: duplicates, failed pieces.</summary>
    public long Wasted { get; private set; }

    /// <summary>Peers that got their last piece while connected to us.</summary>
    public int PeersCompleted { get; private set; }

    /// <summary>The addresses that the last hash has proven guilty, to be banned.</summary>
    public List<IPEndPoint> Guilty { get; } = [];

    /// <summary>Pieces whose hash was wrong.</summary>
    public int FailedPieces { get; private set; }

    /// <summary>The peer's messages about pieces and choking. False drops it.</summary>
    public bool OnMessage(Peer peer, in PeerMessage message, TimeSpan now)
    {
        switch (message.Id)
        {
            case MessageId.Choke:
                if (peer.Pieces.PeerChoking && peer.Pieces.Requests.Count == 0) return peer.Endures(Peer.UselessMessage);
                picker.OnChoke(peer.Pieces, rejects: peer.Fast);
                peer.Pipeline.OnIdle();
                return true;
            case MessageId.Unchoke:
                if (!peer.Pieces.PeerChoking) return peer.Endures(Peer.UselessMessage);
                PiecePicker.OnUnchoke(peer.Pieces);
                peer.Pipeline.OnUnchoke();
                return true;
            case MessageId.Have:
                OnHave(peer, message.Piece);
                return true;
            case MessageId.Bitfield:
                return OnBitfield(peer, message.Payload);
            case MessageId.HaveAll:
                return peer.Fast && picker.OnHaveAll(peer.Pieces);
            case MessageId.HaveNone:
                return peer.Fast && PiecePicker.OnHaveNone(peer.Pieces);
            case MessageId.SuggestPiece:
                peer.Pieces.Suggest(message.Piece);
                return peer.Fast;
            case MessageId.AllowedFast:
                peer.Pieces.Allow(message.Piece);
                return peer.Fast;
            case MessageId.RejectRequest:
                return peer.Fast && OnReject(peer, message.Block, now);
            default:
                return true;
        }
    }

    bool OnReject(Peer peer, in BlockRef block, TimeSpan now)
    {
        RejectVerdict verdict = picker.OnReject(peer.Pieces, block, out PeerPieces? waiting);
        if (verdict == RejectVerdict.Unrequested) return peer.Endures(Peer.UselessMessage);
        // Asking again at once would be rejected again at once.
        peer.IsPaused |= verdict == RejectVerdict.TurnedDown;
        if (peer.Pieces.Requests.Count == 0) peer.Pipeline.OnIdle();
        if (waiting == null) return true;
        var next = (Peer)waiting.Owner!;
        Request(next, now);
        next.Outbox.Flush();
        return true;
    }

    bool OnBitfield(Peer peer, ReadOnlySpan<byte> bitfield)
    {
        bool isLate = peer.Pieces.HasSpoken, completes = isLate && !peer.IsSeed;
        int had = peer.Pieces.Has.Count;
        if (!picker.OnBitfield(peer.Pieces, bitfield)) return false;
        if (completes && peer.IsSeed) PeersCompleted++;
        return !isLate || peer.Pieces.Has.Count > had || peer.Endures(Peer.UselessMessage);
    }

    void OnHave(Peer peer, int piece)
    {
        bool wasSeed = peer.IsSeed;
        picker.OnHave(peer.Pieces, piece);
        if (peer.IsSeed && !wasSeed) PeersCompleted++;
    }

    /// <summary>A block came. False drops the peer.</summary>
    public bool OnBlock(Peer peer, in BlockRef block, TimeSpan now, out bool keep)
    {
        Received += block.Length;
        peer.Down.Add(block.Length);
        BlockVerdict verdict = picker.OnBlock(peer.Pieces, block, now, _cancel, out TimeSpan? sentAt);
        keep = verdict == BlockVerdict.Accepted;
        peer.Pipeline.OnBlock(block.Length, sentAt, peer.Pieces.Requests.Count, now);
        foreach (PeerPieces other in _cancel) Cancel(other, block);
        _cancel.Clear();
        if (keep) return true;

        Wasted += block.Length;
        return verdict != BlockVerdict.Unrequested || peer.Endures(Peer.UselessBlock);
    }

    static void Cancel(PeerPieces pieces, in BlockRef block)
    {
        Peer peer = (Peer)pieces.Owner!;
        peer.Outbox.Send(MessageId.Cancel, block);
        if (pieces.Requests.Count == 0) peer.Pipeline.OnIdle();
        peer.Outbox.Flush();
    }

    /// <summary>Asks the peer for as much as its pipeline holds, once a quarter of it has run out: a send for each few requests
    /// would cost more than the requests do.</summary>
    public void Request(Peer peer, TimeSpan now)
    {
        UpdateInterest(peer);
        if (!peer.AmInterested || peer.IsPaused || peer.IsBanned) return;
        int least = Math.Clamp(peer.Pipeline.Depth / 4, 1, MaxBatch);
        for (int room; (room = Limit(peer) - peer.Pieces.Requests.Count) >= least; least = 1)
        {
            int count = picker.Pick(peer.Pieces, _batch.AsSpan(0, Math.Min(room, MaxBatch)), now);
            foreach ((PeerPieces from, BlockRef block) in picker.Recalled) Cancel(from, block);
            if (count == 0) return;
            Tell(peer);
            foreach (BlockRef block in _batch.AsSpan(0, count)) peer.Outbox.Send(MessageId.Request, block);
            peer.Pipeline.OnRequested(now);
        }
    }

    /// <summary>What the peer's pipeline holds, or its share of what all may hold if that is used up.</summary>
    int Limit(Peer peer) => picker.Outstanding < _mostOutstanding ? peer.Pipeline.Depth
        : Math.Min(peer.Pipeline.Depth, Math.Max(RequestPipeline.MinDepth, _mostOutstanding / peers.Count));

    /// <summary>Asks everybody who has room: blocks have come back from a peer that is gone, slow or unwilling.</summary>
    public void RequestAll(TimeSpan now)
    {
        foreach (Peer peer in peers)
        {
            Request(peer, now);
            peer.Outbox.Flush();
        }
    }

    void UpdateInterest(Peer peer)
    {
        bool interested = peer.Pieces.InterestingCount > 0;
        if (interested == peer.AmInterested) return;
        peer.AmInterested = interested;
        peer.Outbox.Send(interested ? MessageId.Interested : MessageId.NotInterested);
    }

    /// <summary>A piece was hashed.</summary>
    /// <param name="blocks">Hashes of its blocks; null if they are no evidence or could not be read.</param>
    public void OnHashed(int piece, bool matches, byte[]? blocks, TimeSpan now)
    {
        Guilty.Clear();
        if (matches && blocks != null) picker.Compare(piece, blocks, Guilty);
        if (matches) OnVerified(piece, now);
        else OnHashFailed(piece, blocks);
        foreach (IPEndPoint origin in Guilty) GiveUp(origin);
        if (!matches || Guilty.Count > 0) RequestAll(now);
    }

    /// <summary>A piece's hash was right: who lacks it is told soon. Who has it too hears of it with the next requests or by the next
    /// tick: it sees how far we are, and counts us when we are done.</summary>
    void OnVerified(int piece, TimeSpan now)
    {
        picker.OnVerified(piece);
        _news.Add(piece);
        foreach (Peer peer in peers)
        {
            UpdateInterest(peer);
            if (peer.Pieces.Has[piece] || now < peer.NextNews) continue;
            peer.NextNews = now + s_newsInterval;
            Tell(peer);
            peer.Outbox.Flush();
        }
    }

    /// <summary>The peer has just been told all that is verified.</summary>
    public void OnGreeted(Peer peer) => peer.ToldPieces = _news.Count;

    /// <summary>Tells the peer of the verified pieces it has not heard of, or of the first of them: <see cref="Peer.IsBehind"/> then
    /// says that it is to hear of the others once these have been sent.</summary>
    public void Tell(Peer peer)
    {
        int count = Math.Min(_news.Count - peer.ToldPieces, MaxNews);
        if (count == 0) return;
        peer.Outbox.SendHaves(CollectionsMarshal.AsSpan(_news).Slice(peer.ToldPieces, count));
        peer.ToldPieces += count;
        peer.IsBehind = peer.ToldPieces < _news.Count;
    }

    // What everybody was told is news no more.
    void ForgetNews()
    {
        int told = _news.Count;
        foreach (Peer peer in peers) told = Math.Min(told, peer.ToldPieces);
        _news.RemoveRange(0, told);
        foreach (Peer peer in peers) peer.ToldPieces -= told;
    }

    void OnHashFailed(int piece, byte[]? blocks)
    {
        FailedPieces++;
        Wasted += picker.OnHashFailed(piece, blocks, Guilty);
    }

    /// <summary>Nothing more is taken from the address, and what it sent of unfinished pieces is fetched again.</summary>
    void GiveUp(IPEndPoint origin)
    {
        Wasted += picker.Discard(origin);
        foreach (Peer peer in peers)
        {
            if (!origin.Equals(peer.Pieces.Origin)) continue;
            peer.IsBanned = true;
            peer.Outbox.Close();
        }
    }

    /// <summary>Once a second: gives slow peers' blocks to others.</summary>
    /// <param name="rate">Bytes per second from all peers together.</param>
    public void Tick(TimeSpan now, double rate)
    {
        _mostOutstanding = (int)(Math.Max(UnderWay, rate * UnderWaySeconds) / Geometry.BlockLength);
        foreach (Peer peer in peers)
        {
            Tell(peer);
            peer.IsPaused = false;
            GiveBackOverdue(peer, now);
        }
        ForgetNews();
        RequestAll(now);
    }

    /// <summary>What a peer has kept for too long is asked of others; it may still come, and is taken if it does.</summary>
    void GiveBackOverdue(Peer peer, TimeSpan now)
    {
        RequestQueue requests = peer.Pieces.Requests;
        bool overdue = false;
        while (requests.Count > 0 && now - requests[0].SentAt > peer.Pipeline.Timeout)
        {
            // A cancel without an answer: not all that speak BEP 6 give one.
            if (requests[0].RecalledFor != null) peer.Pieces.AnswersCancels = false;
            else overdue = true;
            picker.GiveBack(peer.Pieces, requests[0].Block);
        }
        if (overdue) peer.Pipeline.OnTimeout();
    }
}
