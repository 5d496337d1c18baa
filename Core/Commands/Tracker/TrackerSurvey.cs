// Asks every tracker of a torrent one question, all at once, and hands the answers over as they come: for commands that
// look and leave. TrackerClient is for those that stay.
using System.Collections.Concurrent;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Commands;

sealed class TrackerSurvey : ITrackerCaller, IDisposable
{
    // Somebody sits and waits, so a lost packet is sent again sooner than BEP 15 has it: after 3, 9 and 21 s.
    static readonly TrackerTimeouts Timeouts = new() { Http = TimeSpan.FromSeconds(20), UdpFirst = TimeSpan.FromSeconds(3) };
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(25), Farewell = TimeSpan.FromSeconds(2);

    readonly TrackerTransport _transport = new(Timeouts);
    readonly BlockingCollection<(TrackerRequest Request, TrackerReply Reply)> _replies = [];
    readonly List<(TrackerUrl Url, int Tier)> _trackers = [];
    readonly Progress _progress;
    TrackerStatus? _worst;

    /// <summary>For the trackers of SOURCE and those of --tracker. URLs of the source that cannot be used get a warning.</summary>
    /// <exception cref="CommandException">A --tracker is no tracker's URL, or there is no tracker at all.</exception>
    public TrackerSurvey(TorrentSource source, Arguments arguments, Progress progress)
    {
        _progress = progress;
        for (int tier = 0; tier < source.Trackers.Count; tier++)
            foreach (string url in source.Trackers[tier]) Add(url, tier, typed: false);
        foreach (string url in TransferOptions.GivenTrackers(arguments)) Add(url, source.Trackers.Count, typed: true);
    }

    void Add(string text, int tier, bool typed)
    {
        if (TrackerUrl.TryParse(text, out TrackerUrl? url, out string? problem, typed)) _trackers.Add((url, tier));
        else _progress.Warning($"{TrackerUrl.DisplayOf(text)}: {problem}");
    }

    public bool IsEmpty => _trackers.Count == 0;

    public static CommandException NoTracker(Arguments arguments) =>
        new(ExitCode.NoPeer, $"{arguments.Operands[0]}: names no tracker (--tracker URL gives one)");

    /// <summary>What a command ends with when no tracker gave a good answer. Each has had its warning by then.</summary>
    public CommandException Failure() => _worst switch
    {
        { Failure: TrackerFailure.Refused } => new CommandException(ExitCode.Refused, $"the tracker refused: {_worst.Reason}"),
        not null when _trackers.Count == 1 => new CommandException(ExitCode.NoPeer, TrackerReport.ToLine(_worst)),
        _ => new CommandException(ExitCode.NoPeer, "no tracker answered"),
    };

    /// <summary>Asks, reports failures as warnings or events, and gives the good answers in the order they arrive.</summary>
    /// <exception cref="OperationCanceledException">The user has had enough.</exception>
    public IEnumerable<(TrackerStatus Status, TrackerReply Reply)> Ask(Announce announce, bool scrape, CancellationToken cancel)
    {
        var open = new Dictionary<TrackerRequest, int>();
        foreach ((TrackerUrl url, int tier) in _trackers) open.Add(new TrackerRequest(url, announce) { IsScrape = scrape }, tier);
        foreach (TrackerRequest request in open.Keys) _transport.Send(request, this);

        var clock = new Clock();
        while (open.Count > 0)
        {
            TimeSpan left = Patience - clock.Now;
            if (left <= TimeSpan.Zero || !_replies.TryTake(out (TrackerRequest Request, TrackerReply Reply) got, (int)left.TotalMilliseconds, cancel)) break;
            open.Remove(got.Request, out int tier);
            if (Report(got.Request.Tracker, tier, got.Reply) is { } good) yield return (good, got.Reply);
        }
        var silent = TrackerReply.Failed(TrackerFailure.Unreachable, $"no answer in {Patience.TotalSeconds} s");
        foreach ((TrackerRequest request, int tier) in open) Report(request.Tracker, tier, silent);
    }

    /// <summary>Takes back an announce: nobody should dial who is not there.</summary>
    public void Leave(Announce announce, IEnumerable<TrackerUrl> trackers)
    {
        foreach (TrackerUrl tracker in trackers)
            _transport.Send(new TrackerRequest(tracker, announce with { Event = AnnounceEvent.Stopped, NumWant = 0 }), this);
    }

    /// <summary>The trackers that answered well, so far.</summary>
    public List<TrackerUrl> Answered { get; } = [];

    /// <summary>Null if it was a failure.</summary>
    TrackerStatus? Report(TrackerUrl url, int tier, TrackerReply reply)
    {
        bool failed = reply.Failure != TrackerFailure.None;
        var status = new TrackerStatus(
            url.Display, tier, failed ? TrackerState.Failed : TrackerState.Working, reply.Failure, failed ? reply.Reason : reply.Warning ?? "",
            reply.Seeders, reply.Leechers, failed ? null : reply.Peers.Count, null);
        if (!failed)
        {
            Answered.Add(url);
            return status;
        }
        if (_trackers.Count > 1) _progress.Warning(TrackerReport.ToLine(status)); // of a single one, Failure() says it
        _progress.Events?.Write("tracker", json => TrackerReport.WriteTo(json, status));
        if (_worst is null || _worst.Failure < status.Failure) _worst = status;
        return null;
    }

    void ITrackerCaller.OnReply(TrackerRequest request, TrackerReply reply) => _replies.Add((request, reply));

    public void Dispose()
    {
        _transport.Shutdown(Farewell);
        _replies.Dispose();
    }
}
