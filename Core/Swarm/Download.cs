// Our side as a downloader: what to ask of whom, what to do with what comes, who lied. Pure decisions about Peer
// records; every call is under the torrent's lock. What to send is queued in the peers' outboxes, not flushed.
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class Download(PiecePicker picker, List<Peer> peers)
{
    /// <summary>Requests are made in batches of at most this many, one batch per lock.</summary>
    const int MaxBatch = 64;

    /// <summary>Bytes of blocks nobody asked for before we stop listening.</summary>
    const long MaxUnwanted = 4 << 20;

    readonly BlockRef[] _batch = new BlockRef[MaxBatch];
    readonly List<PeerPieces> _cancel = [];
    readonly List<PeerPieces> _contributors = [];

    /// <summary>Block bytes that arrived, whatever became of them.</summary>
    public long Received { get; private set; }

    /// <summary>Block bytes that arrived and were of no use: duplicates, failed pieces.</summary>
    public long Wasted { get; private set; }

    /// <summary>Peers that got their last piece while connected to us.</summary>
    public int PeersCompleted { get; private set; }

    /// <summary>Pieces whose hash was wrong.</summary>
    public int FailedPieces { get; private set; }

    /// <summary>The peer's messages about pieces and choking. False drops it.</summary>
    public bool OnMessage(Peer peer, in PeerMessage message)
    {
        switch (message.Id)
        {
            case MessageId.Choke:
                picker.OnChoke(peer.Pieces, rejects: peer.Fast);
                peer.Pipeline.OnIdle();
                return true;
            case MessageId.Unchoke:
                PiecePicker.OnUnchoke(peer.Pieces);
                peer.Pipeline.OnUnchoke();
                return true;
            case MessageId.Have:
                return OnHave(peer, message.Piece);
            case MessageId.Bitfield:
                return OnBitfield(peer, message.Payload);
            case MessageId.HaveAll:
                return peer.Fast && picker.OnHaveAll(peer.Pieces);
            case MessageId.HaveNone:
                return peer.Fast && PiecePicker.OnHaveNone(peer.Pieces);
            case MessageId.AllowedFast:
                return peer.Fast && picker.OnAllowedFast(peer.Pieces, message.Piece);
            case MessageId.RejectRequest:
                // Asking again at once would be rejected again at once.
                if (picker.OnReject(peer.Pieces, message.Block)) peer.IsPaused = true;
                return peer.Fast;
            default:
                return true;
        }
    }

    bool OnBitfield(Peer peer, ReadOnlySpan<byte> bitfield)
    {
        bool completes = peer.Pieces.HasSpoken && !peer.IsSeed;
        if (!picker.OnBitfield(peer.Pieces, bitfield)) return false;
        if (completes && peer.IsSeed) PeersCompleted++;
        return true;
    }

    bool OnHave(Peer peer, int piece)
    {
        bool wasSeed = peer.IsSeed;
        if (!picker.OnHave(peer.Pieces, piece)) return false;
        if (peer.IsSeed && !wasSeed) PeersCompleted++;
        return true;
    }

    /// <summary>A block came. False drops the peer.</summary>
    public bool OnBlock(Peer peer, in BlockRef block, TimeSpan now, out bool keep)
    {
        Received += block.Length;
        peer.Down.Add(block.Length);
        BlockVerdict verdict = picker.OnBlock(peer.Pieces, block, now, _cancel, out TimeSpan? sentAt);
        keep = verdict == BlockVerdict.Accepted;
        peer.Pipeline.OnBlock(block.Length, sentAt, peer.Pieces.Requests.Count, now);
        foreach (PeerPieces other in _cancel)
        {
            Peer owner = (Peer)other.Owner!;
            owner.Outbox.Send(MessageId.Cancel, block);
            if (other.Requests.Count == 0) owner.Pipeline.OnIdle();
            owner.Outbox.Flush();
        }
        _cancel.Clear();
        if (keep) return true;

        Wasted += block.Length;
        if (verdict == BlockVerdict.Unrequested) peer.Unwanted += block.Length;
        return peer.Unwanted < MaxUnwanted;
    }

    /// <summary>Asks the peer for as much as its pipeline holds, once a quarter of it has run out: a send for each few requests
    /// would cost more than the requests do.</summary>
    public void Request(Peer peer, TimeSpan now)
    {
        UpdateInterest(peer);
        if (!peer.AmInterested || peer.IsPaused) return;
        int least = Math.Clamp(peer.Pipeline.Depth / 4, 1, MaxBatch);
        for (int room; (room = peer.Pipeline.Depth - peer.Pieces.Requests.Count) >= least; least = 1)
        {
            int count = picker.Pick(peer.Pieces, _batch.AsSpan(0, Math.Min(room, MaxBatch)), now);
            if (count == 0) return;
            foreach (BlockRef block in _batch.AsSpan(0, count)) peer.Outbox.Send(MessageId.Request, block);
            peer.Pipeline.OnRequested(now);
        }
    }

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

    /// <summary>A piece's hash was right: everybody is told. Who has it too sees how far we are, and counts us when we are done.</summary>
    public void OnVerified(int piece)
    {
        picker.OnVerified(piece);
        foreach (Peer peer in peers)
        {
            peer.Outbox.Send(MessageId.Have, piece);
            UpdateInterest(peer);
            if (!peer.IsSeed) peer.Outbox.Flush(); // a seed wants nothing of us: it goes with the next requests
        }
    }

    /// <summary>A piece's hash was wrong. The peer that is proven guilty of it, if one is.</summary>
    public Peer? OnHashFailed(int piece, int pieceLength)
    {
        FailedPieces++;
        Wasted += pieceLength;
        _contributors.Clear();
        return picker.OnHashFailed(piece, _contributors) ? (Peer)_contributors[0].Owner! : null;
    }

    /// <summary>Once a second: gives slow peers' blocks to others.</summary>
    public void Tick(TimeSpan now)
    {
        foreach (Peer peer in peers)
        {
            peer.IsPaused = false;
            GiveBackOverdue(peer, now);
        }
        RequestAll(now);
    }

    /// <summary>What a peer has kept for too long is asked of others; it may still come, and is taken if it does.</summary>
    void GiveBackOverdue(Peer peer, TimeSpan now)
    {
        RequestQueue requests = peer.Pieces.Requests;
        bool overdue = false;
        while (requests.Count > 0 && now - requests[0].SentAt > peer.Pipeline.Timeout)
        {
            overdue = true;
            picker.GiveBack(peer.Pieces, requests[0].Block);
        }
        if (overdue) peer.Pipeline.OnTimeout();
    }
}
