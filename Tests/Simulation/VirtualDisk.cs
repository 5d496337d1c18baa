// A machine's disk with one torrent's content and its resume file. It may be slow, full or failing; what was not flushed
// may be lost, kept or torn when the machine crashes, block by block. Blocks that are as they should be take no memory.
using System.Security.Cryptography;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Simulation;

sealed class VirtualDisk(World world, Geometry geometry, byte[] truth) : IDisk
{
    static readonly byte[] s_true = [1];

    readonly int _perPiece = geometry.BlocksIn(0);
    readonly byte[]?[] _now = new byte[]?[geometry.PieceCount * geometry.BlocksIn(0)];
    readonly Dictionary<int, byte[]?> _synced = []; // what a block that is not flushed was before
    FileStamp _stamp = FileStamp.Absent, _syncedStamp = FileStamp.Absent;

    /// <summary>Probability that a call fails.</summary>
    public double Faults { get; set; }

    public bool IsFull { get; set; }

    /// <summary>A write met the full disk since the flag was last cleared.</summary>
    public bool WasFull { get; set; }

    /// <summary>Seconds a write takes.</summary>
    public double WriteSeconds { get; set; }

    /// <summary>What is to be hashed is told here.</summary>
    public Action<int> ToHash { get; set; } = static _ => { };

    /// <summary>The resume file's bytes; it is replaced as a whole, and durable when that has returned.</summary>
    public byte[]? Resume { get; private set; }

    public FileStamp Stamp => _stamp;

    public void Fill()
    {
        Array.Fill(_now, s_true);
        Touch();
        _syncedStamp = _stamp;
    }

    void Touch() => _stamp = new FileStamp(geometry.TotalLength, world.Now.Ticks);

    public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers)
    {
        WasFull |= IsFull;
        if (IsFull || (Faults > 0 && world.Chance(Faults))) return false;
        Touch();
        foreach (ReadOnlyMemory<byte> buffer in buffers)
        {
            int block = IndexOf(offset, out int begin);
            Assert.Equal(0, begin);
            _synced.TryAdd(block, _now[block]);
            bool isTrue = buffer.Span.SequenceEqual(truth.AsSpan((int)offset, buffer.Length));
            _now[block] = isTrue ? s_true : buffer.ToArray();
            offset += buffer.Length;
        }
        return true;
    }

    public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers)
    {
        if (Faults > 0 && world.Chance(Faults / 10)) return false;
        foreach (Memory<byte> buffer in buffers)
        {
            for (Memory<byte> rest = buffer; !rest.IsEmpty;)
            {
                int block = IndexOf(offset, out int begin), length = Math.Min(rest.Length, LengthOf(block) - begin);
                ReadOnlySpan<byte> bytes = truth.AsSpan((int)offset, length);
                if (_now[block] == null) rest.Span[..length].Clear();
                else (_now[block] == s_true ? bytes : _now[block].AsSpan(begin, length)).CopyTo(rest.Span);
                rest = rest[length..];
                offset += length;
            }
        }
        return true;
    }

    public void Verify(int piece) => ToHash(piece);

    public byte[]? HashBlocks(int piece)
    {
        var hashes = new byte[geometry.BlocksIn(piece) * SHA1.HashSizeInBytes];
        for (int i = 0; i < geometry.BlocksIn(piece); i++)
        {
            BlockRef block = geometry.Block(piece, i);
            var bytes = new byte[block.Length];
            if (!Read(geometry.OffsetOf(piece) + block.Begin, [bytes])) return null;
            SHA1.HashData(bytes, hashes.AsSpan(i * SHA1.HashSizeInBytes));
        }
        return hashes;
    }

    /// <summary>What a hash would say.</summary>
    public bool IsTrue(int piece)
    {
        for (int block = 0; block < geometry.BlocksIn(piece); block++)
            if (_now[piece * _perPiece + block] != s_true) return false;
        return true;
    }

    public bool Flush()
    {
        if (Faults > 0 && world.Chance(Faults)) return false;
        _synced.Clear();
        _syncedStamp = _stamp;
        return true;
    }

    public bool Save(ReadOnlyMemory<byte> resume)
    {
        if (IsFull || (Faults > 0 && world.Chance(Faults))) return false;
        Resume = resume.ToArray();
        return true;
    }

    /// <summary>The power fails.</summary>
    public void Crash()
    {
        foreach ((int block, byte[]? before) in _synced)
        {
            int fate = world.Random.Next(3);
            if (fate == 0) _now[block] = before;
            if (fate == 1) _now[block] = new byte[LengthOf(block)]; // its length was written, its bytes were not
        }
        _synced.Clear();
        if (world.Chance(0.5)) _stamp = _syncedStamp;
    }

    int IndexOf(long offset, out int begin)
    {
        int piece = (int)(offset / geometry.PieceLength), inPiece = (int)(offset % geometry.PieceLength);
        begin = inPiece % Geometry.BlockLength;
        return piece * _perPiece + inPiece / Geometry.BlockLength;
    }

    int LengthOf(int block) => geometry.Block(block / _perPiece, block % _perPiece).Length;
}
