// A running tracker: one service behind HTTP and UDP servers on every port it was given, HTTPS where it has a certificate,
// a clock that ages its swarms, and a file they are kept in.
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Catalogue;
using TinyTorrent.Hashing;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Net;

/// <summary>What a tracker with a catalogue knows of it beforehand.</summary>
/// <param name="Folder">Where it is kept, or null: in memory.</param>
/// <param name="Token">The operator's secret, or null if there is none.</param>
/// <param name="IsOpen">Anybody may publish; otherwise only with the secret.</param>
sealed record CatalogueOptions(CatalogueLimits Limits, CatalogueFolder? Folder, string? Token, bool IsOpen)
{
    /// <summary>Names under which clients of local addresses may read it; see <see cref="PageGuard"/>.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];
}

/// <summary>Serves from its creation until it is disposed.</summary>
sealed class TrackerServer : IDisposable
{
    /// <summary>How long a secret signs connection ids. It is a guard against nothing known: whoever learns one has learned an hour.</summary>
    static readonly TimeSpan SecretLifetime = TimeSpan.FromHours(1);

    const int MaxCopies = 16;

    /// <summary>Plain connections that one within TLS counts for: it holds about 27 KiB.</summary>
    const int TlsCost = 4;

    readonly Clock _clock = new();
    readonly List<IServer> _servers = [];
    readonly ManualResetEventSlim _stop = new(false, spinCount: 0); // waited for by the second: spinning first would only wake the processor
    readonly Thread _ticking;
    readonly Thread? _keeping;
    readonly HttpLimits _limits;
    readonly HttpWorkers _workers = new(HttpWorkers.Fitting);
    readonly Action<Exception> _onFault;
    readonly TrackerRoutes _routes;
    volatile TlsIdentity? _identity;
    readonly SwarmKeeper? _keeper;

    /// <param name="ports">Taken over.</param>
    /// <param name="portable">Use the framework's sockets even where there is something faster.</param>
    /// <param name="swarms">Where the swarms come from and are kept, or null.</param>
    /// <param name="catalogue">Null for none.</param>
    /// <param name="warn">Takes a line about what is kept; on any thread.</param>
    /// <exception cref="IOException">What is kept cannot be read.</exception>
    public TrackerServer(
        TrackerOptions options, HttpLimits limits, IEnumerable<SharedPort> ports, bool portable = false,
        SwarmFile? swarms = null, CatalogueOptions? catalogue = null, Action<string>? warn = null)
    {
        Service = new TrackerService(options, Entropy.Secret(SipHash.KeySize));
        warn ??= _ => { };
        _onFault = fault =>
        {
            Service.Counters.Fault();
            warn($"a request failed for a fault of this program: {fault.Message}");
        };
        if (swarms is not null)
        {
            DiskResult loaded = swarms.Load(Service.Swarms, _clock.Now, DateTimeOffset.UtcNow, out string? warning);
            if (!loaded.IsOk) throw new IOException(loaded.ToString());
            if (warning is not null) warn(warning);
            _keeper = new SwarmKeeper(swarms, Service, _clock, warn, SwarmKeeper.Period);
        }
        var udp = new UdpTracker(Service);
        _limits = limits = Fitting(limits) with { Proxies = options.Proxies };
        if (catalogue is not null)
        {
            var known = new CatalogueSwarms(name => Service.Access.Serves(name), CountsOf);
            Catalogue = new CatalogueKeeper(catalogue.Limits, catalogue.Folder, known, options.Interval, warn, Service.Saved);
        }
        _routes = new TrackerRoutes(Service, _clock, Catalogue is null ? null : RoutesTo(Catalogue, catalogue!), warn);
        foreach (SharedPort port in ports)
        {
            foreach (Socket socket in port.Udp)
                _servers.Add(new UdpServer(socket, (packet, in from, reply) => udp.Answer(packet, from, _clock.Now, reply), portable, _onFault));
            if (portable || !EpollHttpServer.IsSupported)
            {
                foreach (Socket socket in port.Tcp) _servers.Add(new HttpServer(socket, _routes.Answer, limits, _clock, Service.Counters, null, _workers, _onFault));
                continue;
            }
            HttpLimits share = limits with { Connections = Math.Max(1, limits.Connections / port.Copies) };
            for (int i = 0; i < port.Copies; i++)
            {
                IEnumerable<Socket> listeners = port.Tcp.Where((_, at) => at % port.Copies == i);
                _servers.Add(new EpollHttpServer(listeners, _routes.Answer, share, _clock, Service.Counters, $"http {i + 1}", _workers, _onFault));
            }
        }
        _ticking = new Thread(Tick) { Name = "tracker clock", IsBackground = true };
        _ticking.Start();
        if (Catalogue is null) return;
        _keeping = new Thread(KeepCatalogue) { Name = "catalogue", IsBackground = true };
        _keeping.Start();
    }

