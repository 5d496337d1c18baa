// The port between who wants to ask a tracker and what carries the question. TrackerClient, the commands and the tests'
// simulated trackers stand on either side of it.
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>One question to one tracker.</summary>
sealed class TrackerRequest(TrackerUrl tracker, Announce announce)
{
    volatile bool _isQueued;

    public TrackerUrl Tracker { get; } = tracker;

    /// <summary>For a scrape only its info-hash counts.</summary>
    public Announce Announce { get; } = announce;

    public bool IsScrape { get; init; }

    /// <summary>The transport has too much to do: it has not been sent, and is not unanswered.</summary>
    public bool IsQueued { get => _isQueued; set => _isQueued = value; }

    /// <summary>What an earlier reply of this tracker asked to be given back.</summary>
    public byte[]? TrackerId { get; init; }

    public InfoHash InfoHash => Announce.InfoHash;
}

interface ITrackerTransport
{
    /// <summary>
    /// Asks, and reports to <paramref name="caller"/> once, from any thread. Returns at once: it neither blocks nor calls back,
    /// for callers hold their lock.
    /// </summary>
    void Send(TrackerRequest request, ITrackerCaller caller);
}

interface ITrackerCaller
{
    /// <summary>Called once per request, unless the transport is shut down before.</summary>
    void OnReply(TrackerRequest request, TrackerReply reply);
}
