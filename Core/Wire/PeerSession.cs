// One peer connection as a state machine (BEP 3): bytes in, events out, and back. No socket, clock or thread: a driver
// owns those and runs the loops (Net/SyncDriver.cs, Net/AsyncDriver.cs).
//   reader: ReceiveBuffer -> receive -> Received -> StoreBlocks -> ReceiveBuffer ...
//   writer: Take -> TakeOutput -> send -> Sent -> TakeOutput ... until all that was taken has gone
// The payload of a block is never copied: it goes to disk from the buffer it was received into. Splitting the stream
// anywhere never changes the events.
using System.Buffers;
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>The reader's methods are for one thread at a time, the writer's for another.</summary>
/// <param name="slabs">Whose sizes follow what others have borrowed; null: <see cref="Slabs.Shared"/>.</param>
sealed class PeerSession(Admission admit, Slabs? slabs = null)
{
    /// <summary>So many blocks with their headers fill the largest slab and leave room for small messages.</summary>
    public const int MaxBlocksPerSend = 15;

    /// <summary>Bytes of the smallest buffer that keeps a part of a frame.</summary>
    const int SmallestKept = 1024;

    const int BlockStride = PeerMessage.PieceHeaderLength + Geometry.BlockLength;

    readonly Slabs _slabs = slabs ?? Slabs.Shared;
    readonly List<ReceivedBlock> _blocks = [];
    IPeerEvents? _events;
    Memory<byte> _buffer;
    int _start, _end;
    int _bufferSize = Slabs.Smallest;
    int _partialFrame; // length of the frame that has begun at _start, 0 if not known
    int _toSkip; // bytes still to come of a frame that nobody reads
    int _lastCount; // bytes of the last receive

    Memory<byte> _control; // small messages that were taken
    int _controlLength;
    readonly BlockRef[] _taken = new BlockRef[MaxBlocksPerSend];
    int _takenStart, _takenEnd; // what is left of them
    Memory<byte> _output;
    int _sendingBlockBytes;

    public Outbox Outbox { get; } = new(slabs ?? Slabs.Shared);

    /// <summary>True once the peer's handshake was accepted.</summary>
    public bool IsEstablished => _events is not null;

    /// <summary>Where the driver puts the next received bytes. Never empty. Blocks must have been stored before.</summary>
    public Memory<byte> ReceiveBuffer
    {
        get
        {
            int kept = _end - _start;
            // A peer that sends little at a time fills what is left of its small buffer first: bytes are moved only when as many have come.
            if (_lastCount < kept && kept < _buffer.Length)
            {
                if (_start > 0) MoveWithin();
                return _buffer[_end..];
            }
            // A long frame gets its room as it comes: a length prefix alone commits nothing.
            int needed = Math.Max(Slabs.Smallest, Math.Min(_partialFrame, 2 * kept)), wished = Math.Max(_bufferSize, needed);
            if (_buffer.Length < wished || _buffer.Length >= 2 * wished)
            {
                MoveTo(_slabs.Rent(wished, needed));
                _bufferSize = Math.Min(_bufferSize, _buffer.Length);
            }
            else if (_start > 0)
            {
                MoveWithin();
            }
            return _buffer[_end..];
        }
    }

    /// <summary>Gives the receive buffer back until more is there: a frame that has begun is kept in a small one with some room.
    /// Blocks must have been stored before.</summary>
    public void ReleaseReceiveBuffer()
    {
        int kept = _end - _start, small = Math.Max(Math.Max(kept, SmallestKept), Math.Min(kept + kept / 2, _partialFrame));
        if (kept == 0) ReturnReceiveBuffer();
        else if (small <= _buffer.Length / 4 * 3) MoveTo(_slabs.Rent(small, small));
    }

    void MoveTo(Memory<byte> buffer)
    {
        int kept = _end - _start;
        _buffer[_start.._end].CopyTo(buffer);
        ReturnReceiveBuffer();
        (_buffer, _end) = (buffer, kept);
    }

    void MoveWithin()
    {
        _buffer[_start.._end].CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
    }

    /// <summary>Handles <paramref name="count"/> new bytes in <see cref="ReceiveBuffer"/>. False: drop the peer.</summary>
    public bool Received(int count, TimeSpan now)
    {
        if (count == 0) return false; // the peer closed its side
        _end += count;
        _lastCount = count;
        if (_end == _buffer.Length) _bufferSize = Math.Min(2 * _buffer.Length, Slabs.Largest);
        else if (count < _buffer.Length / 4) _bufferSize = Math.Max(_buffer.Length / 2, Slabs.Smallest);

        if (_events is null)
        {
            OperationStatus status = Handshake.TryRead(_buffer.Span[_start.._end], out Handshake handshake);
            if (status != OperationStatus.Done) return status == OperationStatus.NeedMoreData;
            _start += Handshake.Size;
            _events = admit(this, handshake);
            if (_events is null) return false;
        }
        bool alive = ReadFrames(_events, now) && _events.OnReceived(now);
        Outbox.Flush();
        return alive && !Outbox.IsClosed;
    }

