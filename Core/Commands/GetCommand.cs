// get: from a SOURCE to verified files. get-sync is the same with the synchronous engine as its default.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class GetCommand
{
    static readonly Option[] s_options =
    [
        new("--output", "DIR", "where the content goes (default: the current folder); - writes one file's bytes to stdout") { Short = 'o' },
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
        new("--timeout", "T", "give up when nothing has arrived for this long"),
        TransferOptions.Json,
    ];

    public static readonly Command Async = Define("get", "download a torrent", synchronous: false);
    public static readonly Command Sync = Define("get-sync", "download a torrent with the synchronous engine", synchronous: true);

    static Command Define(string name, string summary, bool synchronous) =>
        new(name, "SOURCE [options]", summary, MaxOperands: 1, s_options, arguments => RunAsync(arguments, synchronous).GetAwaiter().GetResult())
        {
            Details = """
                SOURCE is a .torrent file, its http or https URL, or - for one on stdin. With --tracker it may be a NAME or an info-hash in that tracker's catalogue (see 'tinytorrent list'); a name must be exact, and what comes near is listed instead.

                An interrupted download goes on where it stopped; content that is there already is checked and used.
                """,
        };

    static async Task<ExitCode> RunAsync(Arguments arguments, bool synchronous)
    {
        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        EngineOptions options = TransferOptions.Read(arguments, synchronous);
        TimeSpan? timeout = arguments.Duration("--timeout");
        double ratio = arguments.Number("--seed-ratio", double.PositiveInfinity);
        TimeSpan time = arguments.Duration("--seed-time") ?? TimeSpan.MaxValue;
        TorrentSource source = CatalogueSource.Load(arguments, progress, interrupt.Token);
        MetainfoFile metainfo = source.Metainfo
            ?? throw Arguments.Usage("a magnet link or an info-hash does not describe its content; a .torrent is needed");
        IReadOnlyList<HostPort> peers = [.. TransferOptions.Peers(arguments), .. source.Peers];
        bool[]? wanted = FileChoice.Read(arguments, source, metainfo.Files);

        bool toStdout = arguments.Value("--output") == "-";
        if (toStdout && metainfo.Files.Files.Count(f => !f.IsPadding) != 1) throw Arguments.Usage("--output - needs a torrent of one file");
        if (toStdout && arguments.Has("--json")) throw Arguments.Usage("--json and --output - both want stdout");
        string folder = toStdout ? Directory.CreateTempSubdirectory("tinytorrent-").FullName : arguments.Value("--output") ?? ".";
        TransferOptions.MakeFolder(folder);
        var state = new DiskState(folder, metainfo);
        FileSelection? selection = wanted is null ? null : new FileSelection(metainfo.Files, wanted, metainfo.Geometry.PieceLength, state.EdgePath);

        try
        {
            var store = new PieceStore(metainfo.Files, folder, selection);
            var resume = new ResumeFile(state.ResumePath, metainfo.InfoHash, metainfo.Geometry, store);
            var picker = new PiecePicker(metainfo.Geometry, new Random()) { Sequential = toStdout || arguments.Has("--sequential") };
            if (wanted is not null) FileChoice.Apply(wanted, metainfo.Files, metainfo.Geometry, picker);
            Transfer.Check(metainfo, store, resume, picker, progress, interrupt.Token);
            Transfer.Require(store.CreateEmptyFiles());
            // Whether anything can be written there at all is better known before the first peer is asked.
            if (!picker.IsComplete) Transfer.Require(resume.Save(new ResumeState(picker.Have, [.. picker.WrittenBlocks()]), store.Stamps()));

            ExitCode exit;
            bool seeds = arguments.Has("--seed") || arguments.Has("--seed-ratio") || arguments.Has("--seed-time");
            await using (Engine engine = TransferOptions.Start(options))
            {
                var torrent = new ActiveTorrent(engine, metainfo, store, resume, picker, TransferOptions.Trackers(arguments, source));
                var transfer = new Transfer(engine, torrent, peers, progress, interrupt.Token);
                var stdout = toStdout ? new StdoutWriter(metainfo, store, torrent.Torrent) : null;
                exit = await transfer.DownloadAsync(timeout, () => stdout?.Write()).ConfigureAwait(false);
                if (exit == ExitCode.Done)
                {
                    Transfer.Require(store.Finish());
                    transfer.WriteCompleted();
                }
                if (exit == ExitCode.Done && seeds) // until the ratio or the time, whichever comes first; for ever if neither is given
                    exit = await transfer.SeedAsync((stats, passed) => passed >= time || stats.Uploaded >= ratio * metainfo.Geometry.TotalLength).ConfigureAwait(false);
                else if (exit == ExitCode.Done) torrent.KeepsState = false;
            }
            if (exit == ExitCode.Done && !seeds) state.Forget();
            return exit;
        }
        finally
        {
            if (toStdout) Directory.Delete(folder, recursive: true);
        }
    }
}
