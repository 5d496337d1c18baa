// From an answer to a verified piece, and who is to blame if it does not verify.
using System.Net;
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
        if (!Needed[block.Piece]) return BlockVerdict.Duplicate;
        if (!_partials.TryGetValue(block.Piece, out PartialPiece? partial)) partial = Start(block.Piece, peer, now);
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
        partial.Receive(index, from.Origin);
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

    /// <summary>True if the hashes of a complete piece's blocks are evidence: it is right and has failed before, or it is wrong and
    /// more than one address may be to blame.</summary>
    public bool IsEvidence(int piece, bool matches)
    {
        if (matches) return _failed.Contains(piece);
        foreach (IPEndPoint? sender in _partials[piece].Senders)
            if (sender != null) return SoleSender(_partials[piece]) == null;
        return false;
    }

    /// <summary>PARTIAL -> HAVE: all blocks are on disk and the hash is right.</summary>
    public void OnVerified(int piece)
    {
        Drop(_partials[piece]);
        Have.Set(piece);
        NoLongerNeeded(piece);
    }

    /// <summary>A piece that failed before is right: what was sent of it then is compared with what it has now.</summary>
    /// <param name="hashes">Of its blocks.</param>
    /// <param name="guilty">Receives the addresses that sent a wrong block.</param>
    public void Compare(int piece, byte[] hashes, List<IPEndPoint> guilty) => _failed.Compare(piece, hashes, guilty);

    /// <summary>
    /// PARTIAL -> MISSING: the hash is wrong. If all blocks came from one address, that is proof. Otherwise the hashes of the blocks
    /// are kept until the piece is right. It is fetched again at once, from others: the sooner it is right, the sooner it is proof.
    /// </summary>
    /// <param name="hashes">Of its blocks, if they are evidence and could be read.</param>
    /// <param name="guilty">Receives the address that is proven guilty, if one is.</param>
    /// <returns>Bytes of the piece.</returns>
    public int OnHashFailed(int piece, byte[]? hashes, List<IPEndPoint> guilty)
    {
        PartialPiece partial = _partials[piece];
        if (SoleSender(partial) is { } sender) guilty.Add(sender);
        else if (hashes != null) _failed.Add(piece, hashes, partial.Senders.ToArray());
        Drop(partial);
        if (Needed[piece]) Missing(piece);
        return _geometry.LengthOf(piece);
    }

    // Null if there are several, or blocks whose sender is not known.
    static IPEndPoint? SoleSender(PartialPiece partial)
    {
        IPEndPoint? first = partial.Senders[0];
        if (first == null) return null;
        foreach (IPEndPoint? sender in partial.Senders)
            if (!first.Equals(sender)) return null;
        return first;
    }

    /// <summary>Gives up the blocks on disk that came from an address that is proven guilty, before they spoil the pieces they
    /// belong to. A piece that is being hashed is left as it is. Returns how many bytes are given up.</summary>
    public long Discard(IPEndPoint sender)
    {
        long discarded = 0;
        foreach (PartialPiece partial in _partials.Values)
        {
            if (partial.IsComplete || partial.Discard(sender) is not (> 0 and int blocks)) continue;
            discarded += blocks * (long)Geometry.BlockLength;
            Settle(partial);
        }
        return discarded;
    }
}
