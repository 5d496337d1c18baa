// Reads a torrent's content in order while it is downloaded. What is read next, and some of what follows, is wanted before all
// else; where the reader jumps to, the hurry goes. Of several readers the one that waited last has it: the others are what a
// player left behind when its user jumped, until its server notices that they are gone.
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Browse;

/// <summary>One for a torrent. Any thread.</summary>
/// <param name="stopped">The download has been ended.</param>
sealed class Playback(ActiveTorrent torrent, CancellationToken stopped)
{
    const int BufferSize = 256 * 1024;

    /// <summary>Seconds of most films; enough for every peer to have a part in it.</summary>
    const int AheadBytes = 8 * 1024 * 1024;

    /// <summary>How often a reader that waits looks whether the disk has failed.</summary>
    static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();
    (int First, int Count) _urgent;
    int _readers;

    /// <summary>Passes on what is verified, and waits for what is not.</summary>
    /// <param name="offset">In the content.</param>
    /// <param name="cancellation">The reader is gone, be it while it waits for a piece.</param>
    /// <exception cref="IOException">The reader is gone, or the disk failed.</exception>
    public async Task CopyAsync(long offset, long length, Stream output, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stopped);
        cancellation = end.Token;
        lock (_gate) _readers++;
        try
        {
            await ReadOnAsync(offset, length, output, cancellation).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                // A swarm in which everybody reads in order soon lacks what comes last: only who plays does so.
                if (--_readers == 0) Urge(0, 0);
            }
        }
    }

    async Task ReadOnAsync(long offset, long length, Stream output, CancellationToken cancellation)
    {
        byte[] buffer = new byte[Math.Min(BufferSize, length)];
        Geometry geometry = torrent.Metainfo.Geometry;
        for (long end = offset + length; offset < end;)
        {
            int piece = (int)(offset / geometry.PieceLength);
            if (!torrent.Torrent.Has(piece)) await WaitAsync(piece, cancellation).ConfigureAwait(false);
            int count = (int)Math.Min(Math.Min(buffer.Length, end - offset), geometry.OffsetOf(piece) + geometry.LengthOf(piece) - offset);
            DiskResult read = torrent.Read(offset, buffer.AsSpan(0, count));
            if (!read.IsOk) throw new IOException($"reading failed: {read.Fault}");
            await output.WriteAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
            offset += count;
        }
    }

    async Task WaitAsync(int piece, CancellationToken cancellation)
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        torrent.PieceVerified += OnVerified;
        try
        {
            Hurry(piece);
            // It may have come between the caller's look and the subscription.
            while (!arrived.Task.IsCompleted && !torrent.Torrent.Has(piece))
            {
                if (!torrent.Fault.IsOk) throw new IOException($"the download has failed: {torrent.Fault}"); // no piece comes any more
                await Task.WhenAny(arrived.Task, Task.Delay(s_look, cancellation)).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            torrent.PieceVerified -= OnVerified;
        }

        void OnVerified(int verified)
        {
            if (verified == piece) arrived.TrySetResult();
        }
    }

    void Hurry(int piece)
    {
        Geometry geometry = torrent.Metainfo.Geometry;
        lock (_gate) Urge(piece, Math.Min(1 + AheadBytes / geometry.PieceLength, geometry.PieceCount - piece));
    }

    void Urge(int piece, int count)
    {
        torrent.Torrent.SetUrgent(_urgent.First, _urgent.Count, false);
        _urgent = (piece, count);
        if (count > 0) torrent.Torrent.SetUrgent(piece, count, true);
    }
}
