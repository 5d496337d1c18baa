// A running tracker: one service behind HTTP and UDP servers on every port it was given, and a clock that ages its swarms.
using System.Net.Sockets;
using TinyTorrent.Hashing;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>Serves from its creation until it is disposed.</summary>
sealed class TrackerServer : IDisposable
{
    /// <summary>How long a secret signs connection ids. It is a guard against nothing known: whoever learns one has learned an hour.</summary>
    static readonly TimeSpan SecretLifetime = TimeSpan.FromHours(1);

    readonly Clock _clock = new();
    readonly List<IDisposable> _servers = [];
    readonly ManualResetEventSlim _stop = new();
    readonly Thread _ticking;

    /// <param name="ports">Taken over.</param>
    public TrackerServer(TrackerOptions options, HttpLimits limits, IEnumerable<SharedPort> ports)
    {
        Service = new TrackerService(options, Entropy.Secret(SipHash.KeySize));
        var udp = new UdpTracker(Service);
        var routes = new TrackerRoutes(Service, _clock);
        foreach (SharedPort port in ports)
        {
            foreach (Socket socket in port.Udp)
                _servers.Add(new UdpServer(socket, (packet, in from, reply) => udp.Answer(packet, from, _clock.Now, reply)));
            foreach (Socket socket in port.Tcp) _servers.Add(new HttpServer(socket, routes.Answer, limits, _clock));
        }
        _ticking = new Thread(Tick) { Name = "tracker clock", IsBackground = true };
        _ticking.Start();
    }

    public TrackerService Service { get; }

    void Tick()
    {
        TimeSpan rotated = _clock.Now;
        while (!_stop.Wait(TimeSpan.FromSeconds(1)))
        {
            TimeSpan now = _clock.Now;
            Service.Tick(now);
            if (now - rotated < SecretLifetime) continue;
            Service.ConnectionIds.Rotate(Entropy.Secret(SipHash.KeySize));
            rotated = now;
        }
    }

    public void Dispose()
    {
        _stop.Set();
        _ticking.Join();
        foreach (IDisposable server in _servers) server.Dispose();
        Service.Dispose();
        _stop.Dispose();
    }
}
