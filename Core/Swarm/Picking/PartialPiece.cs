// A piece between MISSING and HAVE: who was asked for which block, what is being written, what is on disk.
// A block is in exactly one of FREE, ASKED (of 1 to 3 peers), WRITING, WRITTEN. Objects are reused, so a running download
// allocates none; a state and a sender per block, 9 bytes, and only for pieces in progress.
using System.Net;

namespace TinyTorrent.Swarm;

/// <summary>The blocks of a piece in progress.</summary>
sealed class PartialPiece(int maxBlocks)
{
    const byte Free = 0, MaxAsked = 0x0F, Writing = 0x10, Written = 0x20;

    // 0 free, 1..15 asked of so many, then the two last states.
    readonly byte[] _blocks = new byte[maxBlocks];

    // The address each received block came from; null if that is not known. Meaningless for other blocks.
    readonly IPEndPoint?[] _senders = new IPEndPoint?[maxBlocks];

    int _firstFree;

    public int Piece { get; private set; }

    public int BlockCount { get; private set; }

    public int FreeCount { get; private set; }

    public int WrittenCount { get; private set; }

    /// <summary>Blocks that are being written or are written.</summary>
    public int ReceivedCount { get; private set; }

    /// <summary>All on disk, to be hashed.</summary>
    public bool IsComplete => WrittenCount == BlockCount;

    /// <summary>The peer that is being asked for it, until all its blocks are asked for.</summary>
    public PeerPieces? Worker { get; set; }

    /// <summary>It has failed before: peers that had part in that are kept away from it.</summary>
    public bool IsRetry { get; set; }

    /// <summary>When <see cref="IsRetry"/> ends, and any peer may send blocks of it.</summary>
    public TimeSpan RetryUntil { get; set; }

    /// <summary>The one peer that is to send all of a retry; null if others may.</summary>
    public PeerPieces? Only { get; set; }

    /// <summary>Where each block came from. Only while <see cref="IsComplete"/>.</summary>
    public ReadOnlySpan<IPEndPoint?> Senders => _senders.AsSpan(0, BlockCount);

    /// <summary>The list of open pieces it stands in, and where.</summary>
    public List<PartialPiece>? List { get; set; }

    public int ListIndex { get; set; }

    public void Start(int piece, int blockCount)
    {
        Piece = piece;
        BlockCount = FreeCount = blockCount;
        WrittenCount = ReceivedCount = _firstFree = 0;
        _blocks.AsSpan(0, blockCount).Clear();
        Clear();
    }

    /// <summary>Names no peer any more.</summary>
    public void Clear()
    {
        Worker = Only = null;
        IsRetry = false;
    }

    /// <summary>Peers the block is asked of at this moment.</summary>
    public int AskedOf(int block) => _blocks[block] <= MaxAsked ? _blocks[block] : 0;

    public bool IsReceived(int block) => _blocks[block] > MaxAsked;

    public bool IsWritten(int block) => _blocks[block] == Written;

    /// <summary>Takes the first free block. Only while <see cref="FreeCount"/> is above 0.</summary>
    public int AskFirstFree()
    {
        int block = _firstFree + _blocks.AsSpan(_firstFree, BlockCount - _firstFree).IndexOf(Free);
        _firstFree = block + 1;
        Ask(block);
        return block;
    }

    /// <summary>One more peer is asked.</summary>
    public void Ask(int block)
    {
        if (_blocks[block]++ == Free) FreeCount--;
    }

    /// <summary>One peer fewer is asked.</summary>
    public void Unask(int block)
    {
        if (--_blocks[block] == Free) Release(block);
    }

    /// <summary>A block came in that was free or asked.</summary>
    public void Receive(int block, IPEndPoint? from)
    {
        if (_blocks[block] == Free) FreeCount--;
        _blocks[block] = Writing;
        ReceivedCount++;
        _senders[block] = from;
    }

    /// <summary>A received block is on disk.</summary>
    public void Write(int block)
    {
        if (_blocks[block] != Writing) throw new InvalidOperationException($"block {block} of piece {Piece} was not being written");
        _blocks[block] = Written;
        WrittenCount++;
    }

    /// <summary>A received block could not be written.</summary>
    public void Lose(int block)
    {
        if (_blocks[block] != Writing) throw new InvalidOperationException($"block {block} of piece {Piece} was not being written");
        _blocks[block] = Free;
        ReceivedCount--;
        Release(block);
    }

    /// <summary>Gives up the blocks on disk that came from this address. Returns how many.</summary>
    public int Discard(IPEndPoint sender)
    {
        int count = 0;
        for (int block = 0; block < BlockCount; block++)
        {
            if (_blocks[block] != Written || !sender.Equals(_senders[block])) continue;
            _blocks[block] = Free;
            Release(block);
            count++;
        }
        ReceivedCount -= count;
        WrittenCount -= count;
        return count;
    }

    /// <summary>A block was on disk when we started.</summary>
    public void Restore(int block)
    {
        if (_blocks[block] != Free) throw new InvalidOperationException($"block {block} of piece {Piece} is in use");
        _blocks[block] = Written;
        FreeCount--;
        ReceivedCount++;
        WrittenCount++;
        _senders[block] = null;
    }

    void Release(int block)
    {
        FreeCount++;
        _firstFree = Math.Min(_firstFree, block);
    }

    /// <summary>Throws if the counts are not those of the blocks.</summary>
    public void CheckInvariants()
    {
        ReadOnlySpan<byte> blocks = _blocks.AsSpan(0, BlockCount);
        int received = 0;
        foreach (byte b in blocks) if (b > MaxAsked) received++;
        if (FreeCount != blocks.Count(Free) || WrittenCount != blocks.Count(Written) || ReceivedCount != received)
            throw new InvalidOperationException($"piece {Piece} miscounts its blocks");
        if (blocks.IndexOf(Free) is >= 0 and int first && first < _firstFree)
            throw new InvalidOperationException($"piece {Piece} would overlook free block {first}");
    }
}
