// From an answer to a verified piece, and who is to blame if it does not verify.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

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

sealed partial class PiecePicker
{
    const int MaxTrialsLog = 6;

    /// <summary>A block arrived.</summary>
    /// <param name="cancel">Receives the other peers that were asked for it too and are to be sent a cancel.</param>
    /// <param name="sentAt">When it was asked for, or null if that is not known.</param>
    public BlockVerdict OnBlock(PeerPieces peer, in BlockRef block, TimeSpan now, List<PeerPieces> cancel, out TimeSpan? sentAt)
    {
        sentAt = null;
        peer.LastBlock = now;
        if (peer.Requests.TryRemove(block, out Request request))
        {
            if (request.RecalledFor == null) sentAt = request.SentAt;
            peer.Rate.Add(block.Length);
            PartialPiece partial = _partials[block.Piece];
            int index = block.Begin / Geometry.BlockLength;
            peer.Owed = 0;
            CancelOthers(block, partial.AskedOf(index) - 1, now, cancel);
            Receive(partial, index, peer);
            return BlockVerdict.Accepted;
        }
        return peer.AnswersWithdrawn(block) ? OnLateBlock(peer, block, now, cancel) : BlockVerdict.Unrequested;
    }

    // An answer to a request we withdrew is as good as any, if the block is still to come.
    BlockVerdict OnLateBlock(PeerPieces peer, in BlockRef block, TimeSpan now, List<PeerPieces> cancel)
    {
        int index = block.Begin / Geometry.BlockLength;
        peer.Rate.Add(block.Length);
        if (!Needed[block.Piece] || peer.Trials > 0) return BlockVerdict.Duplicate;
        if (!_partials.TryGetValue(block.Piece, out PartialPiece? partial)) partial = Start(block.Piece, peer);
        if (partial.IsReceived(index) || !MayTake(partial, peer)) return BlockVerdict.Duplicate;
        CancelOthers(block, partial.AskedOf(index), now, cancel);
        Receive(partial, index, peer);
        return BlockVerdict.Accepted;
    }

    /// <param name="others">How many are asked for the block: with hundreds of peers most searches can end early.</param>
    void CancelOthers(in BlockRef block, int others, TimeSpan now, List<PeerPieces> cancel)
    {
        for (int i = 0; others > 0 && i < _peers.Count; i++)
        {
            PeerPieces other = _peers[i];
            double silence = InOrder ? Silence(other, now) : 0;
            if (!other.Requests.TryRemove(block, out _)) continue;
            if (InOrder && other.Requests.Count == 0) other.Owed = silence;
            other.Withdraw(block);
            cancel.Add(other);
            others--;
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
        if (partial.OnlyContributor is { Trials: > 0 } alone) alone.Suspicion.Trials--;
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
        partial.AddContributorsTo(contributors);
        bool proven = contributors.Count == 1 && !partial.FromDisk;
        for (int i = 0; i < contributors.Count; i++)
        {
            Suspicion suspicion = contributors[i].Suspicion;
            if (contributors.FindIndex(other => other.Suspicion == suspicion) == i) // two of one address failed once
                suspicion.Trials = 1 << Math.Min(suspicion.Failures++, MaxTrialsLog);
            Leave(contributors[i]);
        }
        Drop(partial);
        if (Needed[piece]) Missing(piece);
        return proven;
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
}