    public TrackerService Service { get; }

    public CatalogueKeeper? Catalogue { get; }

    /// <summary>Sockets of each kind worth opening for a port: a thread on every core, to a point.</summary>
    public static int Copies => OperatingSystem.IsLinux() ? Math.Clamp(Environment.ProcessorCount, 1, MaxCopies) : 1;

    /// <summary>Who the TLS ports say they are, from the next connection on.</summary>
    public TlsIdentity? Identity
    {
        get => _identity;
        set => _identity = value;
    }

    /// <summary>Serves HTTPS on more ports. <see cref="Identity"/> stands already.</summary>
    /// <param name="ports">Taken over.</param>
    public void ServeTls(IEnumerable<SharedPort> ports)
    {
        Socket[] sockets = [.. ports.SelectMany(port => port.Tcp)];
        HttpLimits share = _limits with { Connections = Math.Max(1, _limits.Connections / (TlsCost * Math.Max(1, sockets.Length))) };
        foreach (Socket socket in sockets) _servers.Add(new HttpServer(socket, _routes.Answer, share, _clock, Service.Counters, () => _identity!, _workers, _onFault));
    }

    /// <summary>Connections that the process has descriptors for: more of them would wait unanswered instead of being refused.</summary>
    static HttpLimits Fitting(HttpLimits limits)
    {
        if (!OperatingSystem.IsLinux()) return limits;
        long descriptors = LinuxSockets.DescriptorLimit(), rest = descriptors - Math.Max(32, descriptors / 4);
        // With those of HTTPS, a quarter as many.
        return limits with { Connections = (int)Math.Clamp(rest * TlsCost / (TlsCost + 1), 1, limits.Connections) };
    }

    static CatalogueRoutes RoutesTo(CatalogueKeeper keeper, CatalogueOptions options) =>
        new(keeper, options.Token is { } token ? WriteToken.Of(Encoding.UTF8.GetBytes(token)) : default, options.IsOpen, options.Hosts);

    SwarmCounts CountsOf(InfoHash name) => Service.TryScrape(name, out SwarmCounts counts) ? counts : default;

    /// <summary>After Dispose: what became of the last save, if the swarms are kept.</summary>
    public DiskResult End => _keeper?.End ?? DiskResult.Ok;

    void Tick()
    {
        TimeSpan rotated = _clock.Now;
        var freed = new FreedMemory();
        while (!_stop.Wait(TimeSpan.FromSeconds(1)))
        {
            TimeSpan now = _clock.Now;
            Service.Tick(now);
            (long peers4, long peers6) = Service.Peers;
            freed.OnPeers(peers4 + peers6);
            if (now - rotated < SecretLifetime) continue;
            Service.ConnectionIds.Rotate(Entropy.Secret(SipHash.KeySize));
            rotated = now;
        }
    }

    /// <summary>A thread of its own, because it waits for the disk: the swarms' clock must not.</summary>
    void KeepCatalogue()
    {
        Catalogue!.Load(() => _stop.IsSet);
        while (!_stop.Wait(TimeSpan.FromSeconds(1))) Catalogue.Tick(_clock.Now);
    }

    public void Dispose()
    {
        if (_stop.IsSet) return; // the descriptors of the first time may be others' by now
        _stop.Set();
        foreach (IServer server in _servers) server.Stop();
        _ticking.Join();
        _keeping?.Join();
        foreach (IServer server in _servers) server.Dispose();
        _workers.Dispose();
        _keeper?.Dispose(); // saves what the last answers were made of
        Service.Dispose();
        _stop.Dispose();
    }
}
