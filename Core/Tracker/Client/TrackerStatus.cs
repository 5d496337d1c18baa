namespace TinyTorrent.Tracker;

enum TrackerState : byte
{
    /// <summary>Not asked so far; the trackers before it are enough.</summary>
    Idle,

    /// <summary>A request is under way.</summary>
    Asking,

    /// <summary>The last request was answered.</summary>
    Working,

    Failed,
}

/// <summary>One tracker as people and JSON see it. Texts are the tracker's own: show them through Display.Safe.</summary>
/// <param name="Url">Passkeys and passwords taken out.</param>
/// <param name="Tier">0 is asked first.</param>
/// <param name="Failure">Of the last request that ended; also while the next one is under way.</param>
/// <param name="Reason">Why it failed, or the tracker's warning, or empty.</param>
/// <param name="NextAnnounce">Time from the last Tick; null if none is planned.</param>
sealed record TrackerStatus(
    string Url, int Tier, TrackerState State, TrackerFailure Failure, string Reason,
    int? Seeders, int? Leechers, int? Peers, TimeSpan? NextAnnounce);
