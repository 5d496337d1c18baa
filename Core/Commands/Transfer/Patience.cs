// When a download that does not advance is given up. Traffic alone counts for nothing: a peer that sends what nobody asked for,
// or damaged pieces, would keep a script waiting for ever. Pure: the caller says what time it is and how the download stands.
using TinyTorrent.Swarm;

namespace TinyTorrent.Commands;

/// <summary>Where the next byte may come from.</summary>
enum Hope : byte
{
    /// <summary>From nobody: every tracker has refused and every peer is banned, or there never was one.</summary>
    None,

    /// <summary>All that are known have failed, and are tried again.</summary>
    Retries,

    /// <summary>A peer is connected or about to be, and no tracker tells of others.</summary>
    Peers,

    /// <summary>A tracker answers, or has yet to fail.</summary>
    Tracker,
}

/// <param name="timeout">The user's limit; null for limits by how much hope there is.</param>
/// <param name="start">The time of the download's start.</param>
sealed class Patience(TimeSpan? timeout, TimeSpan start)
{
    /// <summary>A seed or tracker that is being restarted is back within this time, and a tracker that failed has been asked three
    /// times. People and scripts get the same: a script that starts its peers in any order works by hand too.</summary>
    public static readonly TimeSpan ForRetries = TimeSpan.FromSeconds(20);

    /// <summary>A peer chokes others for minutes at most, so one that gives nothing for this long never will.</summary>
    public static readonly TimeSpan ForPeers = TimeSpan.FromMinutes(5);

    TimeSpan _advanced = start;
    long _mostUseful, _leastLeft = long.MaxValue;

    /// <summary>Notes how far the download is.</summary>
    public void OnProgress(TimeSpan now, in TorrentStats stats)
    {
        long useful = stats.Downloaded - stats.Wasted;
        if (useful > _mostUseful || stats.Left < _leastLeft) _advanced = now;
        _mostUseful = Math.Max(_mostUseful, useful);
        _leastLeft = Math.Min(_leastLeft, stats.Left);
    }

    /// <summary>How long the download has not advanced.</summary>
    public TimeSpan Idle(TimeSpan now) => now - _advanced;

    public bool IsOver(TimeSpan now, Hope hope) => Idle(now) > (timeout ?? hope switch
    {
        Hope.None => TimeSpan.MinValue,
        Hope.Retries => ForRetries,
        Hope.Peers => ForPeers,
        _ => TimeSpan.MaxValue,
    });
}
