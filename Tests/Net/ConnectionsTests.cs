using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Net;

public class ConnectionsTests
{
    /// <summary>Starts nothing; a connection ends when the test says so.</summary>
    sealed class IdleDriver : IPeerDriver
    {
        public List<Action<Exception?>> Ends { get; } = [];
        public int MaxPeers => 100;
        public Task<Socket> ConnectAsync(IPEndPoint peer, CancellationToken cancellation) => throw new NotSupportedException();
        public void Start(Socket socket, PeerSession session, Action<Exception?> ended)
        {
            socket.Dispose();
            Ends.Add(ended);
        }
    }

    readonly IdleDriver _driver = new();
    readonly Connections _connections;

    public ConnectionsTests() => _connections = new Connections(_driver, new Clock(), maxPeers: 40);

    bool Call(string? from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var session = new PeerSession((PeerSession _, in Handshake _) => null);
        return _connections.TryStart(socket, session, caller: from is null ? null : IPAddress.Parse(from));
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", "203.0.113.8")]
    [InlineData("2a00:1:2:3::1", "2a00:1:2:3:ffff::9", "2a00:1:2:4::1")]
    public void OneAddressGetsAQuarterOfThePlacesAndOthersGetTheRest(string address, string same, string other)
    {
        for (int i = 0; i < 10; i++) Assert.True(Call(address));
        Assert.False(Call(address));
        Assert.False(Call(same));
        Assert.True(Call(other));
        _driver.Ends[3](null); // a place that is given back is free again
        Assert.True(Call(same));
        Assert.False(Call(address));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData(null)] // we called
    public void OurOwnNetworkAndWhomWeCallAreNotCounted(string? address)
    {
        for (int i = 0; i < 40; i++) Assert.True(Call(address));
        Assert.False(Call(address)); // all places are taken
    }
}
