// Our side as a seeder: who may ask, and what is answered. Pure decisions about Peer records; every call is under the
// torrent's lock. What to send is queued in the peers' outboxes, not flushed.
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class Upload(Geometry geometry, InfoHash infoHash, PiecePicker picker, List<Peer> peers, Random random)
{
    readonly Bitfield _have = picker.Have;
    readonly Suggestions _suggestions = new(picker, random);
    readonly Choker _choker = new(random, geometry.PieceLength);
    readonly List<ChokerPeer> _records = [];
    TimeSpan _nextRound;
    int _unchoked; // peers that may ask

    /// <summary>Block bytes sent.</summary>
    public long Sent { get; set; }

    /// <summary>Tells a new peer what we have (BEP 3, BEP 6) and what it may ask for although choked.</summary>
    public void Greet(Peer peer)
    {
        if (peer.Fast && _have.IsFull) peer.Outbox.Send(MessageId.HaveAll);
        else if (peer.Fast && _have.IsEmpty) peer.Outbox.Send(MessageId.HaveNone);
        else if (!_have.IsEmpty) peer.Outbox.Send(MessageId.Bitfield, _have.Bytes);

        // A seed that has pieces nobody else has grants none: a crowd of newcomers would ask it for them before it can suggest others,
        // share its uplink among all, and be sent the same pieces.
        if (!peer.Fast || _have.IsEmpty || (picker.IsComplete && picker.HasUnseen)) return;
        int[] granted = AllowedFast.Pieces(peer.Address.Address, infoHash, geometry.PieceCount);
        // A network is granted the same whoever asks. A crowd of one network would have these few pieces sent to everybody, and
        // nothing to give each other: only the first of them has the grant.
        if (peers.Exists(other => other != peer && other.Granted.AsSpan().SequenceEqual(granted))) return;
        peer.Granted = granted;
        foreach (int piece in peer.Granted) if (_have[piece]) peer.Outbox.Send(MessageId.AllowedFast, piece);
    }

    /// <summary>The peer's messages about wanting and asking. False drops it.</summary>
    public bool OnMessage(Peer peer, in PeerMessage message, TimeSpan now)
    {
        switch (message.Id)
        {
            case MessageId.Interested:
                if (peer.PeerInterested) return peer.Endures(Peer.UselessMessage);
                OnInterested(peer, now);
                return true;
            case MessageId.NotInterested:
                if (!peer.PeerInterested) return peer.Endures(Peer.UselessMessage);
                peer.PeerInterested = false;
                return true;
            case MessageId.Request:
                OnRequest(peer, message.Block);
                return true;
            case MessageId.Cancel:
                if (!peer.Outbox.CancelBlock(message.Block)) return peer.Endures(Peer.UselessMessage);
                if (peer.Fast) peer.Outbox.Send(MessageId.RejectRequest, message.Block);
                return true;
            default:
                return true;
        }
    }

    void OnRequest(Peer peer, in BlockRef block)
    {
        bool granted = !peer.AmChoking || IsGranted(peer, block.Piece);
        if (granted && _have[block.Piece] && peer.Outbox.QueueBlock(block)) _suggestions.OnRequest(peer, block.Piece);
        else if (peer.Fast) peer.Outbox.Send(MessageId.RejectRequest, block);
    }

    /// <summary>Only a newcomer is served while choked: the grant is a start, not a second way in.</summary>
    static bool IsGranted(Peer peer, int piece) => Granted(peer).Contains(piece);

    static ReadOnlySpan<int> Granted(Peer peer) => peer.Pieces.Has.Count <= AllowedFast.Count ? peer.Granted : default;

    /// <summary>Once a second; every ten the choker decides anew.</summary>
    /// <param name="rate">Bytes per second to all peers together.</param>
    public void Tick(TimeSpan now, bool seeding, double rate)
    {
        if (now < _nextRound) return;
        foreach (Peer peer in peers)
        {
            peer.Choke.Interested = peer.PeerInterested;
            peer.Choke.Snubbed = peer.Pipeline.IsSnubbed(now);
            peer.Choke.Rate = seeding ? peer.Up.PerSecond : peer.Down.PerSecond;
        }
        _choker.Decide(Records(), seeding, rate, now);
        _nextRound = now + _choker.Pause;
        foreach (Peer peer in peers)
        {
            _suggestions.Settle(peer);
            Apply(peer);
        }
    }

    void OnInterested(Peer peer, TimeSpan now)
    {
        peer.PeerInterested = peer.Choke.Interested = true;
        _choker.OnInterested(peer.Choke, _unchoked, now);
        Apply(peer);
    }

    List<ChokerPeer> Records()
    {
        _records.Clear();
        foreach (Peer peer in peers) _records.Add(peer.Choke);
        return _records;
    }

    /// <summary>Tells the peer what was decided, if it is news.</summary>
    void Apply(Peer peer)
    {
        if (peer.Choke.Unchoked != peer.AmChoking) return;
        peer.AmChoking = !peer.Choke.Unchoked;
        peer.Outbox.Send(peer.AmChoking ? MessageId.Choke : MessageId.Unchoke);
        _unchoked += peer.AmChoking ? -1 : 1;
        if (peer.AmChoking)
        {
            peer.Outbox.DropBlocks(reject: peer.Fast, except: Granted(peer));
            _suggestions.Withdraw(peer);
        }
        else
        {
            _suggestions.Advise(peer);
        }
        peer.Outbox.Flush();
    }

    public void OnClosed(Peer peer)
    {
        if (!peer.AmChoking) _unchoked--;
        _suggestions.Withdraw(peer);
    }
}
