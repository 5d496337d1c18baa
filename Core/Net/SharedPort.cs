// A port number on which one host answers over TCP and UDP, in one address family or both. Sockets of one family each:
// a socket for both would report IPv4 clients in IPv6 clothes and does not exist where IPv6 is switched off.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

/// <summary>Bound sockets, TCP ones listening. Whoever serves them takes them over.</summary>
sealed class SharedPort
{
    /// <summary>Tries with a port of the system's choice: it picks a number free in one protocol, which may be taken in the other.</summary>
    const int Tries = 32;

    const int Backlog = 4096;

    readonly IPAddress _address;

    SharedPort(IPAddress address, int port)
    {
        _address = address;
        Number = port;
    }

    public int Number { get; private set; }
    public bool IsEveryAddress => _address.Equals(IPAddress.Any) || _address.Equals(IPAddress.IPv6Any);

    /// <summary>An address of this host that reaches the port, as it stands in a URL.</summary>
    public string ReachableHost => IsEveryAddress
        ? Tcp.Exists(socket => socket.AddressFamily == AddressFamily.InterNetwork) ? "127.0.0.1" : "[::1]"
        : _address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{_address}]" : _address.ToString();

    public List<Socket> Tcp { get; } = [];
    public List<Socket> Udp { get; } = [];

    /// <param name="address">An address; <c>::</c> means every address of both families, as far as the host has them.</param>
    /// <param name="port">0 for one that is free in all of them.</param>
    /// <exception cref="SocketException">The port is taken, or the address is not this host's.</exception>
    public static SharedPort Open(IPAddress address, int port)
    {
        for (int attempt = 1; ; attempt++)
        {
            var opened = new SharedPort(address, port);
            try
            {
                opened.BindAll();
                return opened;
            }
            catch (SocketException e)
            {
                opened.Close();
                if (port != 0 || e.SocketErrorCode != SocketError.AddressAlreadyInUse || attempt == Tries) throw;
            }
        }
    }

    void BindAll()
    {
        if (!_address.Equals(IPAddress.IPv6Any))
        {
            BindPair(_address);
            return;
        }
        if (Socket.OSSupportsIPv4) BindPair(IPAddress.Any);
        try
        {
            if (Socket.OSSupportsIPv6) BindPair(IPAddress.IPv6Any);
        }
        catch (SocketException e) when (Tcp.Count > 0 && e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
        {
            // The kernel knows IPv6 but the host has switched it off: IPv4 alone is what there is.
        }
    }

    void BindPair(IPAddress address)
    {
        Add(Udp, Bind(address, SocketType.Dgram, ProtocolType.Udp));
        Socket tcp = Bind(address, SocketType.Stream, ProtocolType.Tcp);
        Add(Tcp, tcp);
        tcp.Listen(Backlog);
    }

    void Add(List<Socket> list, Socket socket)
    {
        list.Add(socket);
        Number = ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    Socket Bind(IPAddress address, SocketType type, ProtocolType protocol)
    {
        var socket = new Socket(address.AddressFamily, type, protocol);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = false;
            socket.Bind(new IPEndPoint(address, Number));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    void Close()
    {
        foreach (Socket socket in Tcp.Concat(Udp)) socket.Dispose();
    }
}
