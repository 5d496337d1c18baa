// SHA-1 of all pieces of some content, with every core: for `create`, `verify` and the check at the start.
// Threads claim groups of neighbouring pieces, as many as a PieceHasher takes side by side, until none is left. Memory is
// the threads' buffers, a few MiB each at most, whatever the pieces' length.
using System.Runtime.ExceptionServices;
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

/// <summary>Told of each piece, in no particular order, from the hashing threads but one at a time.</summary>
/// <param name="digest">20 bytes; empty if the piece could not be read.</param>
delegate void PieceHashed(int piece, ReadOnlySpan<byte> digest);

sealed class ContentHasher : IPieceReader
{
    // 32 MiB of buffers. More threads than that would wait for memory, not compute.
    const int MostStreams = 256;

    const int ProgressInterval = 250; // milliseconds

    readonly PieceStore _store;
    readonly Geometry _geometry;
    readonly int[]? _pieces;
    readonly PieceHashed _onPiece;
    readonly CancellationTokenSource _stop;
    readonly int _group;
    readonly Lock _gate = new();
    int _next;
    long _bytesDone;
    DiskResult _fault;
    ExceptionDispatchInfo? _exception;

    ContentHasher(PieceStore store, Geometry geometry, int[]? pieces, PieceHashed onPiece, CancellationTokenSource stop, int group) =>
        (_store, _geometry, _pieces, _onPiece, _stop, _group) = (store, geometry, pieces, onPiece, stop, group);

    /// <summary>Hashes the pieces; returns when all are through.</summary>
    /// <param name="pieces">Which; null for all.</param>
    /// <param name="onProgress">Told the bytes done about four times a second, on the caller's thread.</param>
    /// <returns>The gravest fault: one that is not just <see cref="DiskFault.Missing"/> if there was any.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the pieces told so far are right.</exception>
    public static DiskResult Hash(
        PieceStore store, Geometry geometry, int[]? pieces, PieceHashed onPiece, Action<long>? onProgress = null, CancellationToken cancellation = default)
    {
        int count = pieces?.Length ?? geometry.PieceCount;
        (int threads, int group) = Divide(count, Environment.ProcessorCount, SideBySide.StreamsFor(SideBySide.Width));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var hasher = new ContentHasher(store, geometry, pieces, onPiece, stop, group);
        hasher.RunThreads(threads, onProgress);
        cancellation.ThrowIfCancellationRequested();
        return hasher._fault;
    }

    /// <summary>
    /// How many threads share the work, and how many pieces one claims at a time: at most as many as hash side by side, and fewer when
    /// that keeps every thread busy to the end. Four pieces on two threads are two and two, not four and none.
    /// </summary>
    public static (int Threads, int Group) Divide(int pieces, int cores, int streams)
    {
        int threads = Math.Clamp(Math.Min(cores, MostStreams / streams), 1, Math.Max(1, pieces));
        int rounds = Math.Max(1, (int)Math.Ceiling(pieces / ((double)threads * streams)));
        return (threads, (int)Math.Ceiling(pieces / ((double)threads * rounds)));
    }

    void RunThreads(int count, Action<long>? onProgress)
    {
        var threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            threads[i] = new Thread(Work, 256 * 1024) { Name = $"hash-{i}", IsBackground = true };
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            while (!thread.Join(ProgressInterval)) onProgress?.Invoke(Interlocked.Read(ref _bytesDone));
        _exception?.Throw();
        onProgress?.Invoke(_bytesDone);
    }

    void Work()
    {
        try
        {
            var hasher = new PieceHasher();
            var claimed = new PieceToHash[_group];
            byte[] digests = new byte[_group * Sha1.Size];
            bool[] wasRead = new bool[_group];
            int total = _pieces?.Length ?? _geometry.PieceCount;
            for (int first; (first = Interlocked.Add(ref _next, _group) - _group) < total;)
            {
                int count = Math.Min(_group, total - first);
                for (int i = 0; i < count; i++)
                    claimed[i] = new PieceToHash(this, _geometry.OffsetOf(PieceAt(first + i)), _geometry.LengthOf(PieceAt(first + i)));
                hasher.Hash(claimed.AsSpan(0, count), digests, wasRead);
                if (_stop.IsCancellationRequested) return; // what was not read by now did not fail
                lock (_gate)
                {
                    for (int i = 0; i < count; i++)
                        _onPiece(PieceAt(first + i), wasRead[i] ? digests.AsSpan(i * Sha1.Size, Sha1.Size) : default);
                }
            }
        }
        catch (Exception e) // whatever it was belongs to the caller, not to this thread
        {
            Interlocked.CompareExchange(ref _exception, ExceptionDispatchInfo.Capture(e), null);
            _stop.Cancel();
        }
    }

    int PieceAt(int index) => _pieces is null ? index : _pieces[index];

    bool IPieceReader.TryRead(long offset, Span<byte> into)
    {
        if (_stop.IsCancellationRequested) return false;
        DiskResult read = _store.Read(offset, into);
        // A piece that fails is done, too: progress is to reach the end.
        long done = read.IsOk ? into.Length : _geometry.LengthOf((int)(offset / _geometry.PieceLength)) - offset % _geometry.PieceLength;
        Interlocked.Add(ref _bytesDone, done);
        if (!read.IsOk) Note(read);
        return read.IsOk;
    }

    void Note(in DiskResult fault)
    {
        lock (_gate)
        {
            if (_fault.IsOk || (_fault.Fault == DiskFault.Missing && fault.Fault != DiskFault.Missing)) _fault = fault;
        }
    }
}
