// Peers come, say what they have and whether we may ask, and go: availability and interest follow, and what they leave
// unanswered is free again. Pieces and blocks that peers name were range-checked by the torrent.
using System.Net;
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>What a reject means.</summary>
enum RejectVerdict
{
    /// <summary>The peer does not send what it was still to send.</summary>
    TurnedDown,

    /// <summary>We had taken the request back: this is the answer to our cancel.</summary>
    Expected,

    /// <summary>Never asked of this peer.</summary>
    Unrequested,
}

sealed partial class PiecePicker
{
    /// <summary>A peer connected; it has nothing until it says so.</summary>
    /// <param name="answersCancels">It rejects what it does not send (BEP 6).</param>
    /// <param name="origin">See <see cref="PeerPieces.Origin"/>.</param>
    public PeerPieces Add(object? owner, bool answersCancels = false, IPEndPoint? origin = null)
    {
        var peer = new PeerPieces(Have.Length, _asked, owner, answersCancels, origin);
        _peers.Add(peer);
        return peer;
    }

    /// <summary>
    /// The bitfield message. BEP 3 wants it first; a late one stands for haves, as aria2 sends it instead of many of them.
    /// False, and the peer is to be dropped, if it is malformed.
    /// </summary>
    public bool OnBitfield(PeerPieces peer, ReadOnlySpan<byte> wire)
    {
        if (!peer.HasSpoken)
        {
            if (!peer.Has.TryLoad(wire)) return false;
            Count(peer);
            return true;
        }
        if (!peer.Has.IsWellFormed(wire)) return false;
        for (int piece = peer.Has.NextNew(wire, 0); piece >= 0; piece = peer.Has.NextNew(wire, piece + 1)) OnHave(peer, piece);
        return true;
    }

    /// <summary>The have-all message (BEP 6). False if it comes late.</summary>
    public bool OnHaveAll(PeerPieces peer)
    {
        if (peer.HasSpoken) return false;
        peer.Has.SetAll();
        Count(peer);
        return true;
    }

    /// <summary>The have-none message (BEP 6). False if it comes late.</summary>
    public static bool OnHaveNone(PeerPieces peer)
    {
        if (peer.HasSpoken) return false;
        return peer.HasSpoken = true;
    }

    /// <summary>A have message.</summary>
    public void OnHave(PeerPieces peer, int piece)
    {
        peer.HasSpoken = true;
        if (!peer.Has.Set(piece)) return;
        _order.Gain(piece);
        if (Needed[piece]) peer.InterestingCount++;
        peer.Exhausted.AsSpan().Fill(-1);
    }

    void Count(PeerPieces peer)
    {
        peer.HasSpoken = true;
        if (peer.Has.IsFull)
        {
            peer.CountedAsSeed = true;
            _seeds++;
            peer.InterestingCount = Needed.Count;
            return;
        }
        _order.Shift(peer.Has, 1);
        peer.InterestingCount = Needed.CountShared(peer.Has);
    }

    public static void OnUnchoke(PeerPieces peer) => peer.PeerChoking = false;

    /// <summary>The peer chokes us.</summary>
    /// <param name="rejects">With the fast extension it rejects what it will not serve, one by one; without, all requests are void.</param>
    public void OnChoke(PeerPieces peer, bool rejects)
    {
        peer.PeerChoking = true;
        peer.ForgetSuggestions();
        if (!rejects) GiveBack(peer);
        else Leave(peer);
    }

    /// <summary>The peer is gone. What it sent of unfinished pieces is kept, and so is its part in them.</summary>
    public void Remove(PeerPieces peer)
    {
        GiveBack(peer);
        _peers.Remove(peer);
        _owners.Remove(peer);
        if (peer.CountedAsSeed) _seeds--;
        else _order.Shift(peer.Has, -1);
    }

    /// <summary>Takes every request from the peer: it was snubbed, or chokes us.</summary>
    public void GiveBack(PeerPieces peer)
    {
        Leave(peer);
        for (int i = 0; i < peer.Requests.Slots; i++)
        {
            if (peer.Requests[i].IsGap) continue;
            peer.Withdraw(peer.Requests[i].Block);
            Unask(peer.Requests[i].Block);
        }
        peer.Requests.Clear();
        foreach (PartialPiece partial in _retries)
            if (partial.Only == peer) partial.Only = null;
    }

    /// <summary>Takes one request from the peer that waited too long. False if it was not asked.</summary>
    public bool GiveBack(PeerPieces peer, in BlockRef block)
    {
        if (!peer.Requests.TryRemove(block, out _)) return false;
        peer.Withdraw(block);
        Unask(block);
        return true;
    }

    /// <summary>The reject message (BEP 6).</summary>
    /// <param name="waiting">The peer to be asked for more now: the block was recalled for it.</param>
    public RejectVerdict OnReject(PeerPieces peer, in BlockRef block, out PeerPieces? waiting)
    {
        waiting = null;
        if (!peer.Requests.TryRemove(block, out Request request))
            return peer.AnswersWithdrawn(block) ? RejectVerdict.Expected : RejectVerdict.Unrequested;
        Unask(block);
        if (request.RecalledFor is not { } other) return RejectVerdict.TurnedDown;
        if (_peers.Contains(other)) waiting = other;
        return RejectVerdict.Expected;
    }

    // The peer is at work on nothing: others take over its piece.
    void Leave(PeerPieces peer)
    {
        if (peer.CurrentPiece >= 0 && _partials.TryGetValue(peer.CurrentPiece, out PartialPiece? current) && current.Worker == peer)
        {
            current.Worker = null;
            Settle(current);
        }
        peer.CurrentPiece = -1;
    }

    void Unask(in BlockRef block)
    {
        PartialPiece partial = _partials[block.Piece];
        partial.Unask(block.Begin / Geometry.BlockLength);
        Settle(partial);
    }
}
