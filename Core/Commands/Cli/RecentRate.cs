// The rate of the last five seconds, for people: it is nothing once nothing has come for so long. Not for decisions, which use
// RateMeter.
namespace TinyTorrent.Commands;

/// <summary>Not thread-safe; <c>now</c> is any clock that never goes back.</summary>
sealed class RecentRate
{
    static readonly TimeSpan s_window = TimeSpan.FromSeconds(5);

    readonly List<(TimeSpan At, long Total)> _samples = [];

    /// <summary>Bytes per second.</summary>
    /// <param name="total">All bytes so far. May shrink, when what came turns out to be of no use.</param>
    public double Update(TimeSpan now, long total)
    {
        // The first sample is the youngest one that is as old as the window.
        while (_samples.Count > 1 && now - _samples[1].At >= s_window) _samples.RemoveAt(0);
        _samples.Add((now, total));
        (TimeSpan since, long before) = _samples[0];
        return now > since ? Math.Max(0, (total - before) / (now - since).TotalSeconds) : 0;
    }
}
