// One torrent at work: its content on disk, its swarm, its trackers and its resume file, wired together and ticked by the
// engine. Nothing is decided here.
using System.Net;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent;

sealed class ActiveTorrent : ITrackerEvents, IDisposable
{
    /// <summary>A crash costs at most this much hashing; a checkpoint costs an fdatasync.</summary>
    static readonly TimeSpan s_checkpointInterval = TimeSpan.FromSeconds(30);

    readonly Lock _gate = new();
    readonly Engine _engine;
    readonly PieceStore _store;
    readonly TorrentDisk _disk;
    readonly ResumeFile? _resume;
    readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    TimeSpan _nextCheckpoint = s_checkpointInterval;
    Task _checkpoint = Task.CompletedTask; // one at a time, and none after the last
    bool _leaving;

    /// <param name="store">Owned from here on.</param>
    /// <param name="resume">Where the state is kept; null when the content is only read.</param>
    /// <param name="picker">Told what is on disk and what is wanted.</param>
    /// <param name="trackers">Tiers of URLs, a stranger's.</param>
    /// <param name="typed">Trackers of the user's own, asked besides.</param>
    public ActiveTorrent(
        Engine engine, MetainfoFile metainfo, PieceStore store, ResumeFile? resume, PiecePicker picker,
        IReadOnlyList<IReadOnlyList<string>> trackers, IReadOnlyList<string>? typed = null)
    {
        (_engine, _store, _resume, Metainfo) = (engine, store, resume, metainfo);
        _disk = new TorrentDisk(metainfo, store, engine.Verifier, OnPieceHashed);
        Torrent = new Torrent(metainfo.InfoHash, metainfo.Geometry, picker, _disk, engine.PeerId, engine.Port, new Random());
        Torrent.Completed += OnCompleted;
        if (picker.IsComplete) _completed.SetResult();

        var self = new Announce
        {
            InfoHash = metainfo.InfoHash,
            PeerId = engine.PeerId,
            Port = (ushort)engine.Port,
            Left = Torrent.Stats.Missing,
            NumWant = -1,
            Key = Entropy.Number(),
        };
        Trackers = new TrackerClient(self, trackers, engine.TrackerTransport, this, new Random(), typed);
    }

    /// <param name="download">Checked and begun. Owned from here on.</param>
    public ActiveTorrent(Engine engine, StoredDownload download, IReadOnlyList<IReadOnlyList<string>> trackers, IReadOnlyList<string> typed)
        : this(engine, download.Metainfo, download.Store, download.Resume, download.Picker, trackers, typed) { }

    public MetainfoFile Metainfo { get; }
    public Torrent Torrent { get; }
    public TrackerClient Trackers { get; }

    /// <summary>False: no more checkpoints, for what is complete and not seeded needs none.</summary>
    public bool KeepsState { get; set; } = true;

    /// <summary>Everything wanted is verified and on disk.</summary>
    public Task Completion => _completed.Task;

    /// <summary>The disk's first fault. Ok while there is none.</summary>
    public DiskResult Fault => _disk.Fault;

    /// <summary>A tracker answered or failed. Raised from its transport's threads.</summary>
    public event Action<TrackerStatus>? TrackerReported;

    /// <summary>A piece can be read. Raised from the verifier's threads.</summary>
    public event Action<int>? PieceVerified;

    /// <summary>Reads content that is verified.</summary>
    public DiskResult Read(long offset, Span<byte> into) => _store.Read(offset, into);

    void OnPieceHashed(int piece, bool matches)
    {
        Torrent.OnPieceHashed(piece, matches, _engine.Clock.Now);
        if (matches) PieceVerified?.Invoke(piece);
    }

    void OnCompleted()
    {
        Trackers.OnFinished();
        _completed.TrySetResult();
    }

    void ITrackerEvents.OnPeers(IReadOnlyList<IPEndPoint> peers) => AddPeers(peers);

    void ITrackerEvents.OnTracker(TrackerStatus status) => TrackerReported?.Invoke(status);

    /// <summary>Peers to connect to.</summary>
    public void AddPeers(IReadOnlyList<IPEndPoint> peers)
    {
        Torrent.AddCandidates(peers);
        _engine.Dial();
    }

    AnnounceTotals ITrackerEvents.Totals
    {
        get
        {
            TorrentStats stats = Torrent.Stats;
            return new AnnounceTotals(stats.Uploaded, stats.Downloaded, stats.Missing, stats.IsComplete);
        }
    }

    /// <summary>Once a second.</summary>
    public void Tick(TimeSpan now)
    {
        Torrent.Tick(now);
        Trackers.Tick(now, wantsPeers: !Torrent.Stats.IsComplete && Torrent.IsStranded);
        lock (_gate)
        {
            if (_leaving || now < _nextCheckpoint || !_checkpoint.IsCompleted) return;
            _checkpoint.GetAwaiter().GetResult(); // a fault of ours ends the heartbeat
            _nextCheckpoint = now + s_checkpointInterval;
            _checkpoint = Task.Run(Checkpoint); // an fdatasync may take as long as the disk likes
        }
    }

    /// <summary>Tells the trackers that we leave; <see cref="TrackerClient.IsStopped"/> says when they know.</summary>
    public void Leave() => Trackers.Stop();

    /// <summary>What waits to be hashed stays as it is on disk, and is hashed at the next start.</summary>
    public void StopHashing() => _engine.Verifier.Forget(_disk);

    /// <summary>The last checkpoint, after every connection has ended. Waits for one that runs.</summary>
    public async Task SaveAsync()
    {
        Task running;
        lock (_gate) (running, _leaving) = (_checkpoint, true);
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // this one does it again
        Checkpoint();
    }

    void Checkpoint()
    {
        // After a fault the last state stays: what the disk has lost must not be listed with the stamps of after the loss.
        if (_resume is null || !KeepsState || !_disk.Fault.IsOk) return;
        // The order matters: only what was complete before the flush is known to be on disk after it.
        if (!_disk.Note(_store.Look(out FileStamp[] stamps))) return;
        (Bitfield have, List<(int Piece, Bitfield Blocks)> begun) = Torrent.CopyState();
        if (_disk.Note(_store.Flush())) _disk.Note(_resume.Save(new ResumeState(have, begun), stamps));
    }

    public void Dispose() => _store.Dispose();
}
