// Which blocks to ask of which peer. The invariant:
//   a piece is in exactly one of HAVE, PARTIAL (asked, being written, being hashed), MISSING (wanted) and UNWANTED.
// The order of choice stands in PiecePicker.Choice.cs. Cost: a block is O(1); a `have` is O(1); starting or verifying a piece
// is O(peers); nothing but a peer's arrival with a partial bitfield is O(pieces), and a seed's arrival is not.
// About 14 bytes a piece, and a byte per block of the pieces in progress. No allocation per block.
// The owner's lock is held in every call.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>How urgently a piece is wanted.</summary>
enum PiecePriority { Skip, Normal, High }

/// <summary>What became of a block a peer sent.</summary>
enum BlockVerdict
{
    /// <summary>To be written.</summary>
    Accepted,

    /// <summary>Asked for once and no longer needed: to be dropped, no fault of the peer.</summary>
    Duplicate,

    /// <summary>Never asked of this peer.</summary>
    Unrequested,
}

/// <summary>The state of every piece and the choice of the next request.</summary>
sealed partial class PiecePicker
{
    const int MaxTrialsLog = 6;

    readonly Geometry _geometry;
    readonly Random _random;

    readonly RarityOrder _order;
    readonly List<PeerPieces> _peers = [];
    int _seeds;

    // MISSING by urgency (index: Startable.High, Startable.Normal), a version that grows whenever a piece is added,
    // and a lower bound for the first one.
    readonly Bitfield[] _missing;
    readonly int[] _missingVersion = [0, 0];
    readonly int[] _firstMissing = [0, 0];
    readonly Bitfield _high;

    readonly Dictionary<int, PartialPiece> _partials = [];
    readonly Stack<PartialPiece> _spare = [];

    // Pieces with free blocks: nobody at work on them, or somebody.
    readonly List<PartialPiece> _orphans = [];
    readonly List<PartialPiece> _attended = [];

    // Pieces left to one peer on trial.
    int _alone;

    /// <summary>Everything is wanted and nothing is there.</summary>
    public PiecePicker(Geometry geometry, Random random)
    {
        _geometry = geometry;
        _random = random;
        int pieces = geometry.PieceCount;
        Have = new Bitfield(pieces);
        Needed = new Bitfield(pieces);
        Needed.SetAll();
        _high = new Bitfield(pieces);
        _missing = [new Bitfield(pieces), new Bitfield(pieces)];
        _missing[(int)Startable.Normal].SetAll();
        _order = new RarityOrder(pieces, Startable.Normal);
        Left = geometry.TotalLength;
    }

    /// <summary>Verified pieces.</summary>
    public Bitfield Have { get; }

    /// <summary>Pieces that are wanted and not verified.</summary>
    public Bitfield Needed { get; }

    /// <summary>Bytes of the pieces in <see cref="Needed"/>.</summary>
    public long Left { get; private set; }

    /// <summary>Everything that is wanted is verified.</summary>
    public bool IsComplete => Needed.IsEmpty;

    /// <summary>Pieces are started in order instead of rarest first.</summary>
    public bool Sequential { get; set; }

    /// <summary>Pieces between MISSING and HAVE.</summary>
    public int PartialCount => _partials.Count;

    /// <summary>Connected peers that have the piece.</summary>
    public int Availability(int piece) => _order.Availability(piece) + _seeds;

    /// <summary>MISSING or UNWANTED -> HAVE, for a piece found on disk.</summary>
    public void MarkHave(int piece)
    {
        if (_partials.ContainsKey(piece)) throw new InvalidOperationException($"piece {piece} is being downloaded");
        if (!Have.Set(piece)) return;
        NoLongerMissing(piece);
        NoLongerNeeded(piece);
    }

    /// <summary>MISSING -> PARTIAL, for blocks found on disk. True if it is all of them and the piece must be hashed.</summary>
    public bool MarkBlocks(int piece, Bitfield blocks)
    {
        if (Have[piece] || _partials.ContainsKey(piece)) throw new InvalidOperationException($"piece {piece} is not missing");
        PartialPiece partial = Start(piece, null);
        for (int b = blocks.NextSet(0); b >= 0; b = blocks.NextSet(b + 1)) partial.Restore(b);
        Settle(partial);
        return partial.IsComplete;
    }

    /// <summary>The blocks on disk of every piece that is not complete: what <see cref="MarkBlocks"/> wants to know next time.</summary>
    public IEnumerable<(int Piece, Bitfield Blocks)> WrittenBlocks()
    {
        foreach (PartialPiece partial in _partials.Values)
        {
            if (partial.WrittenCount == 0) continue;
            var blocks = new Bitfield(partial.BlockCount);
            for (int b = 0; b < partial.BlockCount; b++) if (partial.IsWritten(b)) blocks.Set(b);
            yield return (partial.Piece, blocks);
        }
    }

