using System.Net;
using System.Net.Sockets;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

/// <summary>One of the two peer engines: connects sockets and runs the two loops of a session over them.</summary>
interface IPeerDriver
{
    /// <summary>Connections this engine takes on at once.</summary>
    int MaxPeers { get; }

    /// <summary>A connected socket; SocketException if the peer can't be reached in time.</summary>
    Task<Socket> ConnectAsync(IPEndPoint peer, CancellationToken cancellation);

    /// <summary>Starts the loops and returns; from then on the driver owns the socket. OutOfMemoryException or SocketException
    /// if the system has no room for them.</summary>
    /// <param name="ended">Called once, last of all; with an exception if the loops ended by a fault of ours.</param>
    void Start(Socket socket, PeerSession peer, Action<Exception?> ended);
}
