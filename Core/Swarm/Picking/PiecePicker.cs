// Which blocks to ask of which peer. The invariant:
//   a piece is in exactly one of HAVE, PARTIAL (asked, being written, being hashed), MISSING (wanted) and UNWANTED.
// This file holds the states; .Peers what peers say of themselves, .Choice the next request, .Blocks what comes of it.
// Cost: a block is O(1); a `have` is O(1); starting or verifying a piece is O(peers); nothing but the coming and going of a
// peer with a partial bitfield is O(pieces), and a seed's is not.
// 13 bytes a piece, and 9 per block of the pieces in progress. No allocation per block.
// The owner's lock is held in every call.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>How urgently a piece is wanted.</summary>
enum PiecePriority { Skip, Normal, High }

/// <summary>The state of every piece and the choice of the next request.</summary>
sealed partial class PiecePicker
{
    readonly Geometry _geometry;
    readonly Random _random;

    readonly RarityOrder _order;
    readonly List<PeerPieces> _peers = [];
    readonly RequestTotal _asked = new();
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

    readonly FailedPieces _failed = new();

    // Failed pieces that not every peer may send.
    readonly List<PartialPiece> _retries = [];

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

    /// <summary>The user wants pieces started in order instead of rarest first.</summary>
    public bool Sequential { get; set; }

    /// <summary>Somebody reads what is urgent while it is downloaded: in order, whatever the user wanted.</summary>
    public bool IsRead { get; set; }

    bool InOrder => Sequential || IsRead;

    /// <summary>Pieces between MISSING and HAVE.</summary>
    public int PartialCount => _partials.Count;

    /// <summary>Blocks asked of all peers together and not received; one that was asked of two counts twice.</summary>
    public int Outstanding => _asked.Count;

    /// <summary>Connected peers that have the piece.</summary>
    public int Availability(int piece) => _order.Availability(piece) + _seeds;

    /// <summary>There are pieces that no peer has.</summary>
    public bool HasUnseen => _seeds == 0 && _order.HasUnseen;

    /// <summary>A piece we have and no peer has, and that is not in <paramref name="except"/>, or -1.</summary>
    public int Unseen(Bitfield except, Random random)
    {
        int piece = HasUnseen ? _order.Unseen(except, Looks, random) : -1;
        return piece >= 0 && Have[piece] ? piece : -1;
    }

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
        PartialPiece partial = Start(piece, null, default);
        for (int b = blocks.NextSet(0); b >= 0; b = blocks.NextSet(b + 1)) partial.Restore(b);
        Settle(partial);
        return partial.IsComplete;
    }

    /// <summary>The blocks on disk of every piece in progress: what <see cref="MarkBlocks"/> wants to know next time.</summary>
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

    PartialPiece Start(int piece, PeerPieces? by, TimeSpan now)
    {
        NoLongerMissing(piece);
        PartialPiece partial = _spare.Count > 0 ? _spare.Pop() : new PartialPiece(_geometry.BlocksIn(0));
        partial.Start(piece, _geometry.BlocksIn(piece));
        if (by != null && _failed.Contains(piece)) LimitRetry(partial, by, now);
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
        if (partial.IsRetry) _retries.Remove(partial);
        partial.Clear();
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
