// Announces one torrent to its trackers (BEP 3, BEP 12): which tracker, which event, when.
// One tracker of every tier knows us at a time. BEP 12 asks for the first tier that works and no further; then two peers that
// found different trackers down would never meet, so every tier is told, as most clients do.
// A tracker that is silent for SilentAfter counts as failed, though its request goes on (BEP 15 repeats for two hours) and a
// late answer is welcome.
// A monitor: any thread may call; time moves only in Tick. Events are told outside the lock. Only
// Totals is read under it, so that each announce tells the totals of its own moment.
using System.Net;

namespace TinyTorrent.Tracker;

/// <summary>Bytes of payload since the start, and how much of the content is missing.</summary>
/// <param name="Left">Bytes missing of the whole content, wanted or not.</param>
/// <param name="WantsNothing">Everything wanted is there. With something left that is a partial seed (BEP 21).</param>
readonly record struct AnnounceTotals(long Uploaded, long Downloaded, long Left, bool WantsNothing)
{
    public bool IsPartialSeed => WantsNothing && Left > 0;
}

/// <summary>The torrent, as its trackers need it. What they report is told from the transport's threads.</summary>
interface ITrackerEvents
{
    /// <summary>As they are. Called under the client's lock, so whatever lock it takes comes after that one.</summary>
    AnnounceTotals Totals { get; }

    void OnPeers(IReadOnlyList<IPEndPoint> peers);

    /// <summary>A tracker answered or failed.</summary>
    void OnTracker(TrackerStatus status);
}

sealed class TrackerClient : ITrackerCaller
{
    /// <summary>The first two tries of a UDP request: 15 s + 30 s.</summary>
    static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(45);

    readonly Announce _self;
    readonly TrackerTier[] _tiers;
    readonly ITrackerTransport _transport;
    readonly ITrackerEvents _events;
    readonly Random _random;
    readonly Lock _lock = new();

    TimeSpan _now;
    bool _wantsPeers;
    bool _stopping;

    /// <param name="self">Info-hash, peer id, port, key and numwant; the rest of it is filled in per announce.</param>
    /// <param name="tiers">URLs as the .torrent has them; useless ones are shown as failed, repeated ones are dropped.</param>
    /// <param name="typed">URLs of the user, each a tier of its own before the others.</param>
    public TrackerClient(
        Announce self, IReadOnlyList<IReadOnlyList<string>> tiers, ITrackerTransport transport, ITrackerEvents events, Random random,
        IReadOnlyList<string>? typed = null)
    {
        (_self, _transport, _events, _random) = (self, transport, events, random);
        typed ??= [];
        var seen = new HashSet<string>();
        _tiers =
        [
            .. typed.Select((url, number) => new TrackerTier(seen.Add(url) ? [Enter(url, number, typed: true)] : [])),
            .. tiers.Select((urls, number) =>
            {
                string[] order = [.. urls];
                random.Shuffle(order);
                return new TrackerTier([.. order.Where(seen.Add).Select(url => Enter(url, typed.Count + number, typed: false))]);
            }),
        ];
    }

    IEnumerable<TrackerEntry> All => _tiers.SelectMany(tier => tier.Trackers);

    /// <summary>True if no tracker is left to hope for at this time: each has failed, or there is none. Retries go on.</summary>
    public bool AllFailed
    {
        get { lock (_lock) return All.All(t => t.Failure != TrackerFailure.None); }
    }

    /// <summary>A tracker has not said no, and is asked again in time.</summary>
    public bool MayRecover
    {
        get { lock (_lock) return All.Any(t => t.Failure != TrackerFailure.Refused && t.NotBefore != TimeSpan.MaxValue); }
    }

    /// <summary>The failure that says most among the trackers, and its reason; None if <see cref="AllFailed"/> is false.</summary>
    public (TrackerFailure Failure, string Reason) WorstFailure
    {
        get
        {
            lock (_lock)
            {
                return AllFailed && All.MaxBy(t => t.Failure) is { } worst ? (worst.Failure, worst.Reason) : (TrackerFailure.None, "");
            }
        }
    }

    /// <summary>True once every tracker has answered its "stopped" or failed to.</summary>
    public bool IsStopped
    {
        get { lock (_lock) return _stopping && All.All(t => !t.OwesStopped && t.Pending?.Announce.Event != AnnounceEvent.Stopped); }
    }

    /// <summary>In the order they are asked.</summary>
    public IReadOnlyList<TrackerStatus> Status()
    {
        lock (_lock) return [.. _tiers.SelectMany(tier => tier.Trackers.Select(tracker => StatusOf(tier, tracker)))];
    }

