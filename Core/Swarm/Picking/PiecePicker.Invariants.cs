// The picker's whole state computed a second time from scratch. O(pieces x peers): for tests and debug builds.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

sealed partial class PiecePicker
{
    /// <summary>Throws, naming the first disagreement, if any count, list or state is not what the rest implies.</summary>
    public void CheckInvariants()
    {
        _order.CheckInvariants();
        CheckPieces();
        var asked = new Dictionary<BlockRef, int>();
        foreach (PeerPieces peer in _peers) CheckPeer(peer, asked);
        foreach (PartialPiece partial in _partials.Values) CheckPartial(partial, asked);
        CheckList(_orphans);
        CheckList(_attended);
        if (!_retries.ToHashSet().SetEquals(_partials.Values.Where(p => p.IsRetry || p.Only != null))) throw Broken("failed pieces are miscounted");
        if (_seeds != _peers.Count(p => p.CountedAsSeed)) throw Broken("seeds are miscounted");
    }

    void CheckPieces()
    {
        long left = 0;
        var available = new int[Have.Length];
        foreach (PeerPieces peer in _peers)
            for (int piece = peer.Has.NextSet(0); piece >= 0; piece = peer.Has.NextSet(piece + 1)) available[piece]++;
        for (int piece = 0; piece < Have.Length; piece++)
        {
            bool missing = _missing[0][piece] || _missing[1][piece], needed = Needed[piece];
            int states = (Have[piece] ? 1 : 0) + (_partials.ContainsKey(piece) ? 1 : 0) + (missing ? 1 : 0);
            if (states != 1 && (states != 0 || needed)) throw Broken($"piece {piece} is in {states} states");
            if (missing && !needed) throw Broken($"piece {piece} is missing and unwanted");
            if (Have[piece] && needed) throw Broken($"piece {piece} is had and needed");
            Startable startable = !missing ? Startable.No : _high[piece] ? Startable.High : Startable.Normal;
            if (_order.StartableAt(piece) != startable) throw Broken($"piece {piece} is ordered as {_order.StartableAt(piece)}, not {startable}");
            if (missing && !_missing[(int)startable][piece]) throw Broken($"piece {piece} is missing with the wrong priority");
            if (missing && _firstMissing[(int)startable] > piece) throw Broken($"piece {piece} lies before the first missing one");
            if (Availability(piece) != available[piece]) throw Broken($"piece {piece} is had by {available[piece]}, not {Availability(piece)}");
            if (needed) left += _geometry.LengthOf(piece);
        }
        if (left != Left) throw Broken($"{left} bytes are left, not {Left}");
    }

    void CheckPeer(PeerPieces peer, Dictionary<BlockRef, int> asked)
    {
        if (peer.InterestingCount != Needed.CountShared(peer.Has)) throw Broken("a peer's interesting pieces are miscounted");
        var seen = new HashSet<BlockRef>();
        for (int i = 0; i < peer.Requests.Slots; i++)
        {
            Request request = peer.Requests[i];
            if (request.IsGap) continue;
            asked[request.Block] = asked.GetValueOrDefault(request.Block) + 1;
            if (!seen.Add(request.Block)) throw Broken($"{request.Block} was asked of one peer twice");
            if (!_partials.ContainsKey(request.Block.Piece)) throw Broken($"{request.Block} is asked for and its piece not in progress");
        }
        if (seen.Count != peer.Requests.Count) throw Broken("a peer's requests are miscounted");
        for (int i = 0; i < _missing.Length; i++)
            if (peer.Exhausted[i] == _missingVersion[i] && _missing[i].CountShared(peer.Has) > 0) throw Broken("a missing piece would be overlooked");
    }

    void CheckPartial(PartialPiece partial, Dictionary<BlockRef, int> asked)
    {
        partial.CheckInvariants();
        for (int block = 0; block < partial.BlockCount; block++)
        {
            int of = asked.GetValueOrDefault(_geometry.Block(partial.Piece, block));
            if (of != partial.AskedOf(block)) throw Broken($"block {block} of piece {partial.Piece} is asked of {of} peers, not {partial.AskedOf(block)}");
            if (of > MaxAskedOf) throw Broken($"block {block} of piece {partial.Piece} is asked of {of} peers");
        }
        if (partial.FreeCount == partial.BlockCount) throw Broken($"piece {partial.Piece} has nothing and is not missing");
        bool open = partial.FreeCount > 0 && Needed[partial.Piece];
        List<PartialPiece>? list = !open ? null : partial.Worker == null ? _orphans : _attended;
        if (partial.List != list) throw Broken($"piece {partial.Piece} stands in the wrong list");
        if (partial.Worker is { } worker && (!open || worker.CurrentPiece != partial.Piece || !_peers.Contains(worker)))
            throw Broken($"piece {partial.Piece} has a worker that does not work on it");
        if (partial.Only is { } only && !_peers.Contains(only)) throw Broken($"piece {partial.Piece} waits for a lost peer");
    }

    void CheckList(List<PartialPiece> list)
    {
        for (int i = 0; i < list.Count; i++)
        {
            if (list[i].List != list || list[i].ListIndex != i) throw Broken($"piece {list[i].Piece} lost its place in its list");
            if (_partials.GetValueOrDefault(list[i].Piece) != list[i]) throw Broken($"piece {list[i].Piece} is listed and not in progress");
        }
    }

    static InvalidOperationException Broken(string what) => new(what);
}
