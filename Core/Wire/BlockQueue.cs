// The blocks that wait to be sent to one peer, in the order of its requests. A cancel costs the same however many wait: the
// cancelled block stays in its place and is passed over when its turn comes. Otherwise a peer that fills its queue and then
// cancels would have us search it for each 17 bytes.
// The index is made at the first cancel and dropped with the last block: most peers never cancel.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>Not thread-safe.</summary>
sealed class BlockQueue
{
    /// <summary>Cancelled blocks that stay in the queue however few others there are.</summary>
    const int MinCancelled = 64;

    /// <summary>How often a block is in the queue: to be sent, and cancelled. The cancelled ones come first.</summary>
    record struct Copies(int Waiting, int Cancelled);

    readonly Queue<BlockRef> _queue = new();
    Dictionary<BlockRef, Copies>? _index;

    /// <summary>Blocks to be sent.</summary>
    public int Count { get; private set; }

    public void Enqueue(in BlockRef block)
    {
        _queue.Enqueue(block);
        Count++;
        if (_index is not null) CollectionsMarshal.GetValueRefOrAddDefault(_index, block, out _).Waiting++;
    }

    /// <summary>The next block to be sent; false if none waits.</summary>
    public bool TryDequeue(out BlockRef block)
    {
        while (_queue.TryDequeue(out block))
        {
            if (IsCancelled(block)) continue;
            if (--Count == 0) Clear();
            return true;
        }
        return false;
    }

    /// <summary>Takes note that the block has left the queue.</summary>
    bool IsCancelled(in BlockRef block)
    {
        if (_index is null) return false;
        ref Copies copies = ref CollectionsMarshal.GetValueRefOrNullRef(_index, block);
        bool cancelled = copies.Cancelled > 0;
        if (cancelled) copies.Cancelled--;
        else copies.Waiting--;
        if (copies == default) _index.Remove(block);
        return cancelled;
    }

    /// <summary>True if the block was waiting; it will not be sent.</summary>
    public bool Cancel(in BlockRef block)
    {
        if (Count == 0) return false;
        ref Copies copies = ref CollectionsMarshal.GetValueRefOrNullRef(_index ??= Index(), block);
        if (Unsafe.IsNullRef(ref copies) || copies.Waiting == 0) return false;
        copies.Waiting--;
        copies.Cancelled++;
        if (--Count == 0) Clear();
        else if (_queue.Count > 2 * Count + MinCancelled) DropCancelled();
        return true;
    }

    Dictionary<BlockRef, Copies> Index()
    {
        var index = new Dictionary<BlockRef, Copies>(_queue.Count);
        foreach (BlockRef block in _queue) CollectionsMarshal.GetValueRefOrAddDefault(index, block, out _).Waiting++;
        return index;
    }

    /// <summary>Once around: what stays keeps its order. At least as many cancels have paid for it as blocks are left.</summary>
    void DropCancelled()
    {
        for (int i = _queue.Count; i > 0; i--)
        {
            BlockRef block = _queue.Dequeue();
            ref Copies copies = ref CollectionsMarshal.GetValueRefOrNullRef(_index!, block);
            if (copies.Cancelled == 0)
            {
                _queue.Enqueue(block);
                continue;
            }
            copies.Cancelled--;
            if (copies == default) _index!.Remove(block);
        }
    }

    public void Clear()
    {
        _queue.Clear();
        _index = null;
        Count = 0;
    }
}