    /// <summary>Call about once a second, and once at the start.</summary>
    /// <param name="now">Any clock that never goes back.</param>
    /// <param name="wantsPeers">There is nobody to download from: do not wait for the interval if the tracker lets us.</param>
    public void Tick(TimeSpan now, bool wantsPeers = false)
    {
        List<TrackerStatus>? silent = null;
        lock (_lock)
        {
            (_now, _wantsPeers) = (now, wantsPeers);
            if (_stopping) return;
            foreach (TrackerTier tier in _tiers)
            foreach (TrackerEntry tracker in tier.Trackers)
            {
                if (tracker.Pending is { IsQueued: true }) tracker.OnQueued(now);
                if (tracker.Pending is null || tracker.Failure != TrackerFailure.None || now - tracker.SentAt < SilentAfter) continue;
                tracker.OnSilent($"no answer in {SilentAfter.TotalSeconds} s");
                (silent ??= []).Add(StatusOf(tier, tracker));
            }
            Advance();
        }
        silent?.ForEach(_events.OnTracker);
    }

    /// <summary>The last wanted piece has just been verified. Trackers that know us are told once: "completed" if that is the whole
    /// content, else "paused" (BEP 21). Trackers that hear of us later learn it from "left".</summary>
    public void OnFinished()
    {
        lock (_lock)
        {
            AnnounceEvent news = _events.Totals.Left == 0 ? AnnounceEvent.Completed : AnnounceEvent.Paused;
            foreach (TrackerEntry tracker in All) tracker.OnFinished(news);
            Advance();
        }
    }

    /// <summary>
    /// Tells each tracker that may list us that we leave; nothing else is sent after this. One that has an answer under way
    /// is told after it: two requests on different connections may be heard in either order, and the other would list us again.
    /// </summary>
    public void Stop()
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
            foreach (TrackerEntry tracker in All)
            {
                tracker.OwesStopped = tracker.MayListUs;
                if (tracker.Pending is null) TellStopped(tracker);
            }
        }
    }

    /// <summary>After <see cref="Stop"/>: no answer is waited for any longer.</summary>
    public void StopAtOnce()
    {
        lock (_lock)
        {
            foreach (TrackerEntry tracker in All) TellStopped(tracker);
        }
    }

    void TellStopped(TrackerEntry tracker)
    {
        if (!tracker.OwesStopped) return;
        tracker.OwesStopped = false;
        Ask(tracker, AnnounceEvent.Stopped);
    }

    public void OnReply(TrackerRequest request, TrackerReply reply)
    {
        TrackerStatus status;
        lock (_lock)
        {
            if (Find(request) is not var (tier, tracker)) return; // overtaken by "stopped"
            tracker.OnReply(reply, _now, _random);
            if (reply.Failure == TrackerFailure.None) tier.OnSuccess(tracker, reply, _now);
            tracker.OwesStopped &= tracker.MayListUs; // a "started" that failed leaves nothing to take back
            TellStopped(tracker);
            Advance();
            status = StatusOf(tier, tracker);
        }
        if (reply.Peers.Count > 0 && request.Announce.Event != AnnounceEvent.Stopped) _events.OnPeers(reply.Peers);
        _events.OnTracker(status);
    }

    (TrackerTier, TrackerEntry)? Find(TrackerRequest request)
    {
        foreach (TrackerTier tier in _tiers)
            foreach (TrackerEntry tracker in tier.Trackers)
                if (tracker.Pending == request) return (tier, tracker);
        return null;
    }

    /// <summary>Sends whatever may be sent at this time.</summary>
    void Advance()
    {
        if (_stopping) return;
        foreach (TrackerTier tier in _tiers)
        {
            foreach (TrackerEntry tracker in tier.Trackers)
                if (tracker.OwedNews is { } news && tracker.StartedTold && tracker.MayBeAsked(_now)) Ask(tracker, news);
            if (tier.Due(_now, _wantsPeers) is { } due) Ask(due, due.NextEvent);
        }
    }

    void Ask(TrackerEntry tracker, AnnounceEvent happened)
    {
        AnnounceTotals totals = _events.Totals;
        Announce announce = _self with { Uploaded = totals.Uploaded, Downloaded = totals.Downloaded, Left = totals.Left };
        if (happened == AnnounceEvent.None && totals.IsPartialSeed) happened = AnnounceEvent.Paused; // in every announce (BEP 21)
        if (happened == AnnounceEvent.Stopped) announce = announce with { NumWant = 0 };
        _transport.Send(tracker.Ask(happened, announce, _now), this);
    }

    static TrackerEntry Enter(string text, int tier, bool typed)
    {
        if (TrackerUrl.TryParse(text, out TrackerUrl? url, out string? problem, typed)) return new TrackerEntry(url, url.Display, tier);
        var unusable = new TrackerEntry(null, TrackerUrl.DisplayOf(text), tier);
        unusable.OnUnusable(problem);
        return unusable;
    }

    TrackerStatus StatusOf(TrackerTier tier, TrackerEntry tracker) => tracker.Status(_stopping ? null : tier.Until(tracker, _now));
}
