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
        foreach (PartialPiece partial in _partials.Values) CheckPartial(partial);
        foreach (PeerPieces peer in _peers) CheckPeer(peer);
        CheckList(_orphans, "orphans");
        CheckList(_attended, "attended");
        Require(_seeds == _peers.Count(p => p.CountedAsSeed), "seeds are miscounted");
    }

    void CheckPieces()
    {
        long left = 0;
        for (int piece = 0; piece < Have.Length; piece++)
        {
            bool missing = _missing[0][piece] || _missing[1][piece], partial = _partials.ContainsKey(piece);
            int states = (Have[piece] ? 1 : 0) + (partial ? 1 : 0) + (missing ? 1 : 0);
            Require(states <= 1, $"piece {piece} is in {states} states");
            Require(states == 1 || !Needed[piece], $"piece {piece} is needed and in no state");
            Require(!missing || Needed[piece], $"piece {piece} is missing and unwanted");
            Require(!Have[piece] || !Needed[piece], $"piece {piece} is had and needed");
            Startable startable = !missing ? Startable.No : _high[piece] ? Startable.High : Startable.Normal;
            Require(_order.StartableAt(piece) == startable, $"piece {piece} is ordered as {_order.StartableAt(piece)}, not {startable}");
            Require(!missing || _missing[(int)startable][piece], $"piece {piece} is missing with the wrong priority");
            Require(!missing || _firstMissing[(int)startable] <= piece, $"piece {piece} lies before the first missing one");
            Require(Availability(piece) == _peers.Count(p => p.Has[piece]), $"availability of piece {piece} is not {Availability(piece)}");
            if (Needed[piece]) left += _geometry.LengthOf(piece);
        }
        Require(left == Left, $"{Left} bytes left, not {left}");
    }

    void CheckPartial(PartialPiece partial)
    {
        partial.CheckInvariants();
        for (int block = 0; block < partial.BlockCount; block++)
        {
            BlockRef name = _geometry.Block(partial.Piece, block);
            int asked = _peers.Count(p => p.Requests.Contains(name));
            Require(asked == partial.AskedOf(block), $"{name} is asked of {asked} peers, not {partial.AskedOf(block)}");
            Require(asked <= MaxAskedOf, $"{name} is asked of {asked} peers");
        }
        Require(partial.FreeCount < partial.BlockCount, $"piece {partial.Piece} has nothing and is not missing");
        bool open = partial.FreeCount > 0 && Needed[partial.Piece];
        List<PartialPiece>? list = !open ? null : partial.Worker == null ? _orphans : _attended;
        Require(partial.List == list, $"piece {partial.Piece} stands in the wrong list");
        Require(partial.Worker == null || (_peers.Contains(partial.Worker) && partial.Worker.CurrentPiece == partial.Piece && open),
            $"piece {partial.Piece} has a worker that does not work on it");
        Require(partial.Only == null || (_peers.Contains(partial.Only) && _suspects.Contains(partial.Piece)), $"piece {partial.Piece} waits for a lost peer");
    }

    void CheckPeer(PeerPieces peer)
    {
        Require(peer.InterestingCount == Needed.CountShared(peer.Has), "a peer's interesting pieces are miscounted");
        var seen = new HashSet<BlockRef>();
        for (int i = 0; i < peer.Requests.Slots; i++)
        {
            Request request = peer.Requests[i];
            if (request.IsGap) continue;
            Require(seen.Add(request.Block), $"{request.Block} was asked of one peer twice");
            Require(_partials.ContainsKey(request.Block.Piece), $"{request.Block} is asked for and its piece not in progress");
        }
        Require(seen.Count == peer.Requests.Count, "a peer's requests are miscounted");
        for (int i = 0; i < 2; i++)
            Require(peer.Exhausted[i] != _missingVersion[i] || _missing[i].CountShared(peer.Has) == 0, "a missing piece would be overlooked");
    }

    void CheckList(List<PartialPiece> list, string name)
    {
        for (int i = 0; i < list.Count; i++)
        {
            Require(list[i].List == list && list[i].ListIndex == i, $"{name} lose their place");
            Require(_partials.GetValueOrDefault(list[i].Piece) == list[i], $"{name} hold a piece that is not in progress");
        }
    }

    static void Require(bool condition, string message)
    {
        if (!condition) throw new InvalidOperationException(message);
    }
}
