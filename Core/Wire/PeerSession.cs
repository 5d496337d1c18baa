// One peer connection as a state machine (BEP 3): bytes in, events out, and back. No socket, clock or thread: a driver
// owns those and runs the loops (Net/SyncDriver.cs, Net/AsyncDriver.cs).
//   reader: ReceiveBuffer -> receive -> Received -> StoreBlocks -> ReceiveBuffer ...
//   writer: TakeOutput -> send -> Sent -> TakeOutput ...
// The payload of a block is never copied: it goes to disk from the buffer it was received into. Splitting the stream
// anywhere never changes the events.
using System.Buffers;
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>The reader's methods are for one thread at a time, the writer's for another.</summary>
sealed class PeerSession(Admission admit)
{
    /// <summary>Bytes. The smallest holds a block with its header; the largest is what one receive takes from a fast peer.</summary>
    const int MinBuffer = 32 * 1024, MaxBuffer = 256 * 1024;

    /// <summary>So many blocks with their headers fill a buffer of 256 KiB and leave room for small messages.</summary>
    public const int MaxBlocksPerSend = 15;

    const int BlockStride = PeerMessage.PieceHeaderLength + Geometry.BlockLength;

    readonly List<ReceivedBlock> _blocks = [];
    IPeerEvents? _events;
    byte[] _buffer = [];
    int _start, _end;
    int _bufferSize = MinBuffer;
    int _partialFrame; // length of the frame that has begun at _start, 0 if not known

    readonly ArrayBufferWriter<byte> _control = new(256);
    readonly BlockRef[] _sending = new BlockRef[MaxBlocksPerSend];
    byte[] _output = [];
    int _sendingBlockBytes;

    public Outbox Outbox { get; } = new();

    /// <summary>True once the peer's handshake was accepted.</summary>
    public bool IsEstablished => _events is not null;

    /// <summary>Where the driver puts the next received bytes. Never empty. Blocks must have been stored before.</summary>
    public Memory<byte> ReceiveBuffer
    {
        get
        {
            int kept = _end - _start;
            int size = Math.Max(_bufferSize, _partialFrame);
            if (_buffer.Length < size)
            {
                byte[] larger = ArrayPool<byte>.Shared.Rent(size);
                _buffer.AsSpan(_start, kept).CopyTo(larger);
                ReturnReceiveBuffer();
                _buffer = larger;
            }
            else if (_start > 0)
            {
                _buffer.AsSpan(_start, kept).CopyTo(_buffer);
            }
            (_start, _end) = (0, kept);
            return _buffer.AsMemory(kept);
        }
    }

    /// <summary>Gives an empty buffer back while nothing is expected, so that idle peers cost nothing. False if bytes wait in it.</summary>
    public bool TryReleaseReceiveBuffer()
    {
        if (_start != _end || _blocks.Count > 0) return false;
        ReturnReceiveBuffer();
        (_start, _end) = (0, 0);
        _bufferSize = MinBuffer;
        return true;
    }

    /// <summary>Handles <paramref name="count"/> new bytes in <see cref="ReceiveBuffer"/>. False: drop the peer.</summary>
    public bool Received(int count, TimeSpan now)
    {
        if (count == 0) return false; // the peer closed its side
        _end += count;
        if (_end == _buffer.Length) _bufferSize = Math.Min(2 * _bufferSize, MaxBuffer);

        if (_events is null)
        {
            OperationStatus status = Handshake.TryRead(_buffer.AsSpan(_start, _end - _start), out Handshake handshake);
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
        while (true)
        {
            ReadOnlySpan<byte> input = _buffer.AsSpan(_start, _end - _start);
            OperationStatus status = PeerMessage.TryReadFrameLength(input, events.PieceCount, out int frame);
            if (status == OperationStatus.InvalidData) return false;
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
                if (keep) _blocks.Add(new ReceivedBlock(message.Block, _buffer.AsMemory(_start + PeerMessage.PieceHeaderLength, message.Length)));
            }
            _start += frame;
        }
    }

    /// <summary>True if blocks wait in the receive buffer: call <see cref="StoreBlocks"/> before receiving on.</summary>
    public bool HasBlocks => _blocks.Count > 0;

    /// <summary>Writes the waiting blocks to disk. May take as long as the disk does.</summary>
    public void StoreBlocks()
    {
        _events!.StoreBlocks(_blocks);
        _blocks.Clear();
    }

    /// <summary>The next bytes to send; empty when nothing waits (the outbox then wakes the writer). May read from disk.</summary>
    /// <param name="maxBlocks">No more blocks than this, for rate limits.</param>
    public ReadOnlyMemory<byte> TakeOutput(int maxBlocks = MaxBlocksPerSend)
    {
        _control.ResetWrittenCount();
        Span<BlockRef> blocks = _sending.AsSpan(0, Math.Min(maxBlocks, MaxBlocksPerSend));
        if (!Outbox.TryTake(_control, blocks, out int blockCount)) return default;

        ReadOnlySpan<byte> control = _control.WrittenSpan;
        int length = control.Length;
        _output = ArrayPool<byte>.Shared.Rent(control.Length + blockCount * BlockStride);
        control.CopyTo(_output);
        _sendingBlockBytes = 0;
        if (blockCount > 0)
        {
            if (!TryFillBlocks(blocks[..blockCount], _output.AsMemory(length), out int blockLength))
            {
                Outbox.Close();
                ReturnOutput();
                return default;
            }
            length += blockLength;
        }
        return _output.AsMemory(0, length);
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
        _start = _end = 0;
        _events?.OnClosed(now);
    }

    void ReturnOutput()
    {
        if (_output.Length > 0) ArrayPool<byte>.Shared.Return(_output);
        _output = [];
    }

    void ReturnReceiveBuffer()
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }
}
