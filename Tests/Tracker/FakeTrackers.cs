using System.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

/// <summary>A client with a transport that only takes notes: the test answers for the trackers and moves the time.</summary>
sealed class FakeTrackers : ITrackerTransport, ITrackerEvents
{
    readonly List<(TrackerRequest Request, ITrackerCaller Caller)> _open = [];

    public FakeTrackers(int seed, params string[][] tiers) : this(seed, [], tiers) { }

    public FakeTrackers(int seed, IReadOnlyList<string> typed, string[][] tiers) =>
        Client = new TrackerClient(Self, tiers, this, this, new Random(seed), typed);

    /// <summary>The URLs of trackers on these hosts.</summary>
    public static string[] Tier(params string[] hosts) => Array.ConvertAll(hosts, h => $"http://{h}/announce");

    /// <summary>One tier that was shuffled into just this order.</summary>
    public static FakeTrackers InOrder(params string[] urls)
    {
        for (int seed = 0; ; seed++)
        {
            var world = new FakeTrackers(seed, urls);
            if (world.Client.Status().Select(status => status.Url).SequenceEqual(urls)) return world;
        }
    }

    public static Announce Self { get; } = new()
    {
        InfoHash = new InfoHash(Enumerable.Range(1, 20).Select(i => (byte)(i * 13)).ToArray()),
        PeerId = PeerId.Create(new Random(1)), Port = 6881, Left = 0, NumWant = 50, Key = 0xCAFE,
    };

    public TrackerClient Client { get; }
    public TimeSpan Now { get; private set; }
    public bool WantsPeers { get; set; }
    public AnnounceTotals Totals { get; set; } = new(0, 0, 1000, WantsNothing: false);

    /// <summary>Every request so far as "host event".</summary>
    public List<string> Log { get; } = [];

    public List<IPEndPoint> Peers { get; } = [];
    public List<TrackerStatus> Told { get; } = [];
    public List<TrackerRequest> Requests { get; } = [];

    public void Send(TrackerRequest request, ITrackerCaller caller)
    {
        Requests.Add(request);
        Log.Add($"{request.Tracker.Uri.Host} {request.Announce.Event}");
        _open.Add((request, caller));
    }

    public void OnPeers(IReadOnlyList<IPEndPoint> peers) => Peers.AddRange(peers);

    public void OnTracker(TrackerStatus status) => Told.Add(status);

    public void Pass(double seconds)
    {
        for (TimeSpan end = Now + TimeSpan.FromSeconds(seconds); Now < end;)
        {
            Now += TimeSpan.FromSeconds(1);
            Client.Tick(Now, WantsPeers);
        }
    }

    /// <summary>The last piece of the whole content has been verified.</summary>
    public void Finish()
    {
        Totals = Totals with { Left = 0, WantsNothing = true };
        Client.OnFinished();
    }

    public void Start() => Client.Tick(Now);

    /// <summary>Answers the oldest open request of a host.</summary>
    public void Answer(string host, TrackerReply reply)
    {
        int at = _open.FindIndex(o => o.Request.Tracker.Uri.Host == host);
        Assert.True(at >= 0, $"{host} was not asked; log: {string.Join(", ", Log)}");
        (TrackerRequest request, ITrackerCaller caller) = _open[at];
        _open.RemoveAt(at);
        caller.OnReply(request, reply);
    }

    public void Succeed(string host, int interval = 1800) => Answer(host, new TrackerReply { Interval = TimeSpan.FromSeconds(interval) });

    public void Fail(string host, TrackerFailure kind = TrackerFailure.Unreachable, TimeSpan? retryIn = null) =>
        Answer(host, new TrackerReply { Failure = kind, Reason = $"{host} failed", RetryIn = retryIn });

    public bool IsAsked(string host) => _open.Exists(o => o.Request.Tracker.Uri.Host == host);

    public string TakeLog()
    {
        string log = string.Join(", ", Log);
        Log.Clear();
        return log;
    }
}
