using System.Net;
using System.Net.Sockets;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class HealthcheckCommandTests
{
    [Fact]
    public async Task ATrackerOfOneFamilyIsFoundByANameOfBoth()
    {
        IPAddress[] addresses = Socket.OSSupportsIPv6 ? [IPAddress.IPv6Loopback, IPAddress.Loopback] : [IPAddress.Loopback];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        foreach (IPAddress address in addresses)
        {
            using var tracker = new UdpClient(new IPEndPoint(address, 0));
            Task answering = AnswerAsync(tracker);
            await HealthcheckCommand.AskUdpAsync(addresses, ((IPEndPoint)tracker.Client.LocalEndPoint!).Port, patience.Token);
            await answering;
        }
    }

    [Fact]
    public Task ANameWithoutAnAddressIsNotHealthy() =>
        Assert.ThrowsAsync<SocketException>(() => HealthcheckCommand.AskUdpAsync([], 1, CancellationToken.None));

    static async Task AnswerAsync(UdpClient tracker)
    {
        UdpReceiveResult asked = await tracker.ReceiveAsync();
        byte[] connected = new byte[16];
        asked.Buffer.AsSpan(12, 4).CopyTo(connected.AsSpan(4)); // action 0, the transaction, an id of zeros
        await tracker.SendAsync(connected, asked.RemoteEndPoint);
    }
}
