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
        public Exception? Refusal { get; set; }
        public void Start(Socket socket, PeerSession session, Action<Exception?> ended)
        {
            if (Refusal is not null) throw Refusal;
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

    [Fact]
    public void DialsUnderWayTakePlacesAndAnIncomingPeerTheOneThatIsThere()
    {
        for (int i = 0; i < 38; i++) Assert.True(Call(null));
        Assert.True(_connections.TryBeginDial());
        Assert.True(_connections.TryBeginDial());
        Assert.False(_connections.TryBeginDial());
        Assert.True(Call("192.168.1.1")); // it is here, and a dial may come to nothing
        _connections.EndDial(null);
        Assert.False(_connections.TryBeginDial());
        _connections.EndDial(null);
        Assert.True(_connections.TryBeginDial());
    }

    [Fact]
    public void OnlySomeDozensAreDialledAtATimeHoweverManyPlacesThereAre()
    {
        var many = new Connections(_driver, new Clock(), maxPeers: 10_000);
        int dials = 0;
        while (dials < 10_000 && many.TryBeginDial()) dials++;
        Assert.InRange(dials, 10, 100);
        many.EndDial(null);
        Assert.True(many.TryBeginDial());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ASessionThatFindsNoPlaceHasGivenEveryBufferBack(bool noThreads)
    {
        if (noThreads) _driver.Refusal = new InsufficientMemoryException();
        else for (int i = 0; i < 40; i++) Assert.True(Call(null));
        var slabs = new Slabs();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var session = new PeerSession((PeerSession _, in Handshake _) => null, slabs);
        session.Outbox.SendHandshake(default);
        Assert.NotEqual(0, slabs.Lent);
        Assert.False(_connections.TryStart(socket, session));
        Assert.Equal(0, slabs.Lent);
        Assert.Throws<ObjectDisposedException>(() => socket.Available);
        Assert.Equal(noThreads ? 0 : 40, _connections.Count);
    }

    [Fact]
    public async Task TheEndWaitsForDialsUnderWay()
    {
        Assert.True(_connections.TryBeginDial());
        Assert.True(_connections.TryBeginWantedDial());
        Task stopping = _connections.StopAsync(TimeSpan.Zero);
        _connections.EndDial(null);
        Assert.False(stopping.IsCompleted);
        Assert.False(_connections.TryBeginDial() || _connections.TryBeginWantedDial());
        _connections.EndDial(new InvalidOperationException("mine"));
        await stopping.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal("mine", _connections.Fault?.Message);
    }
}
