// The order of choice for a peer:
//   1. the piece it is at work on: its blocks come in order, so writes stay contiguous and pieces finish;
//   2. a piece nobody is at work on any more;
//   3. if the peer is slow against the piece length, a piece another is at work on;
//   4. a missing piece it suggests, or else the rarest it has;
//   5. a piece another is at work on, whoever that is;
//   6. a piece a slow peer was to send alone, from the start;
//   7. blocks others were asked for and will take much longer to send. While pieces are missing they are recalled: what was chosen
//      early for a slow queue is not held back from who could send it at once. The slow peer is sent a cancel, and nobody else is
//      asked before it has rejected the block: so it does not come twice. When none is missing (endgame) both are asked at once,
//      and the second to answer is sent the cancel.
// In order (sequential, or while somebody reads) 1 to 5 are one: the first piece that is open or missing. Before that, blocks that
// a reader waits for and another peer is slow to send are asked of this peer as well: each is then asked of two.
// Open pieces (with free blocks) are at most one per peer plus those of step 2, because a peer starts one only when 1 and 2
// have nothing for it. A peer on trial shares nothing: it takes 1 and 4, and else what nobody works on.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

sealed partial class PiecePicker
{
    /// <summary>Peers a block is asked of at the same time, at most.</summary>
    public const int MaxAskedOf = 3;

    // How many pieces are looked at before searching by words of the bitfields.
    const int Looks = 64;

    // A piece is a peer's own if its pipeline holds a quarter of it: then it is done in about four round trips.
    const int PipelinesPerOwnPiece = 4;

    // A peer we know nothing about is expected to send two blocks a second.
    const double UnknownSecondsPerBlock = 0.5;

    // A block asked of somebody else must promise to halve the wait, and to save more than the cancel costs.
    const double Gain = 2, MinimumGainSeconds = 0.05;

    // What one search among the others' blocks may cost, and how soon another may follow one in vain, or see the peers in another
    // order: with hundreds of peers it would otherwise cost more than the download.
    const int LooksAtOthers = 256;
    static readonly TimeSpan s_searchPause = TimeSpan.FromSeconds(MinimumGainSeconds);

    // What a reader is about to need, in bytes.
    const int ReadAhead = 8 << 20;

    // A piece is left to a peer on trial as long as that needs no more than this for the rest.
    const double AloneSeconds = 20;

    // Who owes us blocks, the last to be done first, as it was a moment ago.
    readonly List<PeerPieces> _owners = [];
    TimeSpan _rankedAt;

    readonly List<(PeerPieces From, BlockRef Block)> _recalled = [];

    /// <summary>Blocks the last <see cref="Pick"/> recalled from other peers, who are to be sent a cancel; the peer waits for the answer.</summary>
    public IReadOnlyList<(PeerPieces From, BlockRef Block)> Recalled => _recalled;

    /// <summary>
    /// Chooses blocks to ask of the peer, marks them asked and returns how many. Call when it unchokes us, after a block of its came,
    /// after it was sent a cancel, and about once a second: an idle peer is how a stalled one loses its blocks.
    /// </summary>
    public int Pick(PeerPieces peer, Span<BlockRef> into, TimeSpan now)
    {
        _recalled.Clear();
        peer.Rate.Update(now);
        if (peer.InterestingCount == 0 || into.IsEmpty) return 0;
        if (peer.PeerChoking) return PickAllowedFast(peer, into, now);

        int count = InOrder && peer.Trials == 0 ? PickForReader(peer, into, now) : 0, pipeline = peer.Requests.Count + into.Length;
        while (count < into.Length && ChoosePiece(peer, pipeline, now) is { } partial)
            count += TakeFree(partial, peer, into[count..], now);
        if (count < into.Length && peer.Trials == 0) count += PickFromOthers(peer, into[count..], now);
        return count;
    }

