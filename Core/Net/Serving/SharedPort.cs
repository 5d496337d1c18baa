// A port number on which one host answers over TCP and UDP (or TCP alone), in one address family or both. Sockets of one
// family each: a socket for both would report IPv4 clients in IPv6 clothes and does not exist where IPv6 is switched off.
// On Linux there can be several of each (SO_REUSEPORT): the system deals clients out to them, a thread serves each.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

/// <summary>Bound sockets, TCP ones listening. Whoever serves them takes them over.</summary>
sealed class SharedPort
{
    /// <summary>Tries with a port of the system's choice: it picks a number free in one protocol, which may be taken in the other.</summary>
    const int Tries = 32;

    const int Backlog = 4096;

    /// <summary>SOL_SOCKET and SO_REUSEPORT of Linux.</summary>
    const int SocketLevel = 1, ReusePort = 15;

    readonly IPAddress _address;
    readonly bool _udp;

    SharedPort(IPAddress address, int port, int copies, bool udp)
    {
        _address = address;
        _udp = udp;
        Copies = copies;
        Number = port;
    }

    public int Number { get; private set; }

    /// <summary>Sockets of each kind.</summary>
    public int Copies { get; }

    public bool IsEveryAddress => _address.Equals(IPAddress.Any) || _address.Equals(IPAddress.IPv6Any);

    /// <summary>An address of this host that reaches the port, as it stands in a URL.</summary>
    public string ReachableHost => IsEveryAddress ? HasIPv4 ? "127.0.0.1" : "[::1]" : InUrl(_address);

    /// <summary>As <see cref="ReachableHost"/>, an address that others reach too if there is one.</summary>
    public string PublicHost => IsEveryAddress && OutwardAddress.Find(HasIPv4) is { } outward ? InUrl(outward) : ReachableHost;

    bool HasIPv4 => Tcp.Exists(socket => socket.AddressFamily == AddressFamily.InterNetwork);

    static string InUrl(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();

    public List<Socket> Tcp { get; } = [];
    public List<Socket> Udp { get; } = [];

    /// <param name="address">An address; <c>::</c> means every address of both families, as far as the host has them.</param>
    /// <param name="port">0 for one that is free in all of them.</param>
    /// <param name="copies">Sockets of each kind; more than 1 only on Linux.</param>
    /// <param name="udp">False leaves the port's UDP side to others.</param>
    /// <exception cref="SocketException">The port is taken, or the address is not this host's.</exception>
    public static SharedPort Open(IPAddress address, int port, int copies = 1, bool udp = true)
    {
        for (int attempt = 1; ; attempt++)
        {
            var opened = new SharedPort(address, port, copies, udp);
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
        if (_udp) BindCopies(address, SocketType.Dgram, ProtocolType.Udp, Udp);
        int before = Tcp.Count;
        BindCopies(address, SocketType.Stream, ProtocolType.Tcp, Tcp);
        foreach (Socket listener in Tcp.Skip(before)) listener.Listen(Backlog);
    }

    void BindCopies(IPAddress address, SocketType type, ProtocolType protocol, List<Socket> list)
    {
        Socket first = Bind(address, type, protocol, shared: false);
        Number = ((IPEndPoint)first.LocalEndPoint!).Port;
        if (Copies == 1)
        {
            list.Add(first);
            return;
        }
        // A shared socket binds beside any other of the same user, another tracker's too: only one that does not share finds
        // out that the port is free.
        first.Dispose();
        for (int i = 0; i < Copies; i++) list.Add(Bind(address, type, protocol, shared: true));
    }

    Socket Bind(IPAddress address, SocketType type, ProtocolType protocol, bool shared)
    {
        var socket = new Socket(address.AddressFamily, type, protocol);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = false;
            if (shared) socket.SetRawSocketOption(SocketLevel, ReusePort, BitConverter.GetBytes(1));
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
