using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public class PeerListenerTests
{
    [Fact]
    public void APortThatIsTakenIsPassedOverUnlessItWasAskedFor()
    {
        using PeerListener first = PeerListener.Open(IPAddress.Loopback, 0);
        using PeerListener near = PeerListener.OpenNear(IPAddress.Loopback, first.Port);
        Assert.NotEqual(first.Port, near.Port);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => PeerListener.Open(IPAddress.Loopback, first.Port)).SocketErrorCode);
    }
}