    int PickAllowedFast(PeerPieces peer, Span<BlockRef> into, TimeSpan now)
    {
        int count = 0;
        foreach (int piece in peer.AllowedFast)
        {
            if (count == into.Length) break;
            if (!peer.Has[piece] || !Needed[piece]) continue;
            if (!_partials.TryGetValue(piece, out PartialPiece? partial)) partial = Start(piece, peer);
            if (partial.FreeCount > 0 && MayTake(partial, peer)) count += TakeFree(partial, peer, into[count..], now);
        }
        return count;
    }

    // A piece with free blocks for the peer, or null.
    PartialPiece? ChoosePiece(PeerPieces peer, int pipeline, TimeSpan now)
    {
        if (peer.CurrentPiece >= 0 && _partials.TryGetValue(peer.CurrentPiece, out PartialPiece? current) && current.List != null)
        {
            if (!InOrder && MayTake(current, peer)) return current;
            Leave(peer);
        }
        bool joins = pipeline * PipelinesPerOwnPiece < _geometry.BlocksIn(0);
        PartialPiece? chosen = InOrder ? FirstInOrder(peer) : FindOpen(_orphans, peer, Looks);
        if (chosen == null && joins) chosen = FindOpen(_attended, peer, Looks);
        if (chosen == null && NextMissing(peer) is >= 0 and int piece) chosen = Start(piece, peer);
        chosen ??= FindOpen(_orphans, peer, int.MaxValue, peer.Trials > 0) ?? FindOpen(_attended, peer, int.MaxValue) ?? TakeOver(peer, now);
        if (chosen == null) return null;
        chosen.Worker ??= peer;
        peer.CurrentPiece = chosen.Piece;
        return chosen;
    }

    // Open or missing, whichever comes first: what one peer failed to send is what a reader waits for. Urgent pieces first of all.
    PartialPiece? FirstInOrder(PeerPieces peer)
    {
        PartialPiece? open = FindOpen(_orphans, peer, int.MaxValue), attended = FindOpen(_attended, peer, int.MaxValue);
        if (attended != null && (open == null || ComesBefore(attended.Piece, open.Piece))) open = attended;
        int piece = NextMissing(peer);
        return piece >= 0 && (open == null || ComesBefore(piece, open.Piece)) ? Start(piece, peer) : open;
    }

    bool ComesBefore(int piece, int other) => _high[piece] != _high[other] ? _high[piece] : piece < other;

    int TakeFree(PartialPiece partial, PeerPieces peer, Span<BlockRef> into, TimeSpan now)
    {
        int count = 0;
        for (; count < into.Length && partial.FreeCount > 0; count++)
        {
            into[count] = _geometry.Block(partial.Piece, partial.AskFirstFree());
            peer.Requests.Add(into[count], now);
        }
        Settle(partial);
        return count;
    }

    PartialPiece? FindOpen(List<PartialPiece> list, PeerPieces peer, int looks, bool shares = false)
    {
        if (list.Count == 0) return null;
        PartialPiece? first = null;
        int at = _random.Next(list.Count);
        for (int left = Math.Min(looks, list.Count); left > 0; left--)
        {
            PartialPiece partial = list[at];
            if (++at == list.Count) at = 0;
            if (!peer.Has[partial.Piece] || !(MayTake(partial, peer) || (shares && partial.Only == null))) continue;
            if (!InOrder) return partial;
            if (first == null || ComesBefore(partial.Piece, first.Piece)) first = partial;
        }
        return first;
    }

    static bool MayTake(PartialPiece partial, PeerPieces peer) => partial.Only == peer || (partial.Only == null && peer.Trials == 0);

