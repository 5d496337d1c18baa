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
    readonly BlockQueue _blocks = new();
    Memory<byte> _control;
    int _controlCount;
    Action _wake = static () => { };
    Action _abort = static () => { };
    bool _writerWaits;
    bool _finishing;
    bool _closed;
    bool _overflowed;

    /// <summary>Ties the outbox to its connection. Neither action may block, call back or enter the system: the callers hold locks.</summary>
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
        lock (_gate) PeerMessage.Write(Append(5), id);
    }

    public void Send(MessageId id, int piece)
    {
        lock (_gate) PeerMessage.Write(Append(9), id, piece);
    }

    public void SendHaves(ReadOnlySpan<int> pieces)
    {
        lock (_gate)
        {
            foreach (int piece in pieces) PeerMessage.Write(Append(9), MessageId.Have, piece);
        }
    }

    public void Send(MessageId id, in BlockRef block)
    {
        lock (_gate) PeerMessage.Write(Append(17), id, block);
    }

    public void Send(MessageId id, ReadOnlySpan<byte> payload)
    {
        lock (_gate) PeerMessage.Write(Append(5 + payload.Length), id, payload);
    }

    public void SendKeepAlive()
    {
        lock (_gate) Append(PeerMessage.PrefixLength).Clear();
    }

    public void SendHandshake(in Handshake handshake)
    {
        lock (_gate) handshake.Write(Append(Handshake.Size));
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
        lock (_gate) return _blocks.Cancel(block);
    }

    /// <summary>Takes back the waiting blocks, as a choke does; with the fast extension each is answered by a reject.</summary>
    /// <param name="except">Pieces whose blocks stay: the peer may have them although choked (BEP 6).</param>
    public void DropBlocks(bool reject, ReadOnlySpan<int> except)
    {
        lock (_gate)
        {
            for (int i = _blocks.Count; i > 0 && _blocks.TryDequeue(out BlockRef block); i--)
            {
                if (except.Contains(block.Piece)) _blocks.Enqueue(block);
                else if (reject) PeerMessage.Write(Append(17), MessageId.RejectRequest, block);
            }
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

    /// <summary>The next <paramref name="bytes"/> of what is to be sent, for the caller to write. Call under the lock.</summary>
    Span<byte> Append(int bytes)
    {
        if (_controlCount + bytes > MaxControl)
        {
            // Its messages no longer matter, but the caller still needs somewhere to write them.
            _closed = _overflowed = true;
            _controlCount = 0;
        }
        int end = _controlCount + bytes;
        if (end > _control.Length)
        {
            int length = Math.Max(end, 2 * _controlCount);
            Memory<byte> larger = slabs.Rent(length, length);
            _control[.._controlCount].CopyTo(larger);
            slabs.Return(_control);
            _control = larger;
        }
        Span<byte> appended = _control.Span[_controlCount..end];
        _controlCount = end;
        return appended;
    }
}
