// What both engines do alike with a peer's socket.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

static class PeerSocket
{
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    public static Socket Create(IPEndPoint peer) =>
        new(peer.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <summary>Makes blocked and pending calls on the socket return soon. Any thread, any number of times; nothing enters the system
    /// before this returns, for callers hold a torrent's lock.</summary>
    public static void ShutdownSoon(Socket socket) => ThreadPool.UnsafeQueueUserWorkItem(Shutdown, socket, preferLocal: false);

    static void Shutdown(Socket socket)
    {
        try { socket.Shutdown(SocketShutdown.Both); }
        catch (SocketException) { } // not connected any more: nothing is blocked
        catch (ObjectDisposedException) { } // the loops have ended already
    }

    /// <summary>Both loops have ended. The fault if a listener of the torrent's events throws: the connection must end all the same.</summary>
    public static Exception? End(Socket socket, PeerSession peer, TimeSpan now)
    {
        socket.Dispose();
        try { peer.Closed(now); }
        catch (Exception e) // stdout may have lost its reader, for one; the engine ends with it
        {
            return e;
        }
        return null;
    }

    /// <summary>Receives what a non-blocking socket has: -1 if that is nothing yet.</summary>
    public static int TryReceive(Socket socket, Span<byte> into) => Moved(socket.Receive(into, SocketFlags.None, out SocketError error), error);

    /// <summary>Sends what a non-blocking socket has room for: -1 if that is nothing yet.</summary>
    public static int TrySend(Socket socket, ReadOnlySpan<byte> data) => Moved(socket.Send(data, SocketFlags.None, out SocketError error), error);

    static int Moved(int count, SocketError error) => error switch
    {
        SocketError.Success => count,
        SocketError.WouldBlock => -1,
        _ => throw new SocketException((int)error),
    };

    /// <summary>Blocks to put into one send, so that a rate limit stays smooth.</summary>
    public static int BlocksPerSend(RateLimiter up) =>
        up.Quantum(Geometry.BlockLength, PeerSession.MaxBlocksPerSend * Geometry.BlockLength) / Geometry.BlockLength;

    /// <summary>The part of a receive buffer to fill at once, likewise.</summary>
    public static int BytesPerReceive(RateLimiter down, int buffer) => down.Quantum(Geometry.BlockLength, buffer);
}