    // Ends the trial of a peer that is too slow for its piece, and starts the piece again.
    PartialPiece? TakeOver(PeerPieces peer, TimeSpan now)
    {
        if (_alone == 0) return null;
        foreach (PartialPiece partial in _partials.Values)
        {
            if (partial.Only is not { } only || only == peer || partial.IsBusy || !peer.Has[partial.Piece] || !Needed[partial.Piece]) continue;
            if (Silence(only, now) + (partial.BlockCount - partial.ReceivedCount) * SecondsPerBlock(only, now) < AloneSeconds) continue;
            int piece = partial.Piece;
            for (int block = 0; block < partial.BlockCount; block++)
                if (partial.AskedOf(block) > 0) GiveBack(only, _geometry.Block(piece, block));
            if (_partials.ContainsKey(piece)) EndTrial(partial);
            return Start(piece, peer);
        }
        return null;
    }

    int NextMissing(PeerPieces peer)
    {
        for (Startable startable = Startable.High; startable <= Startable.Normal; startable++)
        {
            int i = (int)startable;
            if (_missing[i].IsEmpty || peer.Exhausted[i] == _missingVersion[i]) continue;
            int piece = InOrder ? FirstMissing(peer, i)
                : peer.TakeSuggestion(_missing[i]) is >= 0 and int suggested ? suggested
                : RarestMissing(peer, startable);
            if (piece >= 0) return piece;
            // Nothing becomes missing without a new version, so the search is not repeated until then (or until its next have).
            peer.Exhausted[i] = _missingVersion[i];
        }
        return -1;
    }

    int FirstMissing(PeerPieces peer, int i)
    {
        _firstMissing[i] = _missing[i].NextSet(_firstMissing[i]);
        return _missing[i].NextShared(peer.Has, _firstMissing[i]);
    }

    int RarestMissing(PeerPieces peer, Startable startable)
    {
        int piece = _order.Rarest(peer.Has, startable, peer.CountedAsSeed ? 0 : 1, Looks, _random);
        if (piece >= 0) return piece;
        // A peer with few of the missing pieces: the rarest of some it has, found from a random place on.
        Bitfield missing = _missing[(int)startable];
        int start = _random.Next(missing.Length), best = -1;
        for (int sample = 0, at = start; sample < 8; sample++, at = piece + 1)
        {
            piece = missing.NextShared(peer.Has, at);
            if (piece < 0) break;
            if (best < 0 || _order.Availability(piece) < _order.Availability(best)) best = piece;
        }
        return best >= 0 || start == 0 ? best : missing.NextShared(peer.Has, 0);
    }

    // From those who will be done last, from the end of what they were asked: that is what would come last.
    int PickFromOthers(PeerPieces peer, Span<BlockRef> into, TimeSpan now)
    {
        if (now < peer.NextSearch) return 0;
        if (now - _rankedAt >= s_searchPause || _owners.Count == 0) RankOwners(now);
        bool endgame = _missing[0].IsEmpty && _missing[1].IsEmpty;
        int count = 0, looks = LooksAtOthers;
        double own = SecondsPerBlock(peer, now), start = endgame ? 0 : Silence(peer, now);
        foreach (PeerPieces owner in _owners)
        {
            if (owner == peer || !(endgame || owner.AnswersCancels)) continue;
            int ahead = owner.Requests.Count;
            for (int slot = owner.Requests.Slots - 1; slot >= 0; slot--)
            {
                Request request = owner.Requests[slot];
                if (request.IsGap) continue;
                BlockRef block = request.Block;
                double theirs = owner.Silence + ahead-- * owner.SecondsPerBlock, ours = start + (peer.Requests.Count + peer.AwaitedRecalls + 1) * own;
                if (theirs < ours * Gain + MinimumGainSeconds) break;
                if (count + peer.AwaitedRecalls >= into.Length || looks-- == 0) return count;
                if (request.RecalledFor != null || !MayAskToo(block, peer)) continue;
                if (endgame)
                {
                    _partials[block.Piece].Ask(block.Begin / Geometry.BlockLength);
                    peer.Requests.Add(block, now);
                    into[count++] = block;
                }
                else
                {
                    owner.Requests.Recall(slot, peer, now);
                    _recalled.Add((owner, block));
                }
            }
        }
        // Nothing better will be found before the others have had time to fall behind.
        if (count == 0) peer.NextSearch = now + s_searchPause;
        return count;
    }

