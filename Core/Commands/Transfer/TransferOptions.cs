// The options get and seed share, and what they mean to the engine.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TransferOptions
{
    /// <summary>Connections at once, with the engine that takes the most.</summary>
    public const int MostPeers = AsyncDriver.Limit;

    public static readonly Option
        Engine = new("--engine", "async|sync", "which peer engine to use: tasks (default), or two threads per peer"),
        Peer = new("--peer", "HOST:PORT", "a peer to connect to") { Repeatable = true },
        Tracker = new("--tracker", "URL", "one more tracker to ask") { Repeatable = true },
        Port = new("--port", "N", "listening port (default 6881 or the next free one; 0: any)"),
        Bind = new("--bind", "ADDR", "address to listen on (default: all, both families)"),
        LimitDown = new("--limit-down", "RATE", "receive no more than this: 500k, 2M bytes per second"),
        LimitUp = new("--limit-up", "RATE", "send no more than this"),
        MaxPeers = new("--max-peers", "N", "connections at once (default 200; the sync engine takes at most 100)"),
        Json = JsonEvents.Option;

    /// <param name="synchronous">The command's own default: get-sync and seed-sync are the synchronous engine.</param>
    public static EngineOptions Read(Arguments arguments, bool synchronous)
    {
        synchronous = ReadEngine(arguments) ?? synchronous;
        IPAddress? bind = null;
        if (arguments.Value("--bind") is { } address && !IPAddress.TryParse(address, out bind))
            throw Arguments.Usage($"--bind takes an IP address, not '{address}'");

        return new EngineOptions(
            synchronous,
            bind,
            (int)arguments.Integer("--port", 6881, 0, 65535),
            ExactPort: arguments.Has("--port"),
            arguments.Bytes("--limit-down"),
            arguments.Bytes("--limit-up"),
            ReadMaxPeers(arguments, synchronous));
    }

    static int? ReadMaxPeers(Arguments arguments, bool synchronous)
    {
        if (!arguments.Has("--max-peers")) return null;
        int peers = (int)arguments.Integer("--max-peers", 0, 1, MostPeers);
        return !synchronous || peers <= SyncDriver.Limit ? peers
            : throw Arguments.Usage($"--max-peers {peers} is more than the sync engine takes, which is {SyncDriver.Limit} (--engine async takes up to {MostPeers})");
    }

    /// <summary>True for the synchronous engine; null if none was asked for.</summary>
    public static bool? ReadEngine(Arguments arguments) => arguments.Value("--engine") switch
    {
        null => null,
        "sync" => true,
        "async" => false,
        { } other => throw Arguments.Usage($"--engine takes async or sync, not '{other}'"),
    };

    public static IReadOnlyList<HostPort> Peers(Arguments arguments) =>
        [.. arguments.Values("--peer").Select(text => HostPort.TryParse(text, out HostPort peer)
            ? peer : throw Arguments.Usage($"--peer takes HOST:PORT, not '{text}'"))];

    /// <summary>The announce URL of each --tracker.</summary>
    public static IReadOnlyList<string> GivenTrackers(Arguments arguments) => [.. arguments.Values("--tracker").Select(url =>
        TrackerUrl.TryParse(url, out _, out string? problem) ? CatalogueAddress.AnnounceOf(url) : throw Arguments.Usage($"--tracker {url}: {problem}"))];

    /// <summary>An engine, or the one line that says why there is none.</summary>
    /// <param name="progress">Told when peers are turned away, once however many torrents there are; null: nobody is.</param>
    public static Engine Start(EngineOptions options, Progress? progress = null)
    {
        ProcessLimits.RequireThreads();
        try
        {
            var engine = new Engine(options);
            if (progress is not null) engine.PeerRefused += (limit, engineTakesMore) => TellRefused(progress, limit, engineTakesMore);
            return engine;
        }
        catch (SocketException e)
        {
            string hint = e.SocketErrorCode == SocketError.AddressAlreadyInUse ? " (--port chooses another, 0 any)" : "";
            string address = options.Bind is null ? $"port {options.Port}" : new IPEndPoint(options.Bind, options.Port).ToString();
            throw new CommandException(ExitCode.Failed, $"cannot listen on {address}: {SystemMessage.Phrase(e.Message)}{hint}");
        }
    }

    static void TellRefused(Progress progress, int limit, bool engineTakesMore)
    {
        string peers = limit == 1 ? "a peer is connected" : $"{limit} peers are connected";
        string advice = engineTakesMore ? " (--max-peers allows more)" : limit < MostPeers ? " (--engine async takes more)" : "";
        progress.Line($"{peers}, the most there may be: others are turned away{advice}");
        try { progress.Events?.Write("full", json => json.WriteNumber("max_peers", limit)); }
        catch (OutputException) { } // the next progress event ends the command
    }

    /// <summary>Before anything is fetched: a folder that cannot be is known now.</summary>
    public static void MakeFolder(string folder)
    {
        try { Directory.CreateDirectory(folder); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw File.Exists(folder) ? new CommandException(ExitCode.Disk, $"{folder}: not a folder") : Failure.Disk(e, folder);
        }
    }
}
