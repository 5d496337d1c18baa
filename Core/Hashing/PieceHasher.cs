// SHA-1 of many pieces side by side. Each lane reads its piece 128 KiB at a time into a buffer of its own and takes the
// next piece when it is through, so the memory needed does not depend on the pieces' length.
// Nothing is allocated after the constructor. One thread at a time.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Hashing;

/// <summary>Where pieces are read from.</summary>
interface IPieceReader
{
    /// <summary>Fills <paramref name="into"/> with what lies at <paramref name="offset"/>; false if that cannot be read.</summary>
    bool TryRead(long offset, Span<byte> into);
}

/// <param name="Offset">Where the piece starts in the content.</param>
readonly record struct PieceToHash(IPieceReader Content, long Offset, int Length);

/// <param name="width">Lanes used: one of <see cref="SideBySide.Widths"/>.</param>
sealed unsafe class PieceHasher(int width)
{
    /// <summary>Bytes read at a time; whole blocks.</summary>
    public const int ReadLength = 128 * 1024;

    const int StateRoom = 64;

    // Room for the padding, and not a power of two: blocks a multiple of 4 KiB apart compete for the same few places of
    // the processor's cache, and all lanes read theirs at the same time.
    const int LaneRoom = StateRoom + ReadLength + 192;

    readonly Lane[] _lanes = new Lane[SideBySide.StreamsFor(width)];
    readonly byte[] _room = GC.AllocateUninitializedArray<byte>(SideBySide.StreamsFor(width) * LaneRoom + BlockHash.BlockSize, pinned: true);

    public PieceHasher() : this(SideBySide.Width) { }

    /// <summary>Reads and hashes the pieces, in any number.</summary>
    /// <param name="digests">Receives 20 bytes for each piece.</param>
    /// <param name="wasRead">Receives false for a piece that could not be read; it has no digest.</param>
    public void Hash(ReadOnlySpan<PieceToHash> pieces, Span<byte> digests, Span<bool> wasRead)
    {
        var first = (byte*)(((nint)Unsafe.AsPointer(ref _room[0]) + BlockHash.BlockSize - 1) & -BlockHash.BlockSize);
        for (int i = 0; i < _lanes.Length; i++) _lanes[i] = new Lane(first + i * LaneRoom);

        uint** states = stackalloc uint*[_lanes.Length];
        byte** streams = stackalloc byte*[_lanes.Length];
        int next = 0;
        while (true)
        {
            int active = 0;
            int blocks = int.MaxValue;
            foreach (ref Lane lane in _lanes.AsSpan())
            {
                while (lane.Blocks == 0)
                {
                    if (lane.IsIdle)
                    {
                        if (next == pieces.Length) break;
                        lane.Start(next, pieces[next]);
                        next++;
                    }
                    if (!lane.TryRefill(pieces[lane.Piece])) wasRead[lane.Piece] = false;
                }
                if (lane.Blocks == 0) continue;
                states[active] = lane.State;
                streams[active++] = lane.At;
                blocks = Math.Min(blocks, lane.Blocks);
            }
            if (active == 0) return;

            SideBySide.Compress<Sha1>(states, streams, active, blocks, width);
            foreach (ref Lane lane in _lanes.AsSpan())
            {
                if (lane.Blocks == 0 || !lane.Advance(blocks)) continue;
                BlockHash.WriteDigest(new ReadOnlySpan<uint>(lane.State, Sha1.Size / sizeof(uint)), digests[(lane.Piece * Sha1.Size)..]);
                wasRead[lane.Piece] = true;
            }
        }
    }

    /// <summary>One piece on its way through the hash.</summary>
    struct Lane(byte* room)
    {
        int _length, _done; // bytes of the piece: all, and those read

        public readonly uint* State => (uint*)room;

        /// <summary>Index of the piece; meaningless if the lane is idle.</summary>
        public int Piece { get; private set; }

        public bool IsIdle { get; private set; } = true;

        /// <summary>The next block.</summary>
        public byte* At { get; private set; }

        /// <summary>Whole blocks that wait at <see cref="At"/>.</summary>
        public int Blocks { get; private set; }

        public void Start(int index, in PieceToHash piece)
        {
            (Piece, _length, _done, IsIdle) = (index, piece.Length, 0, false);
            Sha1.InitialState.CopyTo(new Span<uint>(State, Sha1.InitialState.Length));
        }

        /// <summary>Reads on, and pads behind the last byte. False if the piece cannot be read: the lane is idle then.</summary>
        public bool TryRefill(in PieceToHash piece)
        {
            At = room + StateRoom;
            var buffer = new Span<byte>(At, LaneRoom - StateRoom);
            int count = Math.Min(ReadLength, _length - _done);
            if (!piece.Content.TryRead(piece.Offset + _done, buffer[..count]))
            {
                IsIdle = true;
                return false;
            }
            _done += count;
            if (_done == _length) count += BlockHash.Pad(buffer[count..], _length);
            Blocks = count / BlockHash.BlockSize;
            return true;
        }

        /// <summary>Leaves hashed blocks behind. True if the piece is through: its digest is the state, and the lane is idle.</summary>
        public bool Advance(int blocks)
        {
            At += blocks * BlockHash.BlockSize;
            Blocks -= blocks;
            IsIdle = Blocks == 0 && _done == _length;
            return IsIdle;
        }
    }
}
