using System.Collections.Concurrent;
using TinyTorrent.Net;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

/// <summary>Sends single requests through the real transport and waits for what comes back.</summary>
sealed class TrackerProbe(TrackerTimeouts? timeouts = null) : ITrackerCaller, IDisposable
{
    readonly BlockingCollection<(TrackerRequest Request, TrackerReply Reply)> _replies = [];

    public TrackerTransport Transport { get; } = new(timeouts);

    public void OnReply(TrackerRequest request, TrackerReply reply) => _replies.Add((request, reply));

    public TrackerRequest Send(string url, AnnounceEvent happened = AnnounceEvent.Started, bool scrape = false, bool typed = false)
    {
        Assert.True(TrackerUrl.TryParse(url, out TrackerUrl? tracker, out string? problem, typed), problem);
        var request = new TrackerRequest(tracker, FakeTrackers.Self with { Event = happened, Left = 5 }) { IsScrape = scrape };
        Transport.Send(request, this);
        return request;
    }

    public TrackerReply Ask(string url, AnnounceEvent happened = AnnounceEvent.Started, bool scrape = false, bool typed = false)
    {
        TrackerRequest request = Send(url, happened, scrape, typed);
        (TrackerRequest answered, TrackerReply reply) = Take();
        Assert.Same(request, answered);
        return reply;
    }

    public (TrackerRequest Request, TrackerReply Reply) Take()
    {
        Assert.True(_replies.TryTake(out (TrackerRequest Request, TrackerReply Reply) got, TimeSpan.FromSeconds(20)), "no reply");
        return got;
    }

    public int RepliesWaiting => _replies.Count;

    public void Dispose()
    {
        Transport.Dispose();
        _replies.Dispose();
    }
}