    // Blocks that are read next and were asked of a peer that will take much longer than this one. Only a peer whose rate is known
    // is trusted to be faster. The second to answer is sent a cancel, so little comes twice.
    int PickForReader(PeerPieces peer, Span<BlockRef> into, TimeSpan now)
    {
        if (now < peer.NextRescue || peer.BytesPerSecond == 0) return 0;
        peer.NextRescue = now + s_searchPause;
        if (now - _rankedAt >= s_searchPause || _owners.Count == 0) RankOwners(now);
        int first = Needed.NextShared(IsRead ? _high : Needed, 0), pieces = Math.Max(1, ReadAhead / _geometry.PieceLength), count = 0, looks = LooksAtOthers;
        if (first < 0) return 0;
        double own = SecondsPerBlock(peer, now), start = Silence(peer, now);
        foreach (PeerPieces owner in _owners)
        {
            if (owner == peer) continue;
            int ahead = 0;
            for (int slot = 0; slot < owner.Requests.Slots; slot++)
            {
                Request request = owner.Requests[slot];
                if (request.IsGap) continue;
                double theirs = owner.Silence + ++ahead * owner.SecondsPerBlock, ours = start + (peer.Requests.Count + peer.AwaitedRecalls + 1) * own;
                if (count == into.Length || looks-- == 0) return count;
                // Any gain counts for the piece that is read next: a peer that will send it soon has its blocks at the front of its queue.
                BlockRef block = request.Block;
                if ((uint)(block.Piece - first) >= pieces) continue;
                if (theirs < ours * (block.Piece == first ? 1 : Gain) + MinimumGainSeconds || !MayAskToo(block, peer)) continue;
                PartialPiece partial = _partials[block.Piece];
                if (partial.AskedOf(block.Begin / Geometry.BlockLength) > 1) continue;
                partial.Ask(block.Begin / Geometry.BlockLength);
                peer.Requests.Add(block, now);
                into[count++] = block;
            }
        }
        return count;
    }

    void RankOwners(TimeSpan now)
    {
        _rankedAt = now;
        _owners.Clear();
        foreach (PeerPieces peer in _peers)
        {
            if (peer.Requests.Count == 0) continue;
            peer.SecondsPerBlock = SecondsPerBlock(peer, now);
            peer.Silence = Silence(peer, now);
            _owners.Add(peer);
        }
        _owners.Sort(static (a, b) => SecondsForAll(b).CompareTo(SecondsForAll(a)));
    }

    static double SecondsForAll(PeerPieces owner) => owner.Silence + owner.Requests.Count * owner.SecondsPerBlock;

    bool MayAskToo(in BlockRef block, PeerPieces peer)
    {
        if (!peer.Has[block.Piece] || !Needed[block.Piece]) return false; // mostly: the dear look-up comes last
        PartialPiece partial = _partials[block.Piece];
        return partial.Only == null && partial.AskedOf(block.Begin / Geometry.BlockLength) < MaxAskedOf && !peer.Requests.Contains(block);
    }

    static double SecondsPerBlock(PeerPieces peer, TimeSpan now)
    {
        peer.Rate.Update(now);
        return peer.BytesPerSecond > 0 ? Geometry.BlockLength / peer.BytesPerSecond : UnknownSecondsPerBlock;
    }

    // Seconds for which it has owed us a block. Who has been silent for so long is expected to stay so for as long again: a peer
    // that stopped shows soon, and one whose blocks come in bursts does not look like one.
    static double Silence(PeerPieces peer, TimeSpan now)
    {
        if (peer.Requests.Count == 0) return 0;
        TimeSpan oldest = peer.Requests[0].SentAt, since = peer.LastBlock > oldest ? peer.LastBlock : oldest;
        return (now - since).TotalSeconds + peer.Owed;
    }
}
