// One tracker of a torrent: what it has been told, what it owes us, and when it may be asked again.
// Only TrackerClient and its tier touch it, under the client's lock.
namespace TinyTorrent.Tracker;

sealed class TrackerEntry(TrackerUrl? url, string display, int tier)
{
    /// <summary>A tracker that names less is asked no more often than this.</summary>
    public static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(30);

    static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5), LongestRetry = TimeSpan.FromHours(1);

    TrackerReply? _lastGood;
    int _failures;

    /// <summary>Null if the text of the .torrent cannot be used; such a tracker has failed from the start.</summary>
    public TrackerUrl? Url { get; } = url;

    public int Tier { get; } = tier;

    /// <summary>The request under way, or null.</summary>
    public TrackerRequest? Pending { get; private set; }

    public TimeSpan SentAt { get; private set; }

    /// <summary>After failures: not to be asked before.</summary>
    public TimeSpan NotBefore { get; private set; }

    public bool MayBeAsked(TimeSpan now) => Pending is null && NotBefore <= now;

    /// <summary>A "started" was answered, so the tracker lists us and has to hear of the end.</summary>
    public bool StartedTold { get; private set; }

    /// <summary>"completed" or "paused", if it has yet to hear that we have what we want.</summary>
    public AnnounceEvent? OwedNews { get; private set; }

    /// <summary>We leave, and it has to hear of it.</summary>
    public bool OwesStopped { get; set; }

    public TrackerFailure Failure { get; private set; }

    public string Reason { get; private set; } = "";

    /// <summary>It may list us: a "started" was answered, or is on its way.</summary>
    public bool MayListUs => StartedTold || Pending?.Announce.Event == AnnounceEvent.Started;

    public void OnUnusable(string why)
    {
        Failure = TrackerFailure.Unreachable;
        Reason = why;
        NotBefore = TimeSpan.MaxValue;
    }

    /// <summary>We have what we want. A tracker that hears "started" after this learns it from what is left, and needs no news.</summary>
    public void OnFinished(AnnounceEvent news) => OwedNews = MayListUs ? news : null;

    public TrackerRequest Ask(AnnounceEvent happened, Announce announce, TimeSpan now)
    {
        if (happened == AnnounceEvent.Started) OwedNews = null;
        Pending = new TrackerRequest(Url!, announce with { Event = happened }) { TrackerId = _lastGood?.TrackerId };
        SentAt = now;
        return Pending;
    }

    /// <summary>The request waits for its turn in the transport: its time has not begun.</summary>
    public void OnQueued(TimeSpan now) => SentAt = now;

    /// <summary>What the next announce has to say.</summary>
    public AnnounceEvent NextEvent =>
        StartedTold ? OwedNews ?? AnnounceEvent.None : AnnounceEvent.Started;

    public void OnReply(TrackerReply reply, TimeSpan now, Random random)
    {
        AnnounceEvent told = Pending!.Announce.Event;
        Pending = null;
        Failure = reply.Failure;
        Reason = reply.Failure == TrackerFailure.None ? reply.Warning ?? "" : reply.Reason;
        if (reply.Failure != TrackerFailure.None)
        {
            TimeSpan wait = RetryAfter(++_failures, random);
            // A refusal is an answer: what the tracker said about its answers holds after it too. UDP has no way to say more.
            TimeSpan? named = reply.RetryIn ?? (reply.Failure == TrackerFailure.Refused ? _lastGood?.MinInterval ?? _lastGood?.Interval : null);
            if (named is { } asked && (asked > wait || asked >= ShortestInterval)) wait = asked;
            NotBefore = wait == TimeSpan.MaxValue ? wait : now + wait;
            return;
        }
        _failures = 0;
        NotBefore = default;
        _lastGood = reply;
        if (told == AnnounceEvent.Started) StartedTold = true;
        if (told == OwedNews) OwedNews = null;
    }

    /// <summary>The request goes on, but it counts as failed from here: nothing came for so long.</summary>
    public void OnSilent(string why)
    {
        Failure = TrackerFailure.Unreachable;
        Reason = why;
    }

    public TrackerStatus Status(TimeSpan? next) => new(
        display, Tier,
        Pending is not null ? TrackerState.Asking : Failure != TrackerFailure.None ? TrackerState.Failed : _lastGood is null ? TrackerState.Idle : TrackerState.Working,
        Failure, Reason, _lastGood?.Seeders, _lastGood?.Leechers, _lastGood?.Peers.Count, next);

    /// <summary>Doubles from 5 s to an hour, a quarter more or less so that a swarm does not come back all at once.</summary>
    static TimeSpan RetryAfter(int failures, Random random)
    {
        TimeSpan plain = FirstRetry * Math.Pow(2, Math.Min(failures, 20) - 1);
        return (plain < LongestRetry ? plain : LongestRetry) * (0.75 + random.NextDouble() / 2);
    }
}
