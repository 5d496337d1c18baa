// Announces one torrent to its trackers (BEP 3, BEP 12): which tracker, which event, when.
// Tiers are shuffled once. Every announce walks them from the top and stops at the first tracker that answers, which moves
// to the front of its tier; so one tracker knows us at a time, and a dead one costs nothing while another works.
// A tracker that is silent for AskNextAfter is not waited for: the next is asked too. Silent for SilentAfter, it counts as
// failed, though its request goes on (BEP 15 repeats for two hours) and a late answer is welcome.
// A monitor: any thread may call; time moves only in Tick. The events port is called outside the lock.
using System.Net;

namespace TinyTorrent.Tracker;

/// <summary>Bytes of payload since the start, and bytes still missing.</summary>
readonly record struct AnnounceTotals(long Uploaded, long Downloaded, long Left);

/// <summary>What a torrent hears from its trackers. Called from the transport's threads.</summary>
interface ITrackerEvents
{
    void OnPeers(IReadOnlyList<IPEndPoint> peers);

    /// <summary>A tracker answered or failed.</summary>
    void OnTracker(TrackerStatus status);
}

sealed class TrackerClient : ITrackerCaller
{
    /// <summary>The first try of a UDP request ends here (BEP 15); HTTP answers far sooner if at all.</summary>
    static readonly TimeSpan AskNextAfter = TimeSpan.FromSeconds(15);

    /// <summary>The first two tries of a UDP request: 15 s + 30 s.</summary>
    static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(45);

    /// <summary>Who has no peer may ask again before the interval is over, but not sooner than this unless "min interval" says so.</summary>
    static readonly TimeSpan UsualMinInterval = TimeSpan.FromMinutes(5);

    static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(30), UsualInterval = TimeSpan.FromMinutes(30), LongestInterval = TimeSpan.FromDays(1);

    readonly Announce _self;
    readonly List<TrackerEntry> _order = []; // tier by tier, in the order they are asked
    readonly ITrackerTransport _transport;
    readonly ITrackerEvents _events;
    readonly Random _random;
    readonly Lock _lock = new();

    TimeSpan _now;
    TimeSpan _dueAt, _earliestAt;
    TrackerEntry? _holder; // the tracker whose intervals these two follow
    bool _wantsPeers;
    AnnounceTotals _totals;
    bool _stopping;

    /// <param name="self">Info-hash, peer id, port, key and numwant; the rest of it is filled in per announce.</param>
    /// <param name="tiers">URLs as the .torrent has them; useless ones are shown as failed, repeated ones are dropped.</param>
    public TrackerClient(
        Announce self, IReadOnlyList<IReadOnlyList<string>> tiers, ITrackerTransport transport, ITrackerEvents events, Random random)
    {
        (_self, _transport, _events, _random) = (self, transport, events, random);
        var seen = new HashSet<string>();
        for (int tier = 0; tier < tiers.Count; tier++)
        {
            string[] urls = [.. tiers[tier]];
            random.Shuffle(urls);
            foreach (string url in urls)
                if (seen.Add(url)) _order.Add(Enter(url, tier));
        }
    }

    /// <summary>True if no tracker is left to hope for at this time: each has failed, or there is none. Retries go on.</summary>
    public bool AllFailed
    {
        get { lock (_lock) return _order.TrueForAll(t => t.Failure != TrackerFailure.None); }
    }

    /// <summary>The failure that says most among the trackers, and its reason; None if <see cref="AllFailed"/> is false.</summary>
    public (TrackerFailure Failure, string Reason) WorstFailure
    {
        get
        {
            lock (_lock)
            {
                if (!AllFailed || _order.Count == 0) return (TrackerFailure.None, "");
                TrackerEntry worst = _order.MaxBy(t => t.Failure)!;
                return (worst.Failure, worst.Reason);
            }
        }
    }

    /// <summary>True once every tracker has answered its "stopped" or failed to.</summary>
    public bool IsStopped
    {
        get { lock (_lock) return _stopping && _order.TrueForAll(t => !t.OwesStopped && t.Pending?.Announce.Event != AnnounceEvent.Stopped); }
    }

    /// <summary>In the order they are asked.</summary>
    public IReadOnlyList<TrackerStatus> Status()
    {
        lock (_lock) return _order.ConvertAll(StatusOf);
    }

    /// <summary>Call about once a second, and once at the start.</summary>
    /// <param name="now">Any clock that never goes back.</param>
    /// <param name="wantsPeers">There is nobody to download from: do not wait for the interval if the tracker lets us.</param>
    public void Tick(TimeSpan now, AnnounceTotals totals, bool wantsPeers = false)
    {
        List<TrackerStatus>? silent = null;
        lock (_lock)
        {
            (_now, _totals, _wantsPeers) = (now, totals, wantsPeers);
            if (_stopping) return;
            foreach (TrackerEntry tracker in _order)
            {
                if (tracker.Pending is null || tracker.Failure != TrackerFailure.None || now - tracker.SentAt < SilentAfter) continue;
                tracker.OnSilent($"no answer in {SilentAfter.TotalSeconds} s");
                (silent ??= []).Add(StatusOf(tracker));
            }
            Advance();
        }
        silent?.ForEach(_events.OnTracker);
    }

