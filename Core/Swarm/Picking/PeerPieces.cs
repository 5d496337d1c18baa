// What the picker knows of one connection: its pieces, whether it lets us ask, and what it owes us.
// Made and changed by PiecePicker alone; the torrent reads it.
using System.Net;
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>One peer as the picker sees it. Not thread-safe.</summary>
/// <param name="total">Counts the requests of all peers.</param>
/// <param name="owner">The torrent's own record of the peer, to find it by when the picker names a peer.</param>
/// <param name="answersCancels">See <see cref="AnswersCancels"/>.</param>
/// <param name="origin">See <see cref="Origin"/>.</param>
sealed class PeerPieces(int pieceCount, RequestTotal total, object? owner, bool answersCancels, IPEndPoint? origin)
{
    const int MaxAllowedFast = 64;

    const int MaxSuggested = 16;

    // As many as the deepest pipeline holds.
    const int MaxWithdrawn = RequestPipeline.MaxDepth;

    readonly List<int> _allowedFast = [];
    readonly List<int> _suggested = [];
    readonly List<BlockRef> _withdrawn = [];

    public object? Owner { get; } = owner;

    /// <summary>The pieces the peer says it has.</summary>
    public Bitfield Has { get; } = new(pieceCount);

    /// <summary>What was asked of the peer and has not come.</summary>
    public RequestQueue Requests { get; } = new(total);

    public bool PeerChoking { get; set; } = true;

    /// <summary>Pieces it has that we want and have not verified: we are interested while this is not 0.</summary>
    public int InterestingCount { get; set; }

    /// <summary>The address that is to blame for its blocks; the same for all connections from there, also later ones. Null if its
    /// blocks are to be held against nobody.</summary>
    public IPEndPoint? Origin { get; } = origin;

    /// <summary>Pieces it serves even while it chokes us (BEP 6).</summary>
    public IReadOnlyList<int> AllowedFast => _allowedFast;

    /// <summary>A request that is cancelled is answered all the same (BEP 6): with the block or a reject.</summary>
    public bool AnswersCancels { get; set; } = answersCancels;

    /// <summary>Bytes per second of block data.</summary>
    public double BytesPerSecond => Rate.PerSecond;

    // The rest is the picker's own bookkeeping.

    public RateMeter Rate;

    /// <summary>When its last block came.</summary>
    public TimeSpan LastBlock { get; set; }

    /// <summary>Blocks that others were asked to give up for it, and have not answered.</summary>
    public int AwaitedRecalls { get; set; }

    /// <summary>The piece it is being asked for, or -1.</summary>
    public int CurrentPiece { get; set; } = -1;

    /// <summary>True if it had everything when it told us: counted in one number instead of piece by piece.</summary>
    public bool CountedAsSeed { get; set; }

    /// <summary>True once its bitfield or a have was counted, or it said that it has none: another bitfield only adds to it.</summary>
    public bool HasSpoken { get; set; }

    /// <summary>By <see cref="Startable"/>: the version of the missing set that was searched in vain for this peer.</summary>
    public int[] Exhausted { get; } = [-1, -1];

    /// <summary>What is expected of it when others could take its blocks; see <see cref="PiecePicker"/>.</summary>
    public double SecondsPerBlock { get; set; }

    /// <summary>Seconds for which it had owed us a block, at that.</summary>
    public double Silence { get; set; }

    /// <summary>A search among others' blocks was in vain; before this the next would be too.</summary>
    public TimeSpan NextSearch { get; set; }

    /// <summary>Notes that we withdrew a request (time-out, choke, cancel): it may be answered all the same. The latest count.</summary>
    public void Withdraw(in BlockRef block)
    {
        if (_withdrawn.Count == MaxWithdrawn) _withdrawn.RemoveAt(0);
        _withdrawn.Add(block);
    }

    /// <summary>True, once, for the answer to a request that we withdrew.</summary>
    public bool AnswersWithdrawn(in BlockRef block) => _withdrawn.Remove(block);

    /// <summary>When to look again for blocks that a reader waits for and another peer is slow to send.</summary>
    public TimeSpan NextRescue { get; set; }

    /// <summary>How long a reader waited for a block of this peer that another peer then sent, in seconds. Until the peer sends a
    /// block, it is expected to be that slow again.</summary>
    public double Owed { get; set; }

    /// <summary>The peer would rather be asked for this piece than for another; the latest few count.</summary>
    public void Suggest(int piece)
    {
        if (_suggested.Count == MaxSuggested) _suggested.RemoveAt(0);
        _suggested.Add(piece);
    }

    /// <summary>Takes the oldest suggestion of these pieces, or -1.</summary>
    public int TakeSuggestion(Bitfield among)
    {
        for (int i = 0; i < _suggested.Count; i++)
        {
            int piece = _suggested[i];
            if (!among[piece] || !Has[piece]) continue;
            _suggested.RemoveAt(i);
            return piece;
        }
        return -1;
    }

    public void ForgetSuggestions() => _suggested.Clear();

    /// <summary>Adds to the allowed-fast set. Repeats, and more than any client grants, are ignored.</summary>
    public void Allow(int piece)
    {
        if (_allowedFast.Count < MaxAllowedFast && !_allowedFast.Contains(piece)) _allowedFast.Add(piece);
    }
}
