using System.Diagnostics;

namespace TinyTorrent.Net;

/// <summary>Time since the engine started; never goes back. The one place where the pure rooms' <c>now</c> comes from.</summary>
sealed class Clock
{
    readonly long _start = Stopwatch.GetTimestamp();

    public TimeSpan Now => Stopwatch.GetElapsedTime(_start);
}
