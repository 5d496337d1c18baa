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
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    readonly Engine _engine;
    readonly ActiveTorrent _torrent;
    readonly Progress _progress;
    readonly CancellationToken _interrupt;
    readonly TimeSpan _started;
    int _damaged; // pieces that arrived and did not match
    int _connecting; // peers given by name that have neither answered nor failed

    /// <summary>Starts the torrent.</summary>
    public Transfer(Engine engine, ActiveTorrent torrent, IReadOnlyList<HostPort> peers, Progress progress, CancellationToken interrupt)
    {
        (_engine, _torrent, _progress, _interrupt, _started) = (engine, torrent, progress, interrupt, engine.Clock.Now);
        torrent.TrackerReported += OnTracker;
        torrent.Torrent.PeerChanged += OnPeer;
        torrent.Torrent.PieceFailed += OnPieceFailed;
        engine.PeerRefused += OnPeerRefused;
        WriteStarted();
        engine.Add(torrent);
        var addresses = new List<IPEndPoint>();
        foreach (HostPort peer in peers)
        {
            if (IPAddress.TryParse(peer.Host, out IPAddress? address)) addresses.Add(new IPEndPoint(address, peer.Port));
            else _ = ConnectAsync(peer);
        }
        torrent.AddPeers(addresses);
    }

    /// <summary>A disk fault ends the command.</summary>
    public static void Require(DiskResult result)
    {
        if (!result.IsOk) throw Failure.Disk(result);
    }

    /// <summary>Until everything wanted is there. Done, or why not.</summary>
    /// <param name="timeout">Gives up when nothing has arrived for so long; null: never.</param>
    /// <param name="look">Called ten times a second.</param>
    public async Task<ExitCode> DownloadAsync(TimeSpan? timeout, Action look)
    {
        long received = 0;
        TimeSpan lastArrival = _engine.Clock.Now;
        while (!_torrent.Completion.IsCompleted)
        {
            if (await PauseAsync(_torrent.Completion).ConfigureAwait(false)) return Stopped();
            TorrentStats stats = Look("downloading");
            look();
            TimeSpan now = _engine.Clock.Now;
            if (stats.Downloaded > received) (received, lastArrival) = (stats.Downloaded, now);
            if (now - lastArrival > timeout)
                throw new CommandException(stats.Left < stats.Wanted ? ExitCode.Incomplete : ExitCode.NoPeer, $"nothing arrived for {Display.Duration(timeout.Value)}");
            if (_torrent.Trackers.AllFailed && Volatile.Read(ref _connecting) == 0 && _torrent.Torrent.IsStranded) throw Stranded();
        }
        look();
        return ExitCode.Done;
    }

    /// <summary>Until interrupted, or until it is enough.</summary>
    public async Task<ExitCode> SeedAsync(Func<TorrentStats, TimeSpan, bool> isEnough)
    {
        TimeSpan since = _engine.Clock.Now;
        while (!isEnough(_torrent.Torrent.Stats, _engine.Clock.Now - since))
        {
            if (await PauseAsync(Task.Delay(Timeout.Infinite, CancellationToken.None)).ConfigureAwait(false)) return ExitCode.Interrupted;
            Look("seeding");
        }
        return ExitCode.Done;
    }

    /// <summary>Waits a moment, or until <paramref name="over"/>. True if interrupted.</summary>
    async Task<bool> PauseAsync(Task over)
    {
        try { await over.WaitAsync(s_look, _interrupt).ConfigureAwait(false); }
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

    TorrentStats Look(string phase)
    {
        TorrentStats stats = Watch();
        _progress.Show(new TransferStatus(phase, stats.Wanted - stats.Left, stats.Wanted)
        {
            Rate = stats.DownRate,
            UpRate = stats.UpRate,
            Uploaded = stats.Uploaded,
            Peers = stats.Peers,
        });
        return stats;
    }

    ExitCode Stopped()
    {
        TorrentStats stats = _torrent.Torrent.Stats;
        _progress.Line($"{_torrent.Metainfo.Name}: stopped at {Display.Percent(stats.Wanted - stats.Left, stats.Wanted)}; the same command goes on from there");
        return ExitCode.Interrupted;
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
            TrackerFailure.None => new CommandException(ExitCode.NoPeer, $"no peer answered, and the torrent names no tracker{WebSeedsToo} (try --peer or --tracker)"),
            _ => new CommandException(ExitCode.NoPeer, $"no peer and no tracker answered: {SystemMessage.Phrase(reason)}"),
        };
    }

    string WebSeedsToo => _torrent.Metainfo.WebSeeds.Count == 0 ? "" : "; its web seeds are not used";

    async Task ConnectAsync(HostPort peer)
    {
        Interlocked.Increment(ref _connecting);
        try { await _engine.ConnectAsync(_torrent, peer.Host, peer.Port).ConfigureAwait(false); }
        catch (SocketException e) { _progress.Warning($"{peer}: {SystemMessage.Phrase(e.Message)}"); }
        catch (OperationCanceledException) { } // the engine stops
        finally { Interlocked.Decrement(ref _connecting); }
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

    void OnPeerRefused(int limit, bool engineTakesMore)
    {
        string peers = limit == 1 ? "a peer is connected" : $"{limit} peers are connected";
        string advice = engineTakesMore ? " (--max-peers allows more)" : limit < TransferOptions.MostPeers ? " (--engine async takes more)" : "";
        _progress.Line($"{peers}, the most there may be: others are turned away{advice}");
        Tell("full", json => json.WriteNumber("max_peers", limit));
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
