// What waits to be sent to one peer: small messages as bytes, blocks as references. Queuing the blocks' bytes would cost
// a request window of memory per peer; the writer reads them when the socket has room.
// Small messages overtake blocks: a have or a choke must not wait behind megabytes.
// Any thread may queue; one writer takes. Lock order: Torrent, then Outbox, then Slabs, never back.
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>The send queue of one peer. Nothing is sent, and nobody woken, before <see cref="Flush"/>.</summary>
/// <param name="slabs">Where small messages wait; who takes them gives the memory back.</param>
sealed class Outbox(Slabs slabs)
{
    /// <summary>Requests a peer may have waiting; advertised as <c>reqq</c> (BEP 10). More are refused.</summary>
    public const int MaxBlocks = 2000;

    /// <summary>A peer that lets this much pile up (bytes) does not read any more.</summary>
    const int MaxControl = 2 << 20;

    readonly Lock _gate = new();
    readonly Queue<BlockRef> _blocks = new();
    Memory<byte> _control;
    int _controlCount;
    Action _wake = static () => { };
    Action _abort = static () => { };
    bool _writerWaits;
    bool _finishing;
    bool _closed;
    bool _overflowed;

    /// <summary>Ties the outbox to its connection. Neither action may block or call back.</summary>
    /// <param name="wake">The writer has something to take.</param>
    /// <param name="abort">The connection is to end: a blocked receive or send must return. May come more than once.</param>
    public void Attach(Action wake, Action abort)
    {
        bool closed;
        lock (_gate)
        {
            (_wake, _abort) = (wake, abort);
            closed = _closed;
        }
        if (closed) abort();
    }

    /// <summary>True once the connection is to end.</summary>
    public bool IsClosed { get { lock (_gate) return _closed; } }

    public void Send(MessageId id)
    {
        lock (_gate) _controlCount += PeerMessage.Write(Reserve(5), id);
    }

    public void Send(MessageId id, int piece)
    {
        lock (_gate) _controlCount += PeerMessage.Write(Reserve(9), id, piece);
    }

    public void SendHaves(ReadOnlySpan<int> pieces)
    {
        lock (_gate)
        {
            foreach (int piece in pieces) _controlCount += PeerMessage.Write(Reserve(9), MessageId.Have, piece);
        }
    }

    public void Send(MessageId id, in BlockRef block)
    {
        lock (_gate) _controlCount += PeerMessage.Write(Reserve(17), id, block);
    }

    public void Send(MessageId id, ReadOnlySpan<byte> payload)
    {
        lock (_gate) _controlCount += PeerMessage.Write(Reserve(5 + payload.Length), id, payload);
    }

    public void SendKeepAlive()
    {
        lock (_gate)
        {
            Reserve(PeerMessage.PrefixLength)[..PeerMessage.PrefixLength].Clear();
            _controlCount += PeerMessage.PrefixLength;
        }
    }

    public void SendHandshake(in Handshake handshake)
    {
        lock (_gate)
        {
            handshake.Write(Reserve(Handshake.Size));
            _controlCount += Handshake.Size;
        }
    }

    /// <summary>False if the peer has asked for too much already.</summary>
    public bool QueueBlock(in BlockRef block)
    {
        lock (_gate)
        {
            if (_blocks.Count >= MaxBlocks) return false;
            _blocks.Enqueue(block);
            return true;
        }
    }

    /// <summary>True if the block was still waiting and will not be sent.</summary>
    public bool CancelBlock(in BlockRef block)
    {
        lock (_gate)
        {
            bool found = false;
            for (int i = _blocks.Count; i > 0; i--) // once around: what stays keeps its order
            {
                BlockRef waiting = _blocks.Dequeue();
                if (!found && waiting == block) found = true;
                else _blocks.Enqueue(waiting);
            }
            return found;
        }
    }

    /// <summary>Takes back every waiting block, as a choke does; with the fast extension each is answered by a reject.</summary>
    public void DropBlocks(bool reject)
    {
        lock (_gate)
        {
            while (_blocks.TryDequeue(out BlockRef block))
                if (reject) _controlCount += PeerMessage.Write(Reserve(17), MessageId.RejectRequest, block);
        }
    }

    /// <summary>Lets the writer have what was queued.</summary>
    public void Flush()
    {
        bool overflowed;
        lock (_gate)
        {
            overflowed = _overflowed;
            _overflowed = false;
            if (!overflowed && (!_writerWaits || (_controlCount == 0 && _blocks.Count == 0))) return;
            _writerWaits = false;
        }
        if (overflowed) Close(); // its writer is stuck in a send, its reader perhaps in a receive
        else _wake();
    }

    /// <summary>Ends the connection once the small messages that wait have been sent; blocks are not.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            _finishing = true;
            _blocks.Clear();
            if (!_writerWaits) return; // the writer comes back by itself
            _writerWaits = false;
        }
        _wake();
    }

    /// <summary>Ends the connection; what is still queued is not sent.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _blocks.Clear();
        }
        _abort();
        _wake();
    }

    /// <summary>The session is over and nobody sends any more: gives back what small messages waited in.</summary>
    public void Discard()
    {
        lock (_gate)
        {
            slabs.Return(_control);
            (_control, _controlCount) = (default, 0);
        }
    }

    /// <summary>
    /// Writer only: takes the waiting small messages, in a buffer that is to go back to the slabs (empty if there are none), and
    /// moves waiting blocks into <paramref name="blocks"/>, never empty. False if there is nothing, or the outbox is closed: then
    /// the next <see cref="Flush"/> wakes the writer.
    /// </summary>
    public bool TryTake(Span<BlockRef> blocks, out Memory<byte> control, out int controlLength, out int blockCount)
    {
        controlLength = blockCount = 0;
        control = default;
        lock (_gate)
        {
            _closed |= _finishing && _controlCount == 0; // the writer finds nothing more to send and ends the connection
            _writerWaits = _closed || (_controlCount == 0 && _blocks.Count == 0);
            if (_writerWaits) return false;
            (control, _control) = (_control, default);
            (controlLength, _controlCount) = (_controlCount, 0);
            while (blockCount < blocks.Length && _blocks.TryDequeue(out BlockRef block)) blocks[blockCount++] = block;
            return true;
        }
    }

    /// <summary>Room for <paramref name="bytes"/> more. Call under the lock.</summary>
    Span<byte> Reserve(int bytes)
    {
        int needed = _controlCount + bytes;
        if (needed > MaxControl)
        {
            // Its messages no longer matter, but the caller still needs somewhere to write them.
            _closed = _overflowed = true;
            _controlCount = 0;
            needed = bytes;
        }
        if (needed > _control.Length)
        {
            int length = Math.Max(needed, 2 * _controlCount);
            Memory<byte> larger = slabs.Rent(length, length);
            _control[.._controlCount].CopyTo(larger);
            slabs.Return(_control);
            _control = larger;
        }
        return _control.Span[_controlCount..];
    }
}
