// Peers come, say what they have and whether we may ask, and go: availability and interest follow, and what they leave
// unanswered is free again. What peers name is range-checked here; false means that the peer is to be dropped.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

sealed partial class PiecePicker
{
    /// <summary>A peer connected; it has nothing until it says so.</summary>
    /// <param name="answersCancels">It rejects what it does not send (BEP 6).</param>
    public PeerPieces Add(object? owner, bool answersCancels = false)
    {
        var peer = new PeerPieces(Have.Length, _asked, owner, answersCancels);
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
        var late = new Bitfield(Have.Length);
        if (!late.TryLoad(wire)) return false;
        for (int piece = late.NextSet(0); piece >= 0; piece = late.NextSet(piece + 1)) OnHave(peer, piece);
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

    /// <summary>A have message. False if there is no such piece.</summary>
    public bool OnHave(PeerPieces peer, int piece)
    {
        if ((uint)piece >= (uint)Have.Length) return false;
        peer.HasSpoken = true;
        if (!peer.Has.Set(piece)) return true;
        _order.Gain(piece);
        if (Needed[piece]) peer.InterestingCount++;
        peer.Exhausted.AsSpan().Fill(-1);
        return true;
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

    /// <summary>The peer may serve this piece while it chokes us (BEP 6). False if there is no such piece.</summary>
    public bool OnAllowedFast(PeerPieces peer, int piece)
    {
        if ((uint)piece >= (uint)Have.Length) return false;
        peer.Allow(piece);
        return true;
    }

    /// <summary>The peer advises us to ask it for this piece (BEP 6). False if there is no such piece.</summary>
    public bool OnSuggested(PeerPieces peer, int piece)
    {
        if ((uint)piece >= (uint)Have.Length) return false;
        peer.Suggest(piece);
        return true;
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
        peer.Withdrawn += peer.Requests.Count;
        Leave(peer);
        for (int i = 0; i < peer.Requests.Slots; i++)
            if (!peer.Requests[i].IsGap) Unask(peer.Requests[i].Block);
        peer.Requests.Clear();
        if (_alone == 0) return;
        foreach (PartialPiece partial in _partials.Values) if (partial.Only == peer) EndTrial(partial);
    }

    /// <summary>Takes one request from the peer that waited too long. False if it was not asked.</summary>
    public bool GiveBack(PeerPieces peer, in BlockRef block)
    {
        if (!peer.Requests.TryRemove(block, out _)) return false;
        peer.Withdrawn++;
        Unask(block);
        return true;
    }

    /// <summary>The reject message (BEP 6). True if the peer turns down what it was still to send.</summary>
    /// <param name="waiting">Who is to be asked for more now: the block was recalled for it.</param>
    public bool OnReject(PeerPieces peer, in BlockRef block, out PeerPieces? waiting)
    {
        waiting = null;
        if (peer.Requests.TryRemove(block, out Request request))
        {
            Unask(block);
            if (request.RecalledFor is not { } other) return true;
            if (_peers.Contains(other)) waiting = other;
        }
        else if (peer.Withdrawn > 0)
        {
            peer.Withdrawn--;
        }
        return false;
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