    /// <summary>Wants a piece more, less or not at all. A piece in progress that is skipped is asked for no further.</summary>
    public void SetPriority(int piece, PiecePriority priority)
    {
        if (priority == PiecePriority.High) _high.Set(piece);
        else _high.Clear(piece);
        bool wanted = priority != PiecePriority.Skip;
        if (Have[piece]) return;
        if (!wanted) NoLongerNeeded(piece);
        else if (Needed.Set(piece))
        {
            Left += _geometry.LengthOf(piece);
            foreach (PeerPieces peer in _peers) if (peer.Has[piece]) peer.InterestingCount++;
        }
        NoLongerMissing(piece);
        if (_partials.TryGetValue(piece, out PartialPiece? partial)) Settle(partial);
        else if (wanted) Missing(piece);
    }

    /// <summary>A peer connected; it has nothing until it says so.</summary>
    public PeerPieces Add(object? owner)
    {
        var peer = new PeerPieces(Have.Length, owner);
        _peers.Add(peer);
        return peer;
    }

    /// <summary>The bitfield message. False, and the peer is to be dropped, if it is malformed or comes late.</summary>
    public bool OnBitfield(PeerPieces peer, ReadOnlySpan<byte> wire)
    {
        if (peer.HasSpoken || !peer.Has.TryLoad(wire)) return false;
        Count(peer);
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

    public static void OnUnchoke(PeerPieces peer) => peer.PeerChoking = false;

    /// <summary>The peer chokes us.</summary>
    /// <param name="rejects">With the fast extension it rejects what it will not serve, one by one; without, all requests are void.</param>
    public void OnChoke(PeerPieces peer, bool rejects)
    {
        peer.PeerChoking = true;
        if (!rejects) GiveBack(peer);
        else Leave(peer);
    }

    /// <summary>The peer is gone. What it sent of unfinished pieces is kept, and so is its part in them.</summary>
    public void Remove(PeerPieces peer)
    {
        GiveBack(peer);
        _peers.Remove(peer);
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

    /// <summary>The reject message (BEP 6). False if the peer was never asked.</summary>
    public bool OnReject(PeerPieces peer, in BlockRef block)
    {
        if (peer.Requests.TryRemove(block, out _))
        {
            Unask(block);
            return true;
        }
        if (peer.Withdrawn == 0) return false;
        peer.Withdrawn--;
        return true;
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

    // A piece of a peer on trial that does not finish it: what it sent would only bring others under suspicion.
    void EndTrial(PartialPiece partial)
    {
        if (partial.IsBusy)
        {
            partial.Only = null;
            _alone--;
            return;
        }
        Drop(partial);
        if (Needed[partial.Piece]) Missing(partial.Piece);
    }

    void Unask(in BlockRef block)
    {
        PartialPiece partial = _partials[block.Piece];
        partial.Unask(block.Begin / Geometry.BlockLength);
        Settle(partial);
    }

    /// <summary>A block arrived.</summary>
    /// <param name="cancel">Receives the other peers that were asked for it too and are to be sent a cancel.</param>
    /// <param name="sentAt">When it was asked for, or null if that is not known.</param>
    public BlockVerdict OnBlock(PeerPieces peer, in BlockRef block, TimeSpan now, List<PeerPieces> cancel, out TimeSpan? sentAt)
    {
        sentAt = null;
        peer.LastBlock = now;
        if (peer.Requests.TryRemove(block, out TimeSpan asked))
        {
            sentAt = asked;
            peer.Rate.Add(block.Length);
            PartialPiece partial = _partials[block.Piece];
            int index = block.Begin / Geometry.BlockLength;
            if (partial.AskedOf(index) > 1) CancelOthers(block, cancel);
            Receive(partial, index, peer);
            return BlockVerdict.Accepted;
        }
        if (peer.Withdrawn == 0) return BlockVerdict.Unrequested;
        peer.Withdrawn--;
        return OnLateBlock(peer, block, cancel);
    }

    // An answer to a request we withdrew is as good as any, if the block is still to come.
    BlockVerdict OnLateBlock(PeerPieces peer, in BlockRef block, List<PeerPieces> cancel)
    {
        if (!_geometry.Contains(block) || block.Begin % Geometry.BlockLength != 0) return BlockVerdict.Unrequested;
        int index = block.Begin / Geometry.BlockLength;
        if (_geometry.Block(block.Piece, index) != block) return BlockVerdict.Unrequested;
        peer.Rate.Add(block.Length);
        if (!Needed[block.Piece] || peer.Trials > 0) return BlockVerdict.Duplicate;
        if (!_partials.TryGetValue(block.Piece, out PartialPiece? partial)) partial = Start(block.Piece, peer);
        if (partial.IsReceived(index) || !MayTake(partial, peer)) return BlockVerdict.Duplicate;
        if (partial.AskedOf(index) > 0) CancelOthers(block, cancel);
        Receive(partial, index, peer);
        return BlockVerdict.Accepted;
    }

    void CancelOthers(in BlockRef block, List<PeerPieces> cancel)
    {
        foreach (PeerPieces other in _peers)
        {
            if (!other.Requests.TryRemove(block, out _)) continue;
            other.Withdrawn++;
            cancel.Add(other);
        }
    }

    void Receive(PartialPiece partial, int index, PeerPieces from)
    {
        partial.Receive(index, from);
        Settle(partial);
    }

    /// <summary>One or more whole blocks of a piece are on disk. True if that was the last of it and the piece must be hashed.</summary>
    public bool OnWritten(in BlockRef blocks)
    {
        PartialPiece partial = _partials[blocks.Piece];
        for (int at = blocks.Begin; at < blocks.Begin + blocks.Length; at += Geometry.BlockLength) partial.Write(at / Geometry.BlockLength);
        return partial.IsComplete;
    }

    /// <summary>One or more whole blocks of a piece could not be written: they must be asked for again.</summary>
    public void OnWriteFailed(in BlockRef blocks)
    {
        PartialPiece partial = _partials[blocks.Piece];
        for (int at = blocks.Begin; at < blocks.Begin + blocks.Length; at += Geometry.BlockLength) partial.Lose(at / Geometry.BlockLength);
        Settle(partial);
    }

    /// <summary>PARTIAL -> HAVE: all blocks are on disk and the hash is right.</summary>
    public void OnVerified(int piece)
    {
        PartialPiece partial = _partials[piece];
        if (partial.Contributors is [var alone] && alone.Trials > 0) alone.Trials--;
        Drop(partial);
        Have.Set(piece);
        NoLongerNeeded(piece);
    }

    /// <summary>
    /// PARTIAL -> MISSING: the hash is wrong. True if that proves <paramref name="contributors"/>, then exactly one, guilty.
    /// Several are each put on trial: they work alone, on pieces that prove them guilty or clear them. Every failure doubles the
    /// pieces it takes, so lying in company and behaving when alone does not pay.
    /// </summary>
    /// <param name="contributors">Receives who sent blocks of the piece, connected or not.</param>
    public bool OnHashFailed(int piece, List<PeerPieces> contributors)
    {
        PartialPiece partial = _partials[piece];
        contributors.AddRange(partial.Contributors);
        bool proven = contributors.Count == 1 && !partial.FromDisk;
        foreach (PeerPieces peer in contributors)
        {
            peer.Trials = 1 << Math.Min(peer.Failures++, MaxTrialsLog);
            Leave(peer);
        }
        Drop(partial);
        if (Needed[piece]) Missing(piece);
        return proven;
    }

    PartialPiece Start(int piece, PeerPieces? by)
    {
        NoLongerMissing(piece);
        PartialPiece partial = _spare.Count > 0 ? _spare.Pop() : new PartialPiece(_geometry.BlocksIn(0));
        partial.Start(piece, _geometry.BlocksIn(piece));
        if (by is { Trials: > 0 })
        {
            partial.Only = by;
            _alone++;
        }
        _partials.Add(piece, partial);
        return partial;
    }

    // Puts a partial piece where its blocks say it belongs: back to MISSING, or into one of the lists of open pieces, or out of both.
    void Settle(PartialPiece partial)
    {
        if (partial.FreeCount == partial.BlockCount)
        {
            Drop(partial);
            if (Needed[partial.Piece]) Missing(partial.Piece);
            return;
        }
        bool open = partial.FreeCount > 0 && Needed[partial.Piece];
        // Once all is asked for, the worker goes on to another piece; blocks given back later are anybody's.
        if (!open) partial.Worker = null;
        List<PartialPiece>? list = !open ? null : partial.Worker == null ? _orphans : _attended;
        Enlist(partial, list);
    }

    void Drop(PartialPiece partial)
    {
        Enlist(partial, null);
        _partials.Remove(partial.Piece);
        partial.Contributors.Clear();
        if (partial.Only != null) _alone--;
        partial.Worker = partial.Only = null;
        _spare.Push(partial);
    }

    static void Enlist(PartialPiece partial, List<PartialPiece>? list)
    {
        if (partial.List == list) return;
        if (partial.List is { } old)
        {
            PartialPiece last = old[^1];
            old[partial.ListIndex] = last;
            last.ListIndex = partial.ListIndex;
            old.RemoveAt(old.Count - 1);
        }
        partial.List = list;
        if (list == null) return;
        partial.ListIndex = list.Count;
        list.Add(partial);
    }

    void Missing(int piece)
    {
        Startable startable = _high[piece] ? Startable.High : Startable.Normal;
        int i = (int)startable;
        _missing[i].Set(piece);
        _missingVersion[i]++;
        _firstMissing[i] = Math.Min(_firstMissing[i], piece);
        _order.SetStartable(piece, startable);
    }

    void NoLongerMissing(int piece)
    {
        foreach (Bitfield missing in _missing) missing.Clear(piece);
        _order.SetStartable(piece, Startable.No);
    }

    void NoLongerNeeded(int piece)
    {
        if (!Needed.Clear(piece)) return;
        Left -= _geometry.LengthOf(piece);
        foreach (PeerPieces peer in _peers) if (peer.Has[piece]) peer.InterestingCount--;
    }
}