    /// <summary>The last piece has just been verified. Trackers that know us are told once; later ones learn it from "left".</summary>
    public void OnCompleted()
    {
        lock (_lock)
        {
            _totals = _totals with { Left = 0 };
            _order.ForEach(t => t.OnCompleted());
            Advance();
        }
    }

    /// <summary>
    /// Tells each tracker that may list us that we leave; nothing else is sent after this. One that has an answer under way
    /// is told after it: two requests on different connections may be heard in either order, and the other would list us again.
    /// </summary>
    public void Stop(AnnounceTotals totals)
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
            _totals = totals;
            foreach (TrackerEntry tracker in _order)
            {
                tracker.OwesStopped = tracker.MayListUs;
                if (tracker.Pending is null) TellStopped(tracker);
            }
        }
    }

    /// <summary>After <see cref="Stop"/>: no answer is waited for any longer.</summary>
    public void StopAtOnce()
    {
        lock (_lock) _order.ForEach(TellStopped);
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
            TrackerEntry? tracker = _order.Find(t => t.Pending == request);
            if (tracker is null) return; // overtaken by "stopped"
            tracker.OnReply(reply, _now, _random);
            if (reply.Failure == TrackerFailure.None) OnSuccess(tracker, reply);
            tracker.OwesStopped &= tracker.MayListUs; // a "started" that failed leaves nothing to take back
            TellStopped(tracker);
            Advance();
            status = StatusOf(tracker);
        }
        if (reply.Peers.Count > 0 && request.Announce.Event != AnnounceEvent.Stopped) _events.OnPeers(reply.Peers);
        _events.OnTracker(status);
    }

    void OnSuccess(TrackerEntry tracker, TrackerReply reply)
    {
        _order.Remove(tracker);
        _order.Insert(_order.FindIndex(t => t.Tier >= tracker.Tier) is var at and >= 0 ? at : _order.Count, tracker);

        // A late answer, or a "completed" to a tracker we have left, does not change whose interval is kept.
        if (_now < _dueAt && tracker != _holder) return;
        _holder = tracker;
        TimeSpan interval = reply.Interval ?? UsualInterval;
        if (reply.MinInterval > interval) interval = reply.MinInterval.Value;
        _dueAt = _now + Sensible(interval);
        _earliestAt = _now + Sensible(reply.MinInterval ?? UsualMinInterval);
    }

    static TimeSpan Sensible(TimeSpan interval) => TimeSpan.FromTicks(Math.Clamp(interval.Ticks, ShortestInterval.Ticks, LongestInterval.Ticks));

    bool IsDue => _now >= _dueAt || (_wantsPeers && _now >= _earliestAt);

    /// <summary>Sends whatever may be sent at this time.</summary>
    void Advance()
    {
        if (_stopping) return;
        foreach (TrackerEntry tracker in _order)
            if (tracker.OwesCompleted && tracker.StartedTold && MayAsk(tracker)) Ask(tracker, AnnounceEvent.Completed);
        if (!IsDue) return;
        foreach (TrackerEntry tracker in _order)
        {
            if (tracker.Pending is not null && _now - tracker.SentAt < AskNextAfter) return;
            if (!MayAsk(tracker)) continue;
            Ask(tracker, tracker.NextEvent);
            return;
        }
    }

    bool MayAsk(TrackerEntry tracker) => tracker.Pending is null && tracker.NotBefore <= _now;

    void Ask(TrackerEntry tracker, AnnounceEvent happened)
    {
        Announce announce = _self with { Uploaded = _totals.Uploaded, Downloaded = _totals.Downloaded, Left = _totals.Left };
        if (happened == AnnounceEvent.Stopped) announce = announce with { NumWant = 0 };
        _transport.Send(tracker.Ask(happened, announce, _now), this);
    }

    static TrackerEntry Enter(string text, int tier)
    {
        if (TrackerUrl.TryParse(text, out TrackerUrl? url, out string? problem)) return new TrackerEntry(url, url.Display, tier);
        var unusable = new TrackerEntry(null, TrackerUrl.DisplayOf(text), tier);
        unusable.OnUnusable(problem);
        return unusable;
    }

    TrackerStatus StatusOf(TrackerEntry tracker)
    {
        TimeSpan due = tracker.NotBefore > _dueAt ? tracker.NotBefore : _dueAt;
        bool planned = !_stopping && tracker.Pending is null && due != TimeSpan.MaxValue && (tracker == _holder || tracker.Failure != TrackerFailure.None);
        return tracker.Status(planned ? due > _now ? due - _now : TimeSpan.Zero : null);
    }
}
