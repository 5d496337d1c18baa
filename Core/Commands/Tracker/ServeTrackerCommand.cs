// `serve-tracker`: an HTTP and UDP tracker in the foreground, until a signal ends it.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Catalogue;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class ServeTrackerCommand : IDisposable
{
    const int DefaultPort = 6969, DefaultTlsPort = 6970;

    /// <summary>The largest limit that can be asked for.</summary>
    const int MostHeld = 1_000_000_000;

    /// <summary>Bytes of .torrent files a catalogue on disk takes unless told otherwise.</summary>
    const long SizeOnDisk = 1L << 30;

    public static readonly Command Command = new(
        "serve-tracker", "[options]", "run a tracker over HTTP and UDP", MaxOperands: 0,
        [
            new("--listen", "ADDR:PORT", "where to listen, HTTP and UDP on the same port number; [::] is every address of both families, port 0 any free one (default [::]:6969)") { Short = 'l', Repeatable = true },
            new("--interval", "T", "time between two announces of a peer (default 30m)"),
            new("--max-peers", "N", "peers in one answer (default 200)"),
            new("--max-torrents", "N", "torrents held at once (default: what half the memory holds)"),
            new("--max-total-peers", "N", "peers held at once, in all torrents (default: what half the memory holds)"),
            new("--max-rate", "N", "requests a second from one address, of IPv6 from one /64, and 16 times as many from one /48 (default: no limit)"),
            new("--full-scrape", null, "answer a scrape that names no torrent with all of them"),
            new("--allow", "FILE", "serve only the torrents listed in FILE"),
            new("--deny", "FILE", "serve all torrents but those listed in FILE"),
            new("--keys", "FILE", "serve only who knows one of the passkeys listed in FILE"),
            new("--trust-proxy", "ADDR/N", "believe what a proxy at this address or in this network says about its clients' addresses") { Repeatable = true },
            new("--trust-ip", null, "list a peer under the address that its announce names (ip=), whoever sends it"),
            new("--tls-cert", "FILE", "serve HTTPS too, with the certificate in FILE (PEM)"),
            new("--tls-key", "FILE", "the certificate's private key (PEM, not encrypted; default: in the same file)"),
            new("--tls-listen", "ADDR:PORT", "where to listen for HTTPS (default [::]:6970)") { Repeatable = true },
            new("--state", "DIR", "keep the swarms and the catalogue in DIR through restarts"),
            AccessToken.Option("publishing needs this secret, which also takes anything out of the catalogue"),
            new("--keep", "T", "how long the catalogue keeps what nobody seeds (default 7d)"),
            new("--catalogue-size", "SIZE", "bytes of .torrent files it takes (default 16M, with --state 1G)"),
            new("--host", "NAME", "a name of this tracker under which clients on the local network may read the catalogue") { Repeatable = true },
            new("--no-catalogue", null, "no catalogue: a tracker of hashes only"),
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            The announce URLs are http://HOST:PORT/announce and udp://HOST:PORT/announce. Over HTTP there are also /scrape, /health, the figures for people at /stats, for scripts at /stats.json and for Prometheus at /metrics.

            A list has one info-hash of 40 hex digits a line, and comments after #. A list of passkeys has one key a line: up to 64 letters, digits, - and _. SIGHUP reads the files again, the certificate's too; one that cannot be read leaves in force what was.

            With --tls-cert the same is served at https://HOST:6970/announce. The file holds the server's certificate, then those between it and the authority's own, as certbot's fullchain.pem does. A renewed one is shown from the next SIGHUP on. One that has expired is warned of, and does not replace one that is good.

            With --keys the announce URLs are http://HOST:PORT/KEY/announce and udp://HOST:PORT/KEY/announce; a client without a key is refused, and so are scrapes over UDP, which have no place for one. /health and the figures need no key. Whoever sees the traffic sees the key, unless it comes over HTTPS. Keys should be long and random, such as `openssl rand -hex 16` prints.

            A peer is listed under the address its announce comes from. Peers of private, link-local and loopback addresses are told to each other and not to the internet. With --trust-ip a peer may name another address with the ip parameter. Then anybody who can reach the tracker can send a swarm to a stranger's address, so use it only where every client is trusted.

            Behind a reverse proxy, Docker's userland proxy or the network of a rootless container all announces come from one address, and every peer would be listed under that. Name the proxy with --trust-proxy (several may be named). From there the tracker takes the client's address from the PROXY protocol, version 1 or 2, over HTTP and HTTPS, and version 2 over UDP, where the answer goes back to the proxy; or from the header X-Forwarded-For, or Forwarded where that is absent: the rightmost address that is not a trusted proxy. From everybody else these headers are ignored. The proxy must append to X-Forwarded-For or replace it, not pass it on as it came: with nginx, `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for`.

            Torrents and peers take half the memory at most that the machine has, or that the container (its cgroup) may use: with 1 GiB, about four million torrents of one peer each, or 25 million peers. If both --max-torrents and --max-total-peers are given, these count instead.

            When that, --max-torrents or --max-total-peers is reached, an announce that would add one more is refused and told to come back after an interval; peers that are listed already are served as ever. Silent peers make room after one and a half intervals.

            --max-rate limits what one address may go on with; ten seconds' worth may come at once. More is refused, over HTTP with status 429, until the address has been silent for a while. Many users can share one address, and a client with many torrents announces them all when it starts: 5 is strict, 50 is generous. Behind a proxy that --trust-proxy does not name, all clients count as one.

            --full-scrape lets anybody list every torrent, at most once in ten seconds: about 95 bytes each, made anew each time.

            Its catalogue lists what clients have published under a name ('tinytorrent share', 'list' and 'get NAME'): /catalogue.json and /torrents/INFO-HASH.torrent to read, POST /catalogue to publish. Anybody may publish unless --token is given; with --keys the paths of the catalogue need a key in front as well. One address has an eighth of it at most, one of the tracker's own network a half; when it is full, what nobody has ever seeded makes room. With the token 'tinytorrent unshare' takes out any entry, and with --all every one. Without --token a token for that is made at each start and printed. The catalogue is kept in memory; with --state in DIR/catalogue.

            A page of another site can have its name pointed at a tracker on the reader's own network. Browsers of local addresses therefore read the catalogue only under an address, a name without a dot or of a local domain (.local, .lan, .internal, .home.arpa), or a name given with --host.

            With --state the swarms and how often each torrent was completed are written to the file swarms in DIR once a minute and at the end, and read again at the next start; peers silent for too long meanwhile are left out. The file is replaced as a whole, so a crash or a full disk costs a minute at most. A folder where no file can be made is refused at the start with exit code 6; a full disk is not, for it may have room again. When saving fails later, a warning says so, /health answers 'ok, but …' (still with status 200, because to start the tracker again would lose what is not saved) and the figure unsaved is 1, until it works again. One that is damaged is set aside as swarms.broken. A second tracker on the same DIR is refused with exit code 6.

            SIGINT and SIGTERM end the tracker within a second with exit code 0: to be stopped is how a server finishes; with 6 if the state could not be saved. Without --state what it knows is gone then; peers announce again by themselves.

              tinytorrent serve-tracker --listen 0.0.0.0:6969 --interval 10m
            """,
    };

    readonly Arguments _arguments;
    readonly TrackerLog _log;
    readonly TrackerFiles _files;
    readonly FolderLock? _state;
    readonly string? _madeToken; // for a catalogue that is open
    readonly TrackerServer _server;
    readonly List<SharedPort> _ports, _tlsPorts = [];

    ServeTrackerCommand(Arguments arguments)
    {
        _arguments = arguments;
        _log = new TrackerLog(arguments);
        _files = new TrackerFiles(arguments);
        TrackerOptions options = Options(arguments) with { Access = _files.ReadAccess(), Keys = _files.ReadKeys() };
        TlsIdentity? identity = _files.ReadIdentity(_log);
        string? folder = arguments.Value("--state");
        if (folder is not null && FolderLock.Take(folder, "another tracker keeps its state here (--state chooses another folder)", out _state) is { IsOk: false } fault)
            throw Failure.Disk(fault);
        _ports = Open("--listen", DefaultPort, TrackerServer.Copies, udp: true);
        if (identity is not null) _tlsPorts = Open("--tls-listen", DefaultTlsPort, copies: 1, udp: false);
        SwarmFile? swarms = folder is null ? null : new SwarmFile(folder);
        CatalogueOptions? catalogue = Catalogue();
        _madeToken = catalogue is { IsOpen: true } ? catalogue.Token : null;
        _server = new TrackerServer(options, new HttpLimits(), _ports, swarms: swarms, catalogue: catalogue, warn: _log.Warn) { Identity = identity };
        _server.ServeTls(_tlsPorts);
    }

    static ExitCode Run(Arguments arguments)
    {
        ProcessLimits.RequireThreads();
        using var reload = new AutoResetEvent(false);
        // Without a file SIGHUP means what it means everywhere: the terminal is gone, so stop.
        using var interrupt = new Interrupt(onHangup: TrackerFiles.AreIn(arguments) ? () => reload.Set() : null);
        using var command = new ServeTrackerCommand(arguments);
        if (command._server.Catalogue is { Fault: { IsOk: false } fault }) throw Failure.Disk(fault);
        command.TellPorts();
        command._log.Serving();
        while (WaitHandle.WaitAny([interrupt.Token.WaitHandle, reload]) == 1) command.ReadAgain(interrupt.Token);
        command.Dispose();
        if (command._server.End is { IsOk: false } unsaved) throw new CommandException(ExitCode.Disk, $"the swarms could not be saved at the end: {unsaved}");
        command._log.Tell("stopped", null, null); // who hears it finds the state saved and its folder free
        return ExitCode.Done;
    }

    /// <summary>Returns when that is done or the tracker is to end: a file that is a pipe may never be read to its end.</summary>
    void ReadAgain(CancellationToken interrupt)
    {
        try { Task.Run(() => _files.ReadAgain(_server, _log), CancellationToken.None).Wait(interrupt); }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested) { }
    }

    static TrackerOptions Options(Arguments arguments)
    {
        var options = new TrackerOptions();
        TimeSpan interval = arguments.Duration("--interval") ?? options.Interval;
        if (interval < TimeSpan.FromSeconds(1) || interval > TimeSpan.FromDays(1)) throw Arguments.Usage("--interval takes a time from 1s to 1d");
        int peers = (int)arguments.Integer("--max-peers", options.MaxPeers, 1, TrackerOptions.PeerLimit);
        double rate = arguments.Number("--max-rate", 1);
        if (rate is <= 0 or > RequestLimiter.MaxRate) throw Arguments.Usage($"--max-rate takes a number above 0, up to {RequestLimiter.MaxRate:0}");
        return options with
        {
            Interval = interval, MaxPeers = peers, MaxTorrents = Limit("--max-torrents"), MaxTotalPeers = Limit("--max-total-peers"),
            MaxSwarmBytes = arguments.Has("--max-torrents") && arguments.Has("--max-total-peers") ? null : AvailableMemory() / 2,
            Proxies = ReadProxies(arguments), TrustIp = arguments.Has("--trust-ip"), FullScrape = arguments.Has("--full-scrape"), MaxRate = arguments.Has("--max-rate") ? rate : null,
        };

        long? Limit(string option) => arguments.Has(option) ? arguments.Integer(option, MostHeld, 1, MostHeld) : null;
    }

    /// <summary>Bytes that the machine has, or three quarters of what the process may use where a cgroup says so.</summary>
    static long AvailableMemory() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    static TrustedProxies ReadProxies(Arguments arguments)
    {
        try
        {
            return TrustedProxies.Parse(arguments.Values("--trust-proxy"));
        }
        catch (FormatException e)
        {
            throw Arguments.Usage($"--trust-proxy: {e.Message}");
        }
    }

    CatalogueOptions? Catalogue()
    {
        if (_arguments.Has("--no-catalogue")) return null;
        var limits = new CatalogueLimits();
        string? state = _arguments.Value("--state");
        limits = limits with
        {
            Keep = _arguments.Duration("--keep") ?? limits.Keep,
            Bytes = _arguments.Bytes("--catalogue-size") ?? (state is null ? limits.Bytes : SizeOnDisk),
        };
        string? token = AccessToken.Read(_arguments);
        CatalogueFolder? folder = state is null ? null : new CatalogueFolder(Path.Combine(state, "catalogue"));
        return new CatalogueOptions(limits, folder, token ?? Convert.ToHexStringLower(Entropy.Secret(WriteToken.SecretSize)), IsOpen: token is null) { Hosts = _arguments.Values("--host") };
    }

    List<SharedPort> Open(string option, int defaultPort, int copies, bool udp)
    {
        IReadOnlyList<string> wanted = _arguments.Values(option);
        List<IPEndPoint> endpoints = wanted.Count == 0 ? [new IPEndPoint(IPAddress.IPv6Any, defaultPort)] : [.. wanted.Select(text => ParseListen(text, option, defaultPort))];
        return endpoints.ConvertAll(endpoint =>
        {
            try
            {
                return SharedPort.Open(endpoint.Address, endpoint.Port, copies, udp);
            }
            catch (SocketException e)
            {
                throw new CommandException(ExitCode.Failed, $"cannot listen on {endpoint}: {SystemMessage.Phrase(e.Message)} ({option} chooses another address)");
            }
        });
    }

    /// <summary><c>1.2.3.4:port</c>, <c>[::1]:port</c>, an address alone, <c>:port</c> or <c>port</c>.</summary>
    internal static IPEndPoint ParseListen(string text, string option = "--listen", int defaultPort = DefaultPort)
    {
        string digits = text.StartsWith(':') ? text[1..] : text;
        if (ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return new IPEndPoint(IPAddress.IPv6Any, port);
        bool addressOnly = IPAddress.TryParse(text, out _) && !text.Contains("]:", StringComparison.Ordinal);
        if (IPEndPoint.TryParse(text, out IPEndPoint? endpoint))
            return addressOnly ? new IPEndPoint(endpoint.Address, defaultPort) : endpoint;
        throw Arguments.Usage($"{option} takes an address and a port such as 0.0.0.0:{defaultPort} or [::]:{defaultPort}, not '{text}'");
    }

    void TellPorts()
    {
        foreach (SharedPort port in _ports) Tell(port, "http", udp: true);
        foreach (SharedPort port in _tlsPorts) Tell(port, "https", udp: false);
        if (_madeToken is not null) _log.Say($"anybody may publish in the catalogue; this token takes anything out of it, until the tracker ends: {_madeToken}");
    }

    /// <summary>Scripts on this machine get its own address, which always leads here; people the one that others reach too.</summary>
    void Tell(SharedPort port, string scheme, bool udp)
    {
        string Root(string host) => $"{host}:{port.Number}/{(_arguments.Has("--keys") ? "KEY/" : "")}";
        (string own, string outer) = (Root(port.ReachableHost), Root(port.PublicHost));
        string page = $"{scheme}://{outer}{(_arguments.Has("--no-catalogue") ? "stats" : "")}";
        _log.Tell("listening", json =>
        {
            json.WriteString("url", $"{scheme}://{own}announce");
            if (udp) json.WriteString("udp", $"udp://{own}announce");
            json.WriteString("public_url", $"{scheme}://{outer}announce");
            json.WriteString("page", page);
            json.WriteNumber("port", port.Number);
            if (_madeToken is not null && port == _ports[0]) json.WriteString("token", _madeToken); // for the catalogue; told once
        }, $"listening on {scheme}://{outer}announce{(udp ? $" and udp://{outer}announce" : "")}{(port.IsEveryAddress ? " (every address of this host)" : "")}; page: {page}");
    }

    public void Dispose()
    {
        _server.Dispose();
        _state?.Dispose(); // what was saved last is there before another tracker may read it
    }
}
