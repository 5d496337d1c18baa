// seed: gives away content that is on disk, all of it or what there is of it. seed-sync uses the synchronous engine.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;

namespace TinyTorrent.Commands;

static class SeedCommand
{
    static readonly Option[] s_options =
    [
        TransferOptions.Engine,
        TransferOptions.Peer,
        TransferOptions.Tracker,
        TransferOptions.Port,
        TransferOptions.Bind,
        TransferOptions.LimitUp,
        TransferOptions.MaxPeers,
        new("--once", "N", "stop when N peers have completed their download here"),
        TransferOptions.Json,
    ];

    public static readonly Command Async = Define("seed", "seed content that is on disk", synchronous: false);
    public static readonly Command Sync = Define("seed-sync", "seed with the synchronous engine", synchronous: true);

    static Command Define(string name, string summary, bool synchronous) =>
        new(name, "x.torrent PATH [options]", summary, MaxOperands: 2, s_options, arguments => RunAsync(arguments, synchronous).GetAwaiter().GetResult())
        {
            Details = "PATH is the content itself or the folder that holds it; it is checked first, and never written to. Of incomplete "
                + "content the whole pieces are given away.",
        };

    static async Task<ExitCode> RunAsync(Arguments arguments, bool synchronous)
    {
        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        EngineOptions options = TransferOptions.Read(arguments, synchronous);
        long once = arguments.Integer("--once", 0, 1, int.MaxValue);
        (string torrentFile, string path) = (arguments.Operand(0, "x.torrent"), arguments.Operand(1, "PATH"));
        if (!Path.Exists(path)) throw new CommandException(ExitCode.Disk, $"{path}: no such file or folder");
        TorrentSource source = TorrentSource.Load(torrentFile, interrupt.Token);
        MetainfoFile metainfo = source.NeededMetainfo;

        var store = PieceStore.ForContent(metainfo.Files, path);
        var picker = new PiecePicker(metainfo.Geometry, new Random());
        Transfer.Require(ExistingContent.Find(metainfo, store, state: null, picker, new HashingProgress(progress, "checking").Show, interrupt.Token));
        if (picker.Have.IsEmpty) throw new CommandException(ExitCode.Incomplete, $"{path}: no piece of the torrent is whole there (see 'tinytorrent verify')");
        for (int piece = 0; piece < metainfo.Geometry.PieceCount; piece++)
            if (!picker.Have[piece]) picker.SetPriority(piece, PiecePriority.Skip);
        if (!picker.Have.IsFull) progress.Warning($"{path}: {picker.Have.Count} of {picker.Have.Length} pieces are whole; only those are seeded");

        await using Engine engine = TransferOptions.Start(options, progress);
        var torrent = new ActiveTorrent(engine, metainfo, store, resume: null, picker, source.Trackers, TransferOptions.GivenTrackers(arguments));
        var transfer = new Transfer(engine, torrent, TransferOptions.Peers(arguments), progress, interrupt.Token);
        progress.Line($"seeding {metainfo.Name} on port {engine.Port}");
        return await transfer.SeedAsync((stats, _) => once > 0 && stats.PeersCompleted >= once).ConfigureAwait(false);
    }
}
