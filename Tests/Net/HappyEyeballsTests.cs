using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public class HappyEyeballsTests
{
    [Fact]
    public void FamiliesTakeTurnsIPv6First() => Assert.Equal(
        Parse("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"),
        HappyEyeballs.Alternate(Parse("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2")));

    [Fact]
    public async Task TheReasonOfTheLastFailureIsTold()
    {
        var asked = new List<IPEndPoint>();
        SocketException e = await Assert.ThrowsAsync<SocketException>(() => HappyEyeballs.ConnectAsync("127.0.0.1", 7, (peer, _) =>
        {
            asked.Add(peer);
            return Task.FromException<Socket>(new SocketException((int)SocketError.ConnectionRefused));
        }, CancellationToken.None));
        Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
        Assert.Equal([new IPEndPoint(IPAddress.Loopback, 7)], asked);
    }

    static IPAddress[] Parse(params string[] addresses) => Array.ConvertAll(addresses, IPAddress.Parse);
}
