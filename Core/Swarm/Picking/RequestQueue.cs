// What we have asked of one peer and not received, in the order of asking. Peers answer nearly in order, so an answer is
// found near the front; one found further back leaves a gap that is closed when it reaches the front.
// A ring that grows to the deepest pipeline and then allocates nothing.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>A block asked of a peer.</summary>
/// <param name="SentAt">When, on the engine's clock; of a recalled one when it was recalled.</param>
/// <param name="RecalledFor">Who waits for the peer to reject it, and is to be asked then; null if it was not recalled.</param>
readonly record struct Request(BlockRef Block, TimeSpan SentAt, PeerPieces? RecalledFor = null)
{
    /// <summary>What an answer out of order leaves behind: no block has a negative length.</summary>
    public static readonly Request Gap = new(new BlockRef(-1, -1, -1), default);

    public bool IsGap => Block.Length < 0;
}

/// <summary>The sum over all queues of a torrent.</summary>
sealed class RequestTotal
{
    public int Count { get; set; }
}

/// <summary>A peer's outstanding requests, oldest first.</summary>
sealed class RequestQueue(RequestTotal total)
{
    Request[] _ring = new Request[16];
    int _head;

    /// <summary>Requests outstanding.</summary>
    public int Count { get; private set; }

    /// <summary>Requests and gaps: the bound of the indexer.</summary>
    public int Slots { get; private set; }

    /// <summary>The request at this place, 0 being the oldest and never a gap.</summary>
    public ref readonly Request this[int slot] => ref At(slot);

    public void Add(in BlockRef block, TimeSpan now)
    {
        if (Slots == _ring.Length) MakeRoom();
        At(Slots++) = new Request(block, now);
        Count++;
        total.Count++;
    }

    public bool Contains(in BlockRef block) => Find(block) >= 0;

    /// <summary>The peer was sent a cancel that it will answer: with the block if that was on its way, or else with a reject.</summary>
    public void Recall(int slot, PeerPieces whom, TimeSpan now)
    {
        At(slot) = At(slot) with { SentAt = now, RecalledFor = whom };
        whom.AwaitedRecalls++;
    }

    /// <summary>Takes out a request. False if there was none for exactly this block.</summary>
    public bool TryRemove(in BlockRef block, out Request request)
    {
        int slot = Find(block);
        request = default;
        if (slot < 0) return false;
        request = At(slot);
        if (request.RecalledFor is { } waiting) waiting.AwaitedRecalls--;
        At(slot) = Request.Gap;
        Count--;
        total.Count--;
        while (Slots > 0 && At(0).IsGap)
        {
            _head = (_head + 1) & (_ring.Length - 1);
            Slots--;
        }
        return true;
    }

    public void Clear()
    {
        for (int slot = 0; slot < Slots; slot++)
        {
            if (At(slot).RecalledFor is { } waiting) waiting.AwaitedRecalls--;
            At(slot) = default;
        }
        total.Count -= Count;
        Count = Slots = _head = 0;
    }

    int Find(in BlockRef block)
    {
        for (int slot = 0; slot < Slots; slot++) if (At(slot).Block == block && !At(slot).IsGap) return slot;
        return -1;
    }

    void MakeRoom()
    {
        // Half gaps: closing them is enough. Otherwise the pipeline is deeper than the ring.
        Request[] ring = _ring;
        int head = _head, count = 0;
        if (Count > ring.Length / 2)
        {
            _ring = new Request[ring.Length * 2];
            _head = 0;
        }
        for (int slot = 0; slot < Slots; slot++)
        {
            Request request = ring[(head + slot) & (ring.Length - 1)];
            if (!request.IsGap) At(count++) = request;
        }
        Slots = count;
    }

    ref Request At(int slot) => ref _ring[(_head + slot) & (_ring.Length - 1)];
}
