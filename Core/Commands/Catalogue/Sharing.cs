// Several torrents seeded by one engine, watched until interrupted. A tracker that comes back without its catalogue, as one
// that keeps nothing on disk does after a restart, is told again what is shared, as soon as it has taken an announce.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tracker;

namespace TinyTorrent.Commands;

sealed class Sharing(Engine engine, Publisher publisher, Progress progress, CancellationToken interrupt)
{
    readonly List<(MetainfoFile Metainfo, ActiveTorrent Torrent, Transfer Transfer)> _shared = [];
    readonly RecentRate _up = new();
    readonly Lock _gate = new();
    readonly Queue<MetainfoFile> _doubtful = []; // announced, and perhaps not listed
    Task _renewal = Task.CompletedTask;

    /// <summary>Starts to seed content whose pieces are known to be whole.</summary>
    /// <param name="path">The content itself, absolute.</param>
    public void Add(MetainfoFile metainfo, string path)
    {
        path = Path.TrimEndingDirectorySeparator(path);
        var store = PieceStore.ForContent(metainfo.Files, new ContentPlace(Path.GetDirectoryName(path)!, Path.GetFileName(path)));
        var picker = new PiecePicker(metainfo.Geometry, new Random());
        for (int piece = 0; piece < metainfo.Geometry.PieceCount; piece++) picker.MarkHave(piece);
        var torrent = new ActiveTorrent(engine, metainfo, store, resume: null, picker, [], [publisher.Tracker.Announce]);
        torrent.TrackerReported += status => OnTracker(metainfo, status);
        _shared.Add((metainfo, torrent, new Transfer(engine, torrent, [], progress, interrupt)));
    }

    /// <summary>Until interrupted.</summary>
    public async Task<ExitCode> RunAsync()
    {
        progress.Line($"sharing on port {engine.Port}; Ctrl-C stops");
        try
        {
            for (int peers = 0; ;)
            {
                await Task.Delay(Transfer.MomentOf(peers), interrupt).ConfigureAwait(false);
                peers = Look();
                if (_renewal.IsCompleted && TakeDoubtful() is { } metainfo) _renewal = Task.Run(() => Renew(metainfo), interrupt);
            }
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            await _renewal.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return ExitCode.Interrupted;
        }
    }

    /// <summary>Shows how it stands. Returns how many peers there are.</summary>
    int Look()
    {
        TimeSpan now = engine.Clock.Now;
        TransferStatus sum = new("sharing", 0, 0) { UpRate = 0, Peers = 0 };
        foreach ((MetainfoFile metainfo, _, Transfer transfer) in _shared)
        {
            TorrentStats stats = transfer.Watch();
            long total = sum.Total + metainfo.Geometry.TotalLength;
            sum = sum with { Done = total, Total = total, Uploaded = sum.Uploaded + stats.Uploaded, Peers = sum.Peers + stats.Peers };
        }
        progress.Show(sum with { UpRate = _up.Update(now, sum.Uploaded) });
        return sum.Peers ?? 0;
    }

    /// <summary>On a thread of the tracker's transport.</summary>
    void OnTracker(MetainfoFile metainfo, TrackerStatus status)
    {
        if (status.Failure != TrackerFailure.None || interrupt.IsCancellationRequested) return;
        lock (_gate)
        {
            if (!_doubtful.Contains(metainfo)) _doubtful.Enqueue(metainfo);
        }
    }

    MetainfoFile? TakeDoubtful()
    {
        lock (_gate) return _doubtful.TryDequeue(out MetainfoFile? metainfo) ? metainfo : null;
    }

    void Renew(MetainfoFile metainfo)
    {
        try
        {
            bool wasLost = publisher.Renew(metainfo, interrupt);
            progress.Mended(metainfo);
            if (wasLost) progress.Line($"{metainfo.Name}: published again, the tracker had lost it");
        }
        catch (CommandException e)
        {
            progress.Trouble(metainfo, $"{metainfo.Name}: {e.Message}"); // seeded all the same, and tried again after the next announce
        }
    }
}
