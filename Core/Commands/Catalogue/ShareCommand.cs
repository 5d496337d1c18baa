// `share`: makes a torrent of each path, publishes it in a tracker's catalogue and seeds it until stopped.
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;

namespace TinyTorrent.Commands;

static class ShareCommand
{
    public static readonly Command Command = new(
        "share", "PATH [PATH]... --tracker URL [options]", "publish files or folders by name and seed them", MaxOperands: int.MaxValue,
        [
            CatalogueAddress.Option,
            new("--name", "NAME", "what others find it by (default: its name on disk)"),
            new("--comment", "TEXT", "a line about it; list searches it, too"),
            AccessToken.Option("the tracker's secret, if publishing there needs one"),
            TransferOptions.Engine,
            TransferOptions.Port,
            TransferOptions.Bind,
            TransferOptions.LimitUp,
            TransferOptions.MaxPeers,
            TransferOptions.Json,
        ],
        arguments => RunAsync(arguments).GetAwaiter().GetResult())
    {
        Details = """
            Others find it with 'tinytorrent list' and fetch it with 'tinytorrent get NAME', both with the same --tracker; any other BitTorrent client can join with the .torrent from the tracker's page. Name the tracker by an address that others reach: through http://localhost:6969 the tracker would list this machine as 127.0.0.1, where nobody else can connect.

            A name belongs to the content that was published under it first. Whoever shares the same content under the same name joins as one more owner.

            When it is stopped, the tracker is told that this owner has left; the entry stays in the catalogue, and goes away when nobody has seeded it for as long as the tracker keeps such entries, or at once with 'tinytorrent unshare'. What has not changed is not hashed again at the next start: the hashes are kept in $XDG_STATE_HOME/tinytorrent, or ~/.local/state/tinytorrent.

            The exit code is 7 if the tracker does not take it: a token is missing, or another content has the name.

              tinytorrent share film.mkv songs --tracker http://host:6969
              tinytorrent share film.mkv --name "The Film.mkv" --tracker http://host:6969
            """,
    };

    static async Task<ExitCode> RunAsync(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        EngineOptions options = TransferOptions.Read(arguments, synchronous: false);
        CatalogueAddress tracker = CatalogueAddress.Read(arguments);
        using var client = new CatalogueClient(tracker, AccessToken.Read(arguments));
        _ = arguments.Operand(0, "PATH");
        if (arguments.Has("--name") && arguments.Operands.Count > 1) throw Arguments.Usage("--name is for one PATH only");

        // Before the hashing, which may take long, and before anything is published.
        client.List(new CatalogueQuery { Name = arguments.Operands[0] }, interrupt.Token);
        await using Engine engine = TransferOptions.Start(options, progress);
        if (tracker.IsThisMachineOnly()) progress.Warning($"{tracker.Display}: only this machine will find what is shared; name the tracker as others reach it{Example(tracker)}");
        var contents = new Dictionary<string, MetainfoFile>(StringComparer.Ordinal);
        foreach (string path in arguments.Operands)
        {
            MetainfoFile metainfo = Describe(path, arguments, tracker, progress, interrupt.Token);
            if (contents.Values.Any(other => other.InfoHash == metainfo.InfoHash)) progress.Warning($"{path}: the same content under the same name as another path");
            else contents.Add(path, metainfo);
        }
        progress.Clear();
        var publisher = new Publisher(client, PublishTokens.OfUser(tracker.Root), progress);
        foreach (MetainfoFile metainfo in contents.Values) Publish(publisher, metainfo, progress, interrupt.Token);

        var sharing = new Sharing(engine, publisher, progress, interrupt.Token);
        foreach ((string path, MetainfoFile metainfo) in contents) sharing.Add(metainfo, Path.GetFullPath(path));
        return await sharing.RunAsync().ConfigureAwait(false);
    }

    static string Example(CatalogueAddress tracker) =>
        OutwardAddress.Find(ipv4: true) is { } address ? $", perhaps {new UriBuilder(tracker.Root.Scheme, address.ToString(), tracker.Root.Port).Uri}" : "";

    static MetainfoFile Describe(string path, Arguments arguments, CatalogueAddress tracker, Progress progress, CancellationToken cancellation)
    {
        ContentTree tree = ContentTree.Read(path, (file, why) => progress.Warning($"{file}: left out, {why}"));
        string name = arguments.Value("--name") ?? tree.Name;
        if (ContentTree.ProblemOf(name) is { } problem) throw Arguments.Usage($"--name: '{name}' {problem}");
        if (tree.WarningOfNames(name) is { } warning) progress.Warning(warning);
        var options = new MetainfoOptions { Name = name, Trackers = [[tracker.Announce]], Comment = arguments.Value("--comment"), CreatedBy = "tinytorrent" };
        return MetainfoFile.Parse(TreeHasher.Build(tree, path, options, pieceLength: null, MetainfoFile.MaxBytes, HashCache.OfUser(), progress, cancellation));
    }

    static void Publish(Publisher publisher, MetainfoFile metainfo, Progress progress, CancellationToken cancellation)
    {
        if (CatalogueSource.OtherMeaningOf(metainfo.Name) is { } meaning)
            progress.Warning($"'{metainfo.Name}': 'get' takes this name for {meaning}, so others need the info-hash {metainfo.InfoHash}; --name gives another name");
        string? token = publisher.Publish(metainfo, cancellation);
        progress.Line($"{metainfo.Name}: {(token is null ? "is" : "published")} in the catalogue of {publisher.Tracker.Display}, {metainfo.InfoHash}");
        progress.Events?.Write("published", json =>
        {
            json.WriteString("name", metainfo.Name);
            json.WriteString("info_hash", metainfo.InfoHash.ToString());
            json.WriteNumber("length", metainfo.Geometry.TotalLength);
            if (token is not null) json.WriteString("token", token);
        });
    }
}
