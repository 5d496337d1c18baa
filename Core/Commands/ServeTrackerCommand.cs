// `serve-tracker`: an HTTP and UDP tracker in the foreground, until a signal ends it.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Commands;

sealed class ServeTrackerCommand : IDisposable
{
    const int DefaultPort = 6969;

    /// <summary>The largest limit that can be asked for.</summary>
    const int MostHeld = 1_000_000_000;

    public static readonly Command Command = new(
        "serve-tracker", "[options]", "run a tracker over HTTP and UDP", MaxOperands: 0,
        [
            new("--listen", "ADDR:PORT", "where to listen, HTTP and UDP on the same port number; [::] is every address of both families, port 0 any free one (default [::]:6969)") { Short = 'l', Repeatable = true },
            new("--interval", "T", "time between two announces of a peer (default 30m)"),
            new("--max-peers", "N", "peers in one answer (default 200)"),
            new("--max-torrents", "N", "torrents held at once (default: no limit)"),
            new("--max-total-peers", "N", "peers held at once, in all torrents (default: no limit)"),
            new("--allow", "FILE", "serve only the torrents listed in FILE"),
            new("--deny", "FILE", "serve all torrents but those listed in FILE"),
            new("--keys", "FILE", "serve only who knows one of the passkeys listed in FILE"),
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            The announce URLs are http://HOST:PORT/announce and udp://HOST:PORT/announce. Over HTTP there are also /scrape, /health, the figures for people at /stats, for scripts at /stats.json and for Prometheus at /metrics.

            A list has one info-hash of 40 hex digits a line, and comments after #. A list of passkeys has one key a line: up to 64 letters, digits, - and _. SIGHUP reads them again; if one cannot be read, the old ones stay in force.

            With --keys the announce URLs are http://HOST:PORT/KEY/announce and udp://HOST:PORT/KEY/announce; who comes without a key is refused, and so are scrapes over UDP, which have no place for one. /health and the figures need no key. Whoever sees the traffic sees the key, for neither transport is encrypted. Keys should be long and random, such as `openssl rand -hex 16` prints.

            A peer is listed under the address its announce comes from. Only a peer in the tracker's own network (loopback or private addresses) may name another with the ip parameter.

            When --max-torrents or --max-total-peers is reached, an announce that would add one more is refused and told to come back after an interval; peers that are listed already are served as ever. Silent peers make room after one and a half intervals.

            SIGINT and SIGTERM end the tracker within a second with exit code 0: to be stopped is how a server finishes. What it knows is gone then; peers announce again by themselves.

              tinytorrent serve-tracker --listen 0.0.0.0:6969 --interval 10m
            """,
    };

    readonly Arguments _arguments;
    readonly JsonEvents? _json;
    readonly TrackerServer _server;
    readonly List<SharedPort> _ports;

    ServeTrackerCommand(Arguments arguments)
    {
        _arguments = arguments;
        _json = JsonEvents.Create(arguments);
        TrackerOptions options = Options(arguments);
        options = options with { Access = ReadAccess(), Keys = ReadKeys() };
        _ports = Open(arguments);
        _server = new TrackerServer(options, new HttpLimits(), _ports);
    }

    static ExitCode Run(Arguments arguments)
    {
        using var reload = new AutoResetEvent(false);
        // Without a list SIGHUP means what it means everywhere: the terminal is gone, so stop.
        bool hasList = arguments.Has("--allow") || arguments.Has("--deny") || arguments.Has("--keys");
        using var interrupt = new Interrupt(onHangup: hasList ? () => reload.Set() : null);
        using var command = new ServeTrackerCommand(arguments);
        command.TellPorts();
        while (WaitHandle.WaitAny([interrupt.Token.WaitHandle, reload]) == 1) command.Reload();
        command._json?.Write("stopped");
        return ExitCode.Done;
    }

    static TrackerOptions Options(Arguments arguments)
    {
        var options = new TrackerOptions();
        TimeSpan interval = arguments.Duration("--interval") ?? options.Interval;
        if (interval < TimeSpan.FromSeconds(1) || interval > TimeSpan.FromDays(1)) throw Arguments.Usage("--interval takes a time from 1s to 1d");
        int peers = (int)arguments.Integer("--max-peers", options.MaxPeers, 1, TrackerOptions.PeerLimit);
        return options with { Interval = interval, MaxPeers = peers, MaxTorrents = Limit("--max-torrents"), MaxTotalPeers = Limit("--max-total-peers") };

        long? Limit(string option) => arguments.Has(option) ? arguments.Integer(option, MostHeld, 1, MostHeld) : null;
    }

    static List<SharedPort> Open(Arguments arguments)
    {
        IReadOnlyList<string> wanted = arguments.Values("--listen");
        var endpoints = wanted.Count == 0 ? [new IPEndPoint(IPAddress.IPv6Any, DefaultPort)] : wanted.Select(ParseListen).ToList();
        return endpoints.ConvertAll(Open);
    }

    static SharedPort Open(IPEndPoint endpoint)
    {
        try
        {
            return SharedPort.Open(endpoint.Address, endpoint.Port, TrackerServer.Copies);
        }
        catch (SocketException e)
        {
            throw new CommandException(ExitCode.Failed, $"cannot listen on {endpoint}: {Failure.Reason(e.Message)} (--listen chooses another address)");
        }
    }

    /// <summary><c>1.2.3.4:port</c>, <c>[::1]:port</c>, an address alone, <c>:port</c> or <c>port</c>.</summary>
    internal static IPEndPoint ParseListen(string text)
    {
        string digits = text.StartsWith(':') ? text[1..] : text;
        if (ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return new IPEndPoint(IPAddress.IPv6Any, port);
        bool addressOnly = IPAddress.TryParse(text, out _) && !text.Contains("]:", StringComparison.Ordinal);
        if (IPEndPoint.TryParse(text, out IPEndPoint? endpoint))
            return addressOnly ? new IPEndPoint(endpoint.Address, DefaultPort) : endpoint;
        throw Arguments.Usage($"--listen takes an address and a port such as 0.0.0.0:6969 or [::]:6969, not '{text}'");
    }

    void TellPorts()
    {
        foreach (SharedPort port in _ports)
        {
            string place = $"{port.ReachableHost}:{port.Number}{(_arguments.Has("--keys") ? "/KEY" : "")}/announce";
            string http = $"http://{place}", udp = $"udp://{place}";
            string scope = port.IsEveryAddress ? " (every address of this host)" : "";
            _json?.Write("listening", json =>
            {
                json.WriteString("url", http);
                json.WriteString("udp", udp);
                json.WriteNumber("port", port.Number);
            });
            if (_json is null && !_arguments.Has("--quiet")) Console.Out.WriteLine($"listening on {http} and {udp}{scope}");
        }
    }

    AccessList ReadAccess()
    {
        (string? allow, string? deny) = (_arguments.Value("--allow"), _arguments.Value("--deny"));
        if (allow is not null && deny is not null) throw Arguments.Usage("--allow and --deny exclude each other");
        return (allow ?? deny) is { } path ? ReadList(path, text => AccessList.Parse(text, listedAreServed: allow is not null)) : AccessList.Everything;
    }

    Passkeys? ReadKeys() =>
        _arguments.Value("--keys") is { } path ? ReadList(path, text => Passkeys.Parse(text, Entropy.Secret(Passkeys.SecretSize))) : null;

    static T ReadList<T>(string path, Func<string, T> parse)
    {
        try
        {
            return parse(File.ReadAllText(path));
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path}: {e.Message}", e);
        }
    }

    void Reload()
    {
        try
        {
            (AccessList access, Passkeys? keys) = (ReadAccess(), ReadKeys());
            (_server.Service.Access, _server.Service.Keys) = (access, keys);
            _json?.Write("reloaded", json =>
            {
                json.WriteNumber("listed", access.Count);
                if (keys is not null) json.WriteNumber("keys", keys.Count);
            });
            if (_json is null && !_arguments.Has("--quiet"))
                Console.Out.WriteLine($"list read again: {access.Count} torrents{(keys is null ? "" : $", {keys.Count} passkeys")}");
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"tinytorrent: {Display.Safe(e.Message)} (the old list stays in force)");
            _json?.Write("error", json => json.WriteString("message", e.Message));
        }
    }

    public void Dispose() => _server.Dispose();
}
