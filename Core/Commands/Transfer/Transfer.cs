// One torrent as get and seed run it: prepared from what is on disk, watched until there is a reason to stop.
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class Transfer
{
    /// <summary>How often the transfer is looked at: while there are peers or news may come any moment, and otherwise.</summary>
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100), s_idleLook = TimeSpan.FromSeconds(1);

    /// <summary>A named peer that cannot be reached is tried again after the first of these, and then after twice the wait before.</summary>
    static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(2), s_longestRetry = TimeSpan.FromMinutes(1);

    /// <summary>Nothing has come for this long: there is no telling when the rest will; nor, after the second, why is it.</summary>
    static readonly TimeSpan s_stalledAfter = TimeSpan.FromSeconds(3), s_explainedAfter = TimeSpan.FromSeconds(5);

    readonly Engine _engine;
    readonly ActiveTorrent _torrent;
    readonly Progress _progress;
    readonly CancellationToken _interrupt;
    readonly TimeSpan _started;
    int _damaged; // pieces that arrived and did not match
    readonly RecentRate _down = new(), _up = new();
    int _connecting, _retrying; // peers the user named: tried for the first time, and tried again
    string? _peerFailure; // the last of theirs

    /// <summary>Starts the torrent.</summary>
    public Transfer(Engine engine, ActiveTorrent torrent, IReadOnlyList<HostPort> peers, Progress progress, CancellationToken interrupt)
    {
        (_engine, _torrent, _progress, _interrupt, _started) = (engine, torrent, progress, interrupt, engine.Clock.Now);
        torrent.TrackerReported += OnTracker;
        torrent.Torrent.PeerChanged += OnPeer;
        torrent.Torrent.PieceFailed += OnPieceFailed;
        WriteStarted();
        engine.Add(torrent);
        foreach (HostPort peer in peers) _ = ConnectAsync(peer);
    }

    /// <summary>A disk fault ends the command.</summary>
    public static void Require(DiskResult result)
    {
        if (result.Fault == DiskFault.Occupied) throw new CommandException(ExitCode.Disk, $"{result}; it was left as it is (--force overwrites it, another -o keeps it)");
        if (!result.IsOk) throw Failure.Disk(result);
    }

    /// <summary>Until everything wanted is there. Done, or why not.</summary>
    /// <param name="timeout">Gives up when the download has not advanced for so long; null: see <see cref="Patience"/>.</param>
    /// <param name="look">Called after each moment, which is short while there are peers.</param>
    public async Task<ExitCode> DownloadAsync(TimeSpan? timeout, Action look)
    {
        var patience = new Patience(timeout, _engine.Clock.Now);
        TimeSpan moment = s_look;
        while (!_torrent.Completion.IsCompleted)
        {
            if (await PauseAsync(_torrent.Completion, moment).ConfigureAwait(false)) return Stopped();
            TimeSpan now = _engine.Clock.Now;
            TorrentStats stats = Watch();
            patience.OnProgress(now, stats);
            moment = stats.Peers > 0 || patience.Idle(now) < s_explainedAfter ? s_look : s_idleLook;
            Show("downloading", stats, patience.Idle(now));
            look();
            Hope hope = HopeFor();
            if (!patience.IsOver(now, hope)) continue;
            throw hope <= Hope.Retries && timeout is null ? Stranded() : Stalled(stats, patience.Idle(now));
        }
        look();
        return ExitCode.Done;
    }

    Hope HopeFor()
    {
        TrackerClient trackers = _torrent.Trackers;
        if (!trackers.AllFailed) return Hope.Tracker;
        if (Volatile.Read(ref _connecting) > 0 || !_torrent.Torrent.IsStranded) return Hope.Peers;
        return Volatile.Read(ref _retrying) > 0 || _torrent.Torrent.KnowsPeers || trackers.MayRecover ? Hope.Retries : Hope.None;
    }

    /// <summary>Until interrupted, or until it is enough.</summary>
    public async Task<ExitCode> SeedAsync(Func<TorrentStats, TimeSpan, bool> isEnough)
    {
        TimeSpan since = _engine.Clock.Now;
        var never = new TaskCompletionSource();
        while (!isEnough(_torrent.Torrent.Stats, _engine.Clock.Now - since))
        {
            if (await PauseAsync(never.Task, MomentOf(_torrent.Torrent.Stats.Peers)).ConfigureAwait(false)) return ExitCode.Interrupted;
            Show("seeding", Watch(), idle: default);
        }
        return ExitCode.Done;
    }

    /// <summary>Until a seed is looked at again: one without peers has nothing to tell, and lets the processor sleep.</summary>
    public static TimeSpan MomentOf(int peers) => peers > 0 ? s_look : s_idleLook;

    /// <summary>Waits a moment, or until <paramref name="over"/>. True if interrupted.</summary>
    async Task<bool> PauseAsync(Task over, TimeSpan moment)
    {
        try { await over.WaitAsync(moment, _interrupt).ConfigureAwait(false); }
        catch (TimeoutException) { } // the usual end of a pause
        catch (OperationCanceledException) when (_interrupt.IsCancellationRequested) { return true; }
        return false;
    }

    /// <summary>How it stands; a fault ends the command.</summary>
    public TorrentStats Watch()
    {
        _engine.RequireNoFault();
        Require(_torrent.Fault);
        return _torrent.Torrent.Stats;
    }

    /// <param name="idle">How long nothing has come that was waited for.</param>
    void Show(string phase, in TorrentStats stats, TimeSpan idle)
    {
        TimeSpan now = _engine.Clock.Now;
        _progress.Show(new TransferStatus(phase, stats.Wanted - stats.Left, stats.Wanted)
        {
            Rate = _down.Update(now, stats.Downloaded - stats.Wasted),
            UpRate = _up.Update(now, stats.Uploaded),
            Uploaded = stats.Uploaded,
            Peers = stats.Peers,
            IsStalled = idle >= s_stalledAfter,
            Waiting = idle >= s_explainedAfter ? ReasonToWait(stats, goesOn: true) : null,
        });
    }

    /// <summary>Why nothing comes, as far as it is known.</summary>
    /// <param name="goesOn">Says when a tracker is asked next, too.</param>
    string ReasonToWait(in TorrentStats stats, bool goesOn)
    {
        if (stats.Peers > 0) return stats.Peers == 1 ? "1 peer, which sends nothing" : $"{stats.Peers} peers, none of which sends anything";
        IReadOnlyList<TrackerStatus> trackers = _torrent.Trackers.Status();
        string none = goesOn && trackers.Min(tracker => tracker.NextAnnounce) is { } wait ? $"no peers, next try in {Display.Duration(wait)}" : "no peers";
        if (trackers.FirstOrDefault(tracker => tracker.State == TrackerState.Working) is { } working)
        {
            TrackerStatus others = working with { Leechers = Math.Max(0, (working.Leechers ?? 0) - 1) }; // it counts us
            return $"{none} ({TrackerReport.Counts(others)} known)";
        }
        if (_peerFailure is { } failure) return $"no peers: {failure}";
        if (trackers.MaxBy(tracker => tracker.Failure) is not { } worst) return "no peers, and no tracker to ask for some";
        return worst.Failure == TrackerFailure.None ? $"no peers: {worst.Url} is being asked" : $"{none}: {TrackerReport.ToLine(worst)}";
    }

    ExitCode Stopped()
    {
        TorrentStats stats = _torrent.Torrent.Stats;
        _progress.Line($"{_torrent.Metainfo.Name}: stopped at {Display.Percent(stats.Wanted - stats.Left, stats.Wanted)}; the same command goes on from there");
        return ExitCode.Interrupted;
    }

    /// <summary>The end by --timeout, or for peers that gave nothing.</summary>
    CommandException Stalled(in TorrentStats stats, TimeSpan idle)
    {
        bool alone = (stats.Peers == 0 && _torrent.Trackers.AllFailed) || Volatile.Read(ref _damaged) > 0;
        CommandException why = alone ? Stranded() : new CommandException(ExitCode.NoPeer, ReasonToWait(stats, goesOn: false));
        return new CommandException(stats.Left < stats.Wanted ? ExitCode.Incomplete : why.Code, $"the download has not advanced for {Display.Duration(idle)}: {why.Message}");
    }

    CommandException Stranded()
    {
        if (Volatile.Read(ref _damaged) is > 0 and var damaged)
        {
            string pieces = damaged == 1 ? "a piece that arrived was" : $"{damaged} pieces that arrived were";
            return new CommandException(ExitCode.Incomplete, $"{pieces} damaged, and no other peer has what is missing (the same command goes on from there)");
        }
        (TrackerFailure failure, string reason) = _torrent.Trackers.WorstFailure;
        return failure switch
        {
            TrackerFailure.Refused => new CommandException(ExitCode.Refused, $"the tracker refused: {reason}"),
            TrackerFailure.None when _peerFailure is { } peer => new CommandException(ExitCode.NoPeer, $"no peer answered, and the torrent names no tracker{WebSeedsToo}: {peer}"),
            TrackerFailure.None => new CommandException(ExitCode.NoPeer, $"no peer answered, and the torrent names no tracker{WebSeedsToo} (try --peer or --tracker)"),
            _ => new CommandException(ExitCode.NoPeer, $"no peer and no tracker answered: {SystemMessage.Phrase(reason)}"),
        };
    }

    string WebSeedsToo => _torrent.Metainfo.WebSeeds.Count == 0 ? "" : "; its web seeds are not used";

    /// <summary>Connects to a peer the user named, again and again until it is reached: it may have to start yet. After that the
    /// torrent's list of peers goes on with it.</summary>
    async Task ConnectAsync(HostPort peer)
    {
        Interlocked.Increment(ref _connecting);
        bool reached = false;
        try { reached = await TryConnectAsync(peer).ConfigureAwait(false); }
        catch (OperationCanceledException) { } // the engine stops
        if (!reached) Interlocked.Increment(ref _retrying); // before the other is counted down: somebody is to be seen in one of them
        Interlocked.Decrement(ref _connecting);
        if (reached) return;
        try
        {
            for (TimeSpan wait = s_firstRetry; !reached; wait = wait * 2 < s_longestRetry ? wait * 2 : s_longestRetry)
            {
                await Task.Delay(wait, _engine.Stopping).ConfigureAwait(false);
                reached = await TryConnectAsync(peer).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) { } // the engine stops
        finally { Interlocked.Decrement(ref _retrying); }
    }

    async Task<bool> TryConnectAsync(HostPort peer)
    {
        (Transfer, HostPort) source = (this, peer);
        try
        {
            await _engine.ConnectAsync(_torrent, peer.Host, peer.Port).ConfigureAwait(false);
            _progress.Mended(source);
            return true;
        }
        catch (SocketException e)
        {
            _peerFailure = $"{peer}: {SystemMessage.Phrase(e.Message)}";
            _progress.Trouble(source, _peerFailure);
            return false;
        }
    }

    /// <summary>An event of the engine's threads, which must not end because stdout has.</summary>
    void Tell(string name, Action<Utf8JsonWriter> fields)
    {
        try { _progress.Events?.Write(name, fields); }
        catch (OutputException) { } // the next progress event ends the command
    }

    void OnTracker(TrackerStatus status)
    {
        (Transfer, string) source = (this, status.Url);
        if (status.Failure != TrackerFailure.None) _progress.Trouble(source, TrackerReport.ToLine(status));
        else
        {
            _progress.Mended(source);
            _progress.Detail(TrackerReport.ToLine(status));
        }
        Tell("tracker", json => TrackerReport.WriteTo(json, status));
    }

    void OnPeer(IPEndPoint peer, bool connected)
    {
        _progress.Detail($"{peer}: {(connected ? "connected" : "gone")}");
        Tell("peer", json =>
        {
            json.WriteString("address", peer.ToString());
            json.WriteString("state", connected ? "connected" : "gone");
        });
    }

    void OnPieceFailed(int piece)
    {
        Interlocked.Increment(ref _damaged);
        _progress.Detail($"piece {piece} arrived damaged and is fetched again");
        Tell("piece-failed", json => json.WriteNumber("piece", piece));
    }

    void WriteStarted()
    {
        TorrentStats stats = _torrent.Torrent.Stats;
        _progress.Detail($"listening on port {_engine.Port}");
        _progress.Events?.Write("started", json =>
        {
            json.WriteString("name", _torrent.Metainfo.Name);
            json.WriteString("info_hash", _torrent.Metainfo.InfoHash.ToString());
            json.WriteNumber("total", stats.Wanted);
            json.WriteNumber("done", stats.Wanted - stats.Left);
            json.WriteNumber("port", _engine.Port);
        });
    }

    /// <summary>Says that everything is there, once that is sure.</summary>
    public void WriteCompleted()
    {
        TorrentStats stats = _torrent.Torrent.Stats;
        TimeSpan took = _engine.Clock.Now - _started;
        string rate = Display.Rate(stats.Downloaded / Math.Max(took.TotalSeconds, 0.001));
        string how = stats.Downloaded == 0 ? "; nothing was missing"
            : stats.Downloaded < stats.Wanted ? $"; {Display.Bytes(stats.Downloaded)} fetched at {rate}" : $" at {rate}";
        _progress.Line($"{_torrent.Metainfo.Name}: complete, {Display.Bytes(stats.Wanted)}{how}");
        _progress.Events?.Write("completed", json =>
        {
            json.WriteString("name", _torrent.Metainfo.Name);
            json.WriteNumber("total", stats.Wanted);
            json.WriteNumber("downloaded", stats.Downloaded);
            json.WriteNumber("seconds", Math.Round(took.TotalSeconds, 3));
        });
    }
}
