// A piece that has failed comes first, from peers that had no part in that: the sooner it is right, the sooner it shows who lied.
// A quick one sends it alone, so that it is right or the peer is proven guilty. Otherwise the order of choice for a peer is:
//   1. the piece it is at work on: its blocks come in order, so writes stay contiguous and pieces finish;
//   2. a piece nobody is at work on any more;
//   3. if the peer is slow against the piece length, a piece another is at work on;
//   4. a missing piece it suggests, or else the rarest it has;
//   5. a piece another is at work on, whoever that is;
//   6. blocks others were asked for and will take much longer to send. While pieces are missing they are recalled: what was chosen
//      early for a slow queue is not held back from who could send it at once. The slow peer is sent a cancel, and nobody else is
//      asked before it has rejected the block: so it does not come twice. When none is missing (endgame) both are asked at once,
//      and the second to answer is sent the cancel.
// In order (sequential, or while somebody reads) 1 to 5 are one: the first piece that is open or missing. Before that, blocks that
// a reader waits for and another peer is slow to send are asked of this peer as well: each is then asked of two.
// Open pieces (with free blocks) are at most one per peer plus those of step 2, because a peer starts one only when 1 and 2
// have nothing for it.
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

    // Nor do we know a peer that was asked for nothing for so long: its rate fades because we do not ask.
    static readonly TimeSpan s_rateHolds = TimeSpan.FromMinutes(1);

    // A block asked of somebody else must promise to halve the wait, and to save more than the cancel costs.
    const double Gain = 2, MinimumGainSeconds = 0.05;

    // What one search among the others' blocks may cost, and how soon another may follow one in vain, or see the peers in another
    // order: with hundreds of peers it would otherwise cost more than the download.
    const int LooksAtOthers = 256;
    static readonly TimeSpan s_searchPause = TimeSpan.FromSeconds(MinimumGainSeconds);

    // What a reader is about to need, in bytes.
    const int ReadAhead = 8 << 20;

    // A failed piece is fetched by one peer alone if that takes no longer than this.
    const double AloneSeconds = 2;

    // How long peers that had part in the failure are kept away from a failed piece; less if somebody reads.
    const double LongestRetrySeconds = 20, LongestRetrySecondsInOrder = 3;

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

        if (_retries.Count > 0) EndLongRetries(now);
        int count = InOrder ? PickForReader(peer, into, now) : 0, pipeline = peer.Requests.Count + into.Length;
        while (count < into.Length && ChoosePiece(peer, pipeline, now) is { } partial)
            count += TakeFree(partial, peer, into[count..], now);
        if (count < into.Length) count += PickFromOthers(peer, into[count..], now);
        return count;
    }

    int PickAllowedFast(PeerPieces peer, Span<BlockRef> into, TimeSpan now)
    {
        int count = 0;
        foreach (int piece in peer.AllowedFast)
        {
            if (count == into.Length) break;
            if (!peer.Has[piece] || !Needed[piece]) continue;
            if (!_partials.TryGetValue(piece, out PartialPiece? partial)) partial = Start(piece, peer, now);
            if (partial.FreeCount > 0 && MayTake(partial, peer)) count += TakeFree(partial, peer, into[count..], now);
        }
        return count;
    }

    // A piece with free blocks for the peer, or null.
    PartialPiece? ChoosePiece(PeerPieces peer, int pipeline, TimeSpan now)
    {
        if (_failed.Count > 0 && FindFailed(peer, now) is { } failed) return WorkOn(failed, peer);
        if (peer.CurrentPiece >= 0 && _partials.TryGetValue(peer.CurrentPiece, out PartialPiece? current) && current.List != null)
        {
            if (!InOrder && MayTake(current, peer)) return current;
            Leave(peer);
        }
        bool joins = pipeline * PipelinesPerOwnPiece < _geometry.BlocksIn(0);
        PartialPiece? chosen = InOrder ? FirstInOrder(peer, now) : FindOpen(_orphans, peer, Looks);
        if (chosen == null && joins) chosen = FindOpen(_attended, peer, Looks);
        if (chosen == null && NextMissing(peer) is >= 0 and int piece) chosen = Start(piece, peer, now);
        chosen ??= FindOpen(_orphans, peer, int.MaxValue) ?? FindOpen(_attended, peer, int.MaxValue);
        return chosen == null ? null : WorkOn(chosen, peer);
    }

    PartialPiece WorkOn(PartialPiece partial, PeerPieces peer)
    {
        Leave(peer);
        partial.Worker ??= peer;
        peer.CurrentPiece = partial.Piece;
        return partial;
    }

    // Open or missing, whichever comes first: what one peer failed to send is what a reader waits for. Urgent pieces first of all.
    PartialPiece? FirstInOrder(PeerPieces peer, TimeSpan now)
    {
        PartialPiece? open = FindOpen(_orphans, peer, int.MaxValue), attended = FindOpen(_attended, peer, int.MaxValue);
        if (attended != null && (open == null || ComesBefore(attended.Piece, open.Piece))) open = attended;
        int piece = NextMissing(peer);
        return piece >= 0 && (open == null || ComesBefore(piece, open.Piece)) ? Start(piece, peer, now) : open;
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

    PartialPiece? FindOpen(List<PartialPiece> list, PeerPieces peer, int looks)
    {
        if (list.Count == 0) return null;
        PartialPiece? first = null;
        int at = _random.Next(list.Count);
        for (int left = Math.Min(looks, list.Count); left > 0; left--)
        {
            PartialPiece partial = list[at];
            if (++at == list.Count) at = 0;
            if (!peer.Has[partial.Piece] || !MayTake(partial, peer)) continue;
            if (!InOrder) return partial;
            if (first == null || ComesBefore(partial.Piece, first.Piece)) first = partial;
        }
        return first;
    }

    // A piece that has failed is left to one peer, or to those that had no part in the failure.
    bool MayTake(PartialPiece partial, PeerPieces peer) =>
        partial.Only != null ? partial.Only == peer : !partial.IsRetry || !_failed.HadPart(partial.Piece, peer.Origin);

    // A piece that has failed, for a peer that had no part in the failure.
    PartialPiece? FindFailed(PeerPieces peer, TimeSpan now)
    {
        for (int i = 0; i < _failed.Count; i++)
        {
            int piece = _failed[i];
            if (!peer.Has[piece] || !Needed[piece] || _failed.HadPart(piece, peer.Origin)) continue;
            if (!_partials.TryGetValue(piece, out PartialPiece? partial)) return Start(piece, peer, now);
            if (partial.FreeCount > 0 && MayTake(partial, peer)) return partial;
        }
        return null;
    }

    // One peer alone, if it is quick: then the piece is right or the peer proven guilty. A peer that had part in the failure, always.
    void LimitRetry(PartialPiece partial, PeerPieces by, TimeSpan now)
    {
        partial.IsRetry = true;
        partial.RetryUntil = now + TimeSpan.FromSeconds(InOrder ? LongestRetrySecondsInOrder : LongestRetrySeconds);
        bool isQuick = (by.Requests.Count + partial.BlockCount) * SecondsPerBlock(by, now) < AloneSeconds;
        if (isQuick || _failed.HadPart(partial.Piece, by.Origin)) partial.Only = by;
        _retries.Add(partial);
    }

    void EndLongRetries(TimeSpan now)
    {
        for (int i = _retries.Count - 1; i >= 0; i--)
        {
            PartialPiece partial = _retries[i];
            if (now < partial.RetryUntil) continue;
            partial.Only = null;
            partial.IsRetry = false;
            _retries.RemoveAt(i);
        }
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
        return MayTake(partial, peer) && partial.AskedOf(block.Begin / Geometry.BlockLength) < MaxAskedOf && !peer.Requests.Contains(block);
    }

    static double SecondsPerBlock(PeerPieces peer, TimeSpan now)
    {
        peer.Rate.Update(now);
        bool isForgotten = peer.Requests.Count == 0 && now - peer.LastBlock > s_rateHolds;
        return peer.BytesPerSecond > 0 && !isForgotten ? Geometry.BlockLength / peer.BytesPerSecond : UnknownSecondsPerBlock;
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