    bool ReadFrames(IPeerEvents events, TimeSpan now)
    {
        ReadOnlySpan<byte> received = _buffer.Span[.._end];
        while (true)
        {
            SkipWhatHasCome();
            ReadOnlySpan<byte> input = received[_start..];
            OperationStatus status = PeerMessage.TryReadFrameLength(input, events.PieceCount, out int frame);
            if (status == OperationStatus.InvalidData) return false;
            if (status == OperationStatus.Done && frame > PeerMessage.PrefixLength && IsSkipped(input))
            {
                _toSkip = frame;
                continue;
            }
            if (status == OperationStatus.NeedMoreData || input.Length < frame)
            {
                _partialFrame = frame;
                return true;
            }

            PeerMessage message = PeerMessage.Read(input[..frame]);
            if (message.Id != MessageId.Piece)
            {
                if (!events.OnMessage(message, now)) return false;
            }
            else
            {
                if (!events.OnBlock(message.Block, now, out bool keep)) return false;
                if (keep) _blocks.Add(new ReceivedBlock(message.Block, _buffer.Slice(_start + PeerMessage.PieceHeaderLength, message.Length)));
            }
            _start += frame;
        }
    }

    static bool IsSkipped(ReadOnlySpan<byte> frame) =>
        PeerMessage.IsSkipped((MessageId)frame[PeerMessage.PrefixLength], frame[(PeerMessage.PrefixLength + 1)..]);

    void SkipWhatHasCome()
    {
        int skipped = Math.Min(_toSkip, _end - _start);
        _start += skipped;
        _toSkip -= skipped;
    }

    /// <summary>True if blocks wait in the receive buffer: call <see cref="StoreBlocks"/> before receiving on.</summary>
    public bool HasBlocks => _blocks.Count > 0;

    /// <summary>Writes the waiting blocks to disk. May take as long as the disk does.</summary>
    public void StoreBlocks()
    {
        _events!.StoreBlocks(_blocks);
        _blocks.Clear();
    }

    /// <summary>Takes what waits in the outbox as the next to be sent, without reading it from disk yet: so many bytes, 0 if nothing
    /// waits (the outbox then wakes the writer). Only when all that was taken before has gone.</summary>
    /// <param name="maxBlocks">No more blocks than this, for rate limits.</param>
    public int Take(int maxBlocks = MaxBlocksPerSend)
    {
        _takenStart = _takenEnd = 0;
        if (!Outbox.TryTake(_taken.AsSpan(0, Math.Min(maxBlocks, MaxBlocksPerSend)), out _control, out _controlLength, out _takenEnd)) return 0;
        int length = _controlLength;
        foreach (BlockRef block in _taken.AsSpan(0, _takenEnd)) length += PeerMessage.PieceHeaderLength + block.Length;
        return length;
    }

    /// <summary>Blocks that were taken and not yet read from disk.</summary>
    public int TakenBlocks => _takenEnd - _takenStart;

    /// <summary>The next bytes of what was taken, as many as there is a buffer for; empty if there are none, or the connection is
    /// to end. May read from disk.</summary>
    public ReadOnlyMemory<byte> TakeOutput()
    {
        int length = _controlLength;
        _sendingBlockBytes = 0;
        if (length + TakenBlocks == 0) return default;

        int needed = length + (TakenBlocks > 0 ? BlockStride : 0);
        _output = _slabs.Rent(length + TakenBlocks * BlockStride, needed);
        _control[..length].CopyTo(_output);
        ReturnControl();
        int count = Math.Min(TakenBlocks, (_output.Length - length) / BlockStride);
        if (!TryFillBlocks(_taken.AsSpan(_takenStart, count), _output[length..], out int blockLength))
        {
            Outbox.Close();
            ReturnOutput();
            return default;
        }
        _takenStart += count;
        return _output[..(length + blockLength)];
    }

    bool TryFillBlocks(ReadOnlySpan<BlockRef> blocks, Memory<byte> output, out int length)
    {
        length = 0;
        // Full blocks lie a fixed stride apart, so that a run of them is one vectored read; a short one ends the run.
        for (int from = 0; from < blocks.Length;)
        {
            int to = from + 1;
            while (to < blocks.Length && blocks[to - 1].Length == Geometry.BlockLength) to++;
            ReadOnlySpan<BlockRef> run = blocks[from..to];
            if (!_events!.ReadBlocks(run, output[(length + PeerMessage.PieceHeaderLength)..], BlockStride)) return false;
            foreach (ref readonly BlockRef block in run)
            {
                PeerMessage.WritePieceHeader(output.Span[length..], block);
                length += PeerMessage.PieceHeaderLength + block.Length;
                _sendingBlockBytes += block.Length;
            }
            from = to;
        }
        return true;
    }

    /// <summary>The last output has gone, all <paramref name="bytes"/> of it; its buffer is given back.</summary>
    public void Sent(int bytes, TimeSpan now)
    {
        ReturnOutput();
        _events?.OnSent(bytes, _sendingBlockBytes, now);
    }

    /// <summary>Both loops have ended. Blocks that were never stored are lost with the connection.</summary>
    public void Closed(TimeSpan now)
    {
        Outbox.Close();
        _blocks.Clear();
        ReturnReceiveBuffer();
        ReturnOutput();
        ReturnControl();
        _events?.OnClosed(now);
        Outbox.Discard();
    }

    void ReturnControl()
    {
        _slabs.Return(_control);
        (_control, _controlLength) = (default, 0);
    }

    void ReturnOutput()
    {
        _slabs.Return(_output);
        _output = default;
    }

    void ReturnReceiveBuffer()
    {
        _slabs.Return(_buffer);
        _buffer = default;
        _start = _end = 0;
    }
}
