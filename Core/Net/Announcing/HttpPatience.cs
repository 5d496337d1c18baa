// How long an HTTP server is waited for: it may not be silent for long, and what it sends has to come at a least speed on the
// whole. A large answer over a slow line is waited for, a server that trickles is not.
using System.Diagnostics;

namespace TinyTorrent.Net;

/// <summary>For one exchange after the other.</summary>
/// <param name="cancellation">Ends the waiting at once.</param>
sealed class HttpPatience(CancellationToken cancellation) : IDisposable
{
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a second.</summary>
    const int MinRate = 8 * 1024;

    readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    readonly Stopwatch _clock = new();

    /// <summary>Cancelled when it is over.</summary>
    public CancellationToken End => _end.Token;

    /// <summary>A request is sent.</summary>
    /// <param name="bytes">Of its body.</param>
    public void OnRequest(long bytes)
    {
        _clock.Restart();
        _end.CancelAfter(Silence + TimeFor(bytes));
    }

    /// <summary>Some of the answer's body has come.</summary>
    /// <param name="bytes">All of it so far.</param>
    public void OnReceived(long bytes)
    {
        TimeSpan left = Silence + TimeFor(bytes) - _clock.Elapsed;
        _end.CancelAfter(left > Silence ? Silence : left < TimeSpan.Zero ? TimeSpan.Zero : left);
    }

    /// <summary>Nothing is waited for until the next request.</summary>
    public void Pause() => _end.CancelAfter(Timeout.InfiniteTimeSpan);

    static TimeSpan TimeFor(long bytes) => TimeSpan.FromSeconds((double)bytes / MinRate);

    public void Dispose() => _end.Dispose();
}
