// `browse`: the catalogue's page on this machine, with downloading and playing, until interrupted.
using System.Net.Sockets;
using TinyTorrent.Browse;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class BrowseCommand
{
    public static readonly Command Command = new(
        "browse", "--tracker URL [options]", "look at a tracker's catalogue in a browser, download and play", MaxOperands: 0,
        [
            CatalogueAddress.Option,
            new("--audio", null, "open the page at the audio"),
            new("--video", null, "open the page at the video"),
            new("--output", "DIR", "where downloads go (default: the current folder)") { Short = 'o' },
            new("--page-port", "N", "port of the page on 127.0.0.1 (default: any)"),
            TransferOptions.Engine,
            TransferOptions.Port,
            TransferOptions.Bind,
            TransferOptions.LimitDown,
            TransferOptions.LimitUp,
            TransferOptions.MaxPeers,
            JsonEvents.Option,
        ],
        arguments => RunAsync(arguments).GetAwaiter().GetResult())
    {
        Details = """
            Prints the address of a page that only this machine can open, and only who knows the address. There the list can be searched, a click downloads, and audio and video can be played while they are downloaded: where you jump to is fetched first. What is complete is seeded until the command is stopped.

              tinytorrent browse --tracker http://host:6969 --video -o ~/Videos
            """,
    };

    static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    static async Task<ExitCode> RunAsync(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        CatalogueAddress tracker = CatalogueAddress.Read(arguments);
        EngineOptions options = TransferOptions.Read(arguments, synchronous: false);
        ContentKind? kind = ListCommand.ReadKind(arguments);
        int port = (int)arguments.Integer("--page-port", 0, 0, 65535);
        string folder = Path.GetFullPath(arguments.Value("--output") ?? ".");
        TransferOptions.MakeFolder(folder);
        using var client = new CatalogueClient(tracker);
        client.List(new CatalogueQuery(), interrupt.Token); // a tracker without a catalogue is better known at once

        await using Engine engine = TransferOptions.Start(options);
        await using var downloads = new Downloads(engine, folder, (hash, cancellation) => Fetch(client, hash, cancellation), tracker.Announce);
        using BrowseServer server = Start(port, kind, downloads, (query, cancellation) => List(client, query, cancellation));
        if (JsonEvents.Create(arguments) is { } events) events.Write("started", json => json.WriteString("url", server.Url));
        else Console.Out.WriteLine(server.Url);
        if (!arguments.Has("--quiet")) Console.Error.WriteLine($"open this page in a browser; downloads go to {Display.Safe(folder)}; Ctrl-C ends it");
        while (!interrupt.Token.WaitHandle.WaitOne(s_look)) engine.RequireNoFault();
        return ExitCode.Interrupted;
    }

    static BrowseServer Start(int port, ContentKind? kind, Downloads downloads, CatalogueQuestion list)
    {
        try
        {
            return new BrowseServer(port, kind, downloads, list);
        }
        catch (SocketException e)
        {
            throw new CommandException(ExitCode.Failed, $"cannot listen on 127.0.0.1:{port}: {SystemMessage.Phrase(e.Message)} (--page-port chooses another port)");
        }
    }

    static MetainfoFile Fetch(CatalogueClient client, InfoHash hash, CancellationToken cancellation)
    {
        try
        {
            return client.Fetch(hash, cancellation) ?? throw new IOException("the tracker does not list it any more");
        }
        catch (CommandException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    static (int Status, byte[] Json) List(CatalogueClient client, string query, CancellationToken cancellation)
    {
        try
        {
            return client.ListAsItComes(query, cancellation);
        }
        catch (CommandException e)
        {
            throw new IOException(e.Message, e);
        }
    }
}
