// A tier (BEP 12): trackers that stand in for one another, so one of them knows us at a time. They are shuffled once. Every
// announce walks them from the top and stops at the first that answers, which moves to the front; a dead one costs nothing
// while another works. A tracker that is silent for AskNextAfter is not waited for: the next is asked too.
// Only TrackerClient touches it, under its lock.
namespace TinyTorrent.Tracker;

/// <param name="trackers">In the order they are asked.</param>
sealed class TrackerTier(List<TrackerEntry> trackers)
{
    /// <summary>The first try of a UDP request ends here (BEP 15); HTTP answers far sooner if at all.</summary>
    static readonly TimeSpan AskNextAfter = TimeSpan.FromSeconds(15);

    /// <summary>A peer without peers may ask again before the interval is over, but not sooner than this unless "min interval" says so.</summary>
    static readonly TimeSpan UsualMinInterval = TimeSpan.FromMinutes(5);

    static readonly TimeSpan UsualInterval = TimeSpan.FromMinutes(30), LongestInterval = TimeSpan.FromDays(1);

    TimeSpan _dueAt, _earliestAt;
    TrackerEntry? _holder; // the tracker whose intervals these two follow

    /// <summary>In the order they are asked.</summary>
    public IReadOnlyList<TrackerEntry> Trackers => trackers;

    /// <summary>The tracker to be asked at this time, or null.</summary>
    public TrackerEntry? Due(TimeSpan now, bool wantsPeers)
    {
        if (now < _dueAt && !(wantsPeers && now >= _earliestAt)) return null;
        foreach (TrackerEntry tracker in trackers)
        {
            if (tracker.Pending is not null && now - tracker.SentAt < AskNextAfter) return null;
            if (tracker.MayBeAsked(now)) return tracker;
        }
        return null;
    }

    public void OnSuccess(TrackerEntry tracker, TrackerReply reply, TimeSpan now)
    {
        trackers.Remove(tracker);
        trackers.Insert(0, tracker);

        // A late answer, or a "completed" to a tracker we have left, does not change whose interval is kept.
        if (now < _dueAt && tracker != _holder) return;
        _holder = tracker;
        TimeSpan interval = reply.Interval ?? UsualInterval;
        if (reply.MinInterval > interval) interval = reply.MinInterval.Value;
        _dueAt = now + Sensible(interval);
        _earliestAt = now + Sensible(reply.MinInterval ?? UsualMinInterval);
    }

    /// <summary>How long until the tracker is to be asked; null if another stands in for it.</summary>
    public TimeSpan? Until(TrackerEntry tracker, TimeSpan now)
    {
        TimeSpan due = tracker.NotBefore > _dueAt ? tracker.NotBefore : _dueAt;
        bool planned = tracker.Pending is null && due != TimeSpan.MaxValue && (tracker == _holder || tracker.Failure != TrackerFailure.None);
        return !planned ? null : due > now ? due - now : TimeSpan.Zero;
    }

    static TimeSpan Sensible(TimeSpan interval) => TimeSpan.FromTicks(Math.Clamp(interval.Ticks, TrackerEntry.ShortestInterval.Ticks, LongestInterval.Ticks));
}
