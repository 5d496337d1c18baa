// What came of a load test. Not thread-safe: each lane has its own, added up at the end.
using System.Diagnostics;
using System.Numerics;

using TinyTorrent.Net;
namespace TinyTorrent.Commands;

sealed class LoadResults
{
    /// <summary>Steps in each doubling of a latency: its figures are true to a thirtieth.</summary>
    const int Steps = 32, StepBits = 5;

    readonly long[] _latencies = new long[64 * Steps];

    /// <summary>Announces answered as they should be.</summary>
    public long Replies { get; private set; }

    /// <summary>Answers that say no: an error, a failure reason, a status other than 200.</summary>
    public long Errors { get; private set; }

    /// <summary>Answers that break the protocol.</summary>
    public long Bad { get; private set; }

    /// <summary>Announces without an answer.</summary>
    public long Lost { get; private set; }

    /// <summary>Peers in all replies.</summary>
    public long Peers { get; private set; }

    /// <summary>What the first error said, or the first bad answer was; null if there was none.</summary>
    public string? FirstFault { get; private set; }

    /// <summary>From the first announce to the last answer.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <param name="sent">A timestamp of <see cref="Stopwatch"/>.</param>
    public void OnReply(int peers, long sent)
    {
        Replies++;
        Peers += peers;
        long nanoseconds = Math.Max(Steps, (long)Stopwatch.GetElapsedTime(sent).TotalNanoseconds);
        int doubling = BitOperations.Log2((ulong)nanoseconds);
        _latencies[doubling * Steps + (int)(nanoseconds >> (doubling - StepBits) & (Steps - 1))]++;
    }

    public void OnError(string text)
    {
        Errors++;
        FirstFault ??= text;
    }

    public void OnBad(string what)
    {
        Bad++;
        FirstFault ??= what;
    }

    public void OnLost() => Lost++;

    /// <summary>The latency that so large a part of the replies stayed under.</summary>
    /// <param name="part">0 to 1.</param>
    public TimeSpan Latency(double part)
    {
        long left = (long)(Replies * part);
        for (int i = 0; i < _latencies.Length; i++)
        {
            left -= _latencies[i];
            if (left < 0) return TimeSpan.FromMicroseconds(Math.ScaleB(Steps + i % Steps, i / Steps - StepBits) / 1000);
        }
        return TimeSpan.Zero;
    }

    public void Add(LoadResults other)
    {
        Replies += other.Replies;
        Errors += other.Errors;
        Bad += other.Bad;
        Lost += other.Lost;
        Peers += other.Peers;
        FirstFault ??= other.FirstFault;
        for (int i = 0; i < _latencies.Length; i++) _latencies[i] += other._latencies[i];
    }
}
