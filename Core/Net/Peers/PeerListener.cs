// Where other peers connect to us. One socket for both families where the host has IPv6.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

sealed class PeerListener : IDisposable
{
    const int Backlog = 512;

    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    readonly Socket _socket;

    PeerListener(Socket socket) => _socket = socket;

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>Listens on <paramref name="port"/>, 0 for any; SocketException if it is taken.</summary>
    /// <param name="address">Null: every address of both families.</param>
    public static PeerListener Open(IPAddress? address, int port)
    {
        address ??= Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(Backlog);
            return new PeerListener(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The wished port or, if it is taken, the first free one of the next nine, else any.</summary>
    public static PeerListener OpenNear(IPAddress? address, int port)
    {
        for (int next = port; next < Math.Min(port + 10, 65536); next++)
        {
            try { return Open(address, next); }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied) { }
        }
        return Open(address, 0);
    }

    /// <summary>Hands over connected sockets until cancelled.</summary>
    public async Task RunAsync(Action<Socket> accepted, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                HandOver(await _socket.AcceptAsync(cancellation).ConfigureAwait(false), accepted);
            }
            catch (OperationCanceledException) { return; }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionAborted or SocketError.ConnectionReset) { } // it died before it was accepted
            catch (SocketException)
            {
                // Nothing can be accepted until something closes, or whatever else it is has passed: looks again soon instead of spinning.
                await Task.Delay(s_pause, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    static void HandOver(Socket socket, Action<Socket> accepted)
    {
        try
        {
            socket.NoDelay = true;
            accepted(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _socket.Dispose();
}
