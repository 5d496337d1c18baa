// get: from a SOURCE to verified files. get-sync is the same with the synchronous engine as its default.
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class GetCommand
{
    /// <summary>The wait before the source's server is asked again; then twice the wait before, up to about the second.</summary>
    static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(2), s_longestRetry = TimeSpan.FromSeconds(30);

    static readonly Option[] s_options =
    [
        new("--output", "DIR", "where the content goes (default: the current folder); - writes the bytes of one file to stdout") { Short = 'o' },
        new("--force", null, "overwrite files that hold something else") { Short = 'f' },
        TransferOptions.Engine,
        new("--seed", null, "go on seeding after completion, until stopped"),
        new("--seed-ratio", "R", "seed until R times the content has been sent"),
        new("--seed-time", "T", "seed for this long: 90s, 5m, 2h"),
        TransferOptions.Peer,
        TransferOptions.Tracker,
        TransferOptions.Port,
        TransferOptions.Bind,
        new("--select", "GLOB", "only files whose path or name matches (* and ?)") { Repeatable = true },
        new("--files", "1,3-5", "only these files, as numbered by info"),
        new("--sequential", null, "fetch pieces in order"),
        TransferOptions.LimitDown,
        TransferOptions.LimitUp,
        TransferOptions.MaxPeers,
        new("--timeout", "T", "give up when the download has not advanced for this long (default: see below)"),
        TransferOptions.Json,
    ];

    public static readonly Command Async = Define("get", "download a torrent", synchronous: false);
    public static readonly Command Sync = Define("get-sync", "download a torrent with the synchronous engine", synchronous: true);

    static Command Define(string name, string summary, bool synchronous) =>
        new(name, "SOURCE [options]", summary, MaxOperands: 1, s_options, arguments => RunAsync(arguments, synchronous).GetAwaiter().GetResult())
        {
            Details = """
                SOURCE is a .torrent file, its http or https URL, or - for one on stdin. With --tracker it may be a NAME or an info-hash in that tracker's catalogue (see 'tinytorrent list'); a name must be exact, and what comes near is listed instead.

                An interrupted download goes on where it stopped; content that is there already is checked, used and repaired. A file that has no piece of the torrent is not touched: get ends with exit code 6, unless --force is given. What a download needs to go on is kept in the folder .tinytorrent beside it, after --files or --select also when those are complete.

                With -o - a copy of the file is kept in $TMPDIR (or /tmp) until the end.

                Trackers, peers and the server of SOURCE are tried again when they fail. Without --timeout get gives up after 20 s in which no tracker answered and no peer could be reached, and at once if every tracker has refused and no peer is left; connected peers that give nothing are left after 5 minutes, unless a tracker answers and may know others soon. With --timeout it goes on until the download has not advanced for that long, whoever answers: give a short one to fail fast, and days to wait for a seed.

                  tinytorrent get film.torrent -o ~/Videos
                  tinytorrent get film.mkv --tracker http://host:6969
                """,
        };

    /// <summary>What goes to stdout.</summary>
    static FileEntry OnlyFile(FileMap files, bool[]? wanted)
    {
        FileEntry chosen = default;
        int count = 0;
        for (int i = 0; i < files.Files.Count; i++)
        {
            if (files.Files[i].IsPadding || wanted?[i] == false) continue;
            chosen = files.Files[i];
            count++;
        }
        return count == 1 ? chosen : throw Arguments.Usage($"--output - needs one file, not {count} (--files and --select choose)");
    }

    /// <summary>Looks the source up, again and again if its server cannot be reached: like a tracker, it may have to start yet.</summary>
    static TorrentSource Load(Arguments arguments, TimeSpan patience, Progress progress, CancellationToken interrupt)
    {
        var clock = new Clock();
        for (TimeSpan wait = s_firstRetry; ; wait = wait < s_longestRetry ? wait * 2 : wait)
        {
            try { return CatalogueSource.Load(arguments, progress, interrupt); }
            catch (CommandException e) when (e.MayPass && clock.Now < patience)
            {
                progress.Trouble(nameof(Load), e.Message);
            }
            TimeSpan left = patience - clock.Now; // the last try is at its end
            if (left > TimeSpan.Zero) interrupt.WaitHandle.WaitOne(wait < left ? wait : left);
            interrupt.ThrowIfCancellationRequested();
        }
    }

    static async Task<ExitCode> RunAsync(Arguments arguments, bool synchronous)
    {
        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        EngineOptions options = TransferOptions.Read(arguments, synchronous);
        TimeSpan? timeout = arguments.Duration("--timeout");
        double ratio = arguments.Number("--seed-ratio", double.PositiveInfinity);
        TimeSpan time = arguments.Duration("--seed-time") ?? TimeSpan.MaxValue;
        TorrentSource source = Load(arguments, timeout ?? Patience.ForRetries, progress, interrupt.Token);
        MetainfoFile metainfo = source.NeededMetainfo;
        IReadOnlyList<HostPort> peers = [.. TransferOptions.Peers(arguments), .. source.Peers];
        bool[]? wanted = FileChoice.Read(arguments, source, metainfo.Files);

        bool toStdout = arguments.Value("--output") == "-";
        FileEntry? streamed = toStdout ? OnlyFile(metainfo.Files, wanted) : null;
        if (toStdout && arguments.Has("--json")) throw Arguments.Usage("--json and --output - both want stdout");
        using StdoutCopy? copy = toStdout ? StdoutCopy.Create() : null;
        string folder = copy?.Folder ?? arguments.Value("--output") ?? ".";
        TransferOptions.MakeFolder(folder);
        if (metainfo.WebSeeds.Count > 0) progress.Line($"{metainfo.Name}: its web seeds are not used, only peers are");
        using var download = new StoredDownload(metainfo, folder, wanted, arguments.Has("--force"));
        download.Picker.Sequential = toStdout || arguments.Has("--sequential");
        Transfer.Require(download.Check(new HashingProgress(progress, "checking").Show, interrupt.Token));
        Transfer.Require(download.Begin());
        (int found, int all) = download.Pieces;
        if (found > 0 && found < all) progress.Line($"{metainfo.Name}: {found:N0} of {all:N0} pieces found");

        ExitCode exit;
        bool seeds = arguments.Has("--seed") || arguments.Has("--seed-ratio") || arguments.Has("--seed-time");
        await using (Engine engine = TransferOptions.Start(options, progress))
        {
            var torrent = new ActiveTorrent(engine, download, source.Trackers, TransferOptions.GivenTrackers(arguments));
            var transfer = new Transfer(engine, torrent, peers, progress, interrupt.Token);
            StdoutWriter? stdout = streamed is { } file ? new StdoutWriter(file, metainfo.Geometry, download.Store, torrent.Torrent) : null;
            exit = await transfer.DownloadAsync(timeout, () => stdout?.Write()).ConfigureAwait(false);
            if (exit == ExitCode.Done)
            {
                Transfer.Require(download.Finish());
                transfer.WriteCompleted();
            }
            if (exit == ExitCode.Done && seeds) // until the ratio or the time, whichever comes first; for ever if neither is given
                exit = await transfer.SeedAsync((stats, passed) => passed >= time || stats.Uploaded >= ratio * metainfo.Geometry.TotalLength).ConfigureAwait(false);
            else if (exit == ExitCode.Done) torrent.KeepsState = download.NeedsState;
        }
        if (exit == ExitCode.Done && !seeds && !download.NeedsState) download.Forget();
        return exit;
    }
}
