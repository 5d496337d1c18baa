// What is kept of pieces whose hash was wrong: a hash of each block and the address it came from. Once the piece is right, a
// block that hashes differently proves its sender guilty, whatever became of the connection it came on. A right block proves
// nothing against anybody, and blocks that were on disk when we started have no sender.
// Kept are the latest failures, of at most 64 pieces and 32,768 blocks (the longest piece there is): 28 bytes a block, 0.9 MB.
using System.Net;
using TinyTorrent.Hashing;

namespace TinyTorrent.Swarm;

/// <summary>Evidence that waits for a right piece to be compared with. Not thread-safe.</summary>
sealed class FailedPieces
{
    const int MaxFailures = 64, MaxBlocks = 32_768;

    /// <param name="Hashes">SHA-1 of each block, one after the other.</param>
    /// <param name="Senders">Of each block; null if that is not known.</param>
    /// <param name="From">Each sender once.</param>
    readonly record struct Failure(int Piece, byte[] Hashes, IPEndPoint?[] Senders, HashSet<IPEndPoint> From);

    readonly List<Failure> _failures = []; // the oldest first
    int _blocks;

    public int Count => _failures.Count;

    /// <summary>The piece of a failure. A piece that failed twice has two.</summary>
    public int this[int index] => _failures[index].Piece;

    public bool Contains(int piece)
    {
        foreach (Failure failure in _failures)
            if (failure.Piece == piece) return true;
        return false;
    }

    /// <summary>True if a block of the piece came from this address when it failed.</summary>
    public bool HadPart(int piece, IPEndPoint? sender)
    {
        if (sender == null) return false;
        foreach (Failure failure in _failures)
            if (failure.Piece == piece && failure.From.Contains(sender)) return true;
        return false;
    }

    public void Add(int piece, byte[] hashes, IPEndPoint?[] senders)
    {
        _failures.Add(new Failure(piece, hashes, senders, [.. senders.OfType<IPEndPoint>()]));
        _blocks += senders.Length;
        while (_failures.Count > MaxFailures || (_blocks > MaxBlocks && _failures.Count > 1)) RemoveAt(0);
    }

    /// <summary>The piece is right: adds the address of each wrong block that was sent of it, once, and forgets its failures.</summary>
    public void Compare(int piece, ReadOnlySpan<byte> right, List<IPEndPoint> guilty)
    {
        for (int i = _failures.Count - 1; i >= 0; i--)
        {
            Failure failure = _failures[i];
            if (failure.Piece != piece) continue;
            for (int block = 0; block < failure.Senders.Length; block++)
            {
                if (failure.Senders[block] is not { } sender || guilty.Contains(sender)) continue;
                Range hash = (block * Sha1.Size)..((block + 1) * Sha1.Size);
                if (!right[hash].SequenceEqual(failure.Hashes.AsSpan(hash))) guilty.Add(sender);
            }
            RemoveAt(i);
        }
    }

    void RemoveAt(int index)
    {
        _blocks -= _failures[index].Senders.Length;
        _failures.RemoveAt(index);
    }
}
