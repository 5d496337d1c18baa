using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

/// <summary>What tells the asynchronous engine when its sockets can be read or written. Any thread may call.</summary>
interface IReadiness : IDisposable
{
    /// <summary>Watches a connected socket, non-blocking from here on, until the watch is disposed: before the socket is.</summary>
    /// <exception cref="SocketException">The system has no room for another.</exception>
    IWatch Watch(Socket socket);

    /// <exception cref="SocketException">The peer can't be reached.</exception>
    /// <exception cref="OperationCanceledException">Not in time; the socket is of no more use.</exception>
    Task ConnectAsync(Socket socket, IPEndPoint peer, CancellationToken cancellation);

    /// <summary>What the system has best.</summary>
    static IReadiness Create() => OperatingSystem.IsLinux() ? new EpollReadiness() : new PortableReadiness();
}

/// <summary>One socket's readiness: for one reader and one writer at a time.</summary>
interface IWatch : IDisposable
{
    /// <summary>Before each receive: what made the socket readable before it is not told after it.</summary>
    void BeforeReceive();

    /// <summary>Completes when there may be something to receive, or the end.</summary>
    /// <param name="inPlace">Go on on the watching thread, which must not be held up: only to hand the work to another thread.</param>
    ValueTask ReadableAsync(bool inPlace);

    /// <summary>Sends some of the data, as soon as there is room; how many bytes.</summary>
    ValueTask<int> SendAsync(ReadOnlyMemory<byte> data);
}
