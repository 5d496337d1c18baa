// A piece between MISSING and HAVE: who was asked for which block, what is being written, what is on disk.
// A block is in exactly one of FREE, ASKED (of 1 to 3 peers), WRITING, WRITTEN. Objects are reused, so a running download
// allocates none; a byte per block, and only for pieces in this state.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>The blocks of a piece in progress.</summary>
sealed class PartialPiece(int maxBlocks)
{
    const byte Free = 0, MaxAsked = 0x0F, Writing = 0x10, Written = 0x20;

    // 0 free, 1..15 asked of so many, then the two last states.
    readonly byte[] _blocks = new byte[maxBlocks];

    int _firstFree;

    public int Piece { get; private set; }

    public int BlockCount { get; private set; }

    public int FreeCount { get; private set; }

    public int WrittenCount { get; private set; }

    /// <summary>Blocks that are being written or are written.</summary>
    public int ReceivedCount { get; private set; }

    /// <summary>All on disk, to be hashed.</summary>
    public bool IsComplete => WrittenCount == BlockCount;

    /// <summary>Blocks are being written, or all are and are being hashed: the piece cannot be given up.</summary>
    public bool IsBusy => ReceivedCount > WrittenCount || IsComplete;

    /// <summary>The peer that is being asked for it, until all its blocks are asked for.</summary>
    public PeerPieces? Worker { get; set; }

    /// <summary>The peer on trial that is to send all of it alone; null if anybody may.</summary>
    public PeerPieces? Only { get; set; }

    // Who sent blocks of it: mostly one peer a whole piece.
    PeerPieces? _contributor;
    List<PeerPieces>? _otherContributors;

    /// <summary>The one who sent all blocks of it so far; null if that is nobody, or more than one.</summary>
    public PeerPieces? OnlyContributor => _otherContributors is { Count: > 0 } ? null : _contributor;

    /// <summary>Blocks of it were there when we started: whoever adds to it cannot be proven guilty.</summary>
    public bool FromDisk { get; set; }

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
        FromDisk = false;
    }

    /// <summary>Names no peer any more.</summary>
    public void Clear()
    {
        Worker = Only = _contributor = null;
        _otherContributors?.Clear();
    }

    public void AddContributorsTo(List<PeerPieces> list)
    {
        if (_contributor != null) list.Add(_contributor);
        if (_otherContributors != null) list.AddRange(_otherContributors);
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
    public void Receive(int block, PeerPieces from)
    {
        if (_blocks[block] == Free) FreeCount--;
        _blocks[block] = Writing;
        ReceivedCount++;
        if (_contributor == from) return;
        if (_contributor == null) _contributor = from;
        else if (_otherContributors?.Contains(from) != true) (_otherContributors ??= []).Add(from);
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

    /// <summary>A block was on disk when we started.</summary>
    public void Restore(int block)
    {
        if (_blocks[block] != Free) throw new InvalidOperationException($"block {block} of piece {Piece} is in use");
        _blocks[block] = Written;
        FreeCount--;
        ReceivedCount++;
        WrittenCount++;
        FromDisk = true;
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
