using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

/// <summary>A server of each kind with a handler of the test's own, workers, and its clients.</summary>
sealed class HandlerDoor : IDisposable
{
    readonly Way _way;
    readonly IServer _server;
    readonly int _port;

    public HandlerDoor(Way way, HttpHandler handler, HttpLimits? limits = null, int workers = 1, int places = 8)
    {
        _way = way;
        Workers = new HttpWorkers(workers, places);
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0, udp: false);
        _port = port.Number;
        limits ??= new HttpLimits();
        _server = way == Way.Fast && EpollHttpServer.IsSupported
            ? new EpollHttpServer(port.Tcp, handler, limits, new Clock(), Counters, "http test", Workers, Note)
            : new HttpServer(port.Tcp[0], handler, limits, new Clock(), Counters, way == Way.Tls ? () => TrackerDoor.s_identity.Value : null, Workers, Note);
    }

    public HttpWorkers Workers { get; }
    public TrackerCounters Counters { get; } = new();
    public List<string> Faults { get; } = [];

    void Note(Exception fault)
    {
        lock (Faults) Faults.Add(fault.Message);
    }

    public static byte[] Request(string path, string headers = "", string method = "GET") =>
        Encoding.Latin1.GetBytes($"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");

    /// <summary>A connection; reading from it ends after a minute.</summary>
    public Stream Dial() => Dial(out _);

    public Stream Dial(out Socket socket)
    {
        socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, _port);
        var plain = new NetworkStream(socket, ownsSocket: true) { ReadTimeout = 60_000 };
        if (_way != Way.Tls) return plain;
        var stream = new SslStream(plain);
        stream.AuthenticateAsClient(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null });
        return stream;
    }

    /// <summary>The whole answer to a GET on a connection of its own.</summary>
    public string Get(string path)
    {
        using Stream stream = Dial();
        stream.Write(Request(path, "Connection: close\r\n"));
        return TrackerDoor.ReadToEnd(stream);
    }

    public void Stop() => _server.Stop();

    public void Dispose()
    {
        _server.Dispose();
        Workers.Dispose();
    }
}
