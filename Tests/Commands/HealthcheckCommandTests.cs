using System.Net;
using System.Net.Sockets;
using TinyTorrent.Commands;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

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

    static ExitCode Check(string url) => HealthcheckCommand.Command.Run(Arguments.Parse(HealthcheckCommand.Command, [url, "--quiet"]));

    [Theory]
    [InlineData("127.0.0.1", "0.0.0.0")]
    [InlineData("127.0.0.1", "[::]")]
    [InlineData("::", "[::]")]
    [InlineData("0.0.0.0", "0.0.0.0")]
    public void TheAddressATrackerListensOnIsOneToAskItBy(string listen, string asked)
    {
        if (listen == "::" && !Socket.OSSupportsIPv6) return;
        SharedPort port = SharedPort.Open(IPAddress.Parse(listen), 0);
        using var tracker = new TrackerServer(new TrackerOptions(), new HttpLimits(), [port]);
        Assert.Equal(ExitCode.Done, Check($"http://{asked}:{port.Number}"));
        Assert.Equal(ExitCode.Done, Check($"http://{asked}:{port.Number}/stats"));
        Assert.Equal(ExitCode.Done, Check($"udp://{asked}:{port.Number}"));
        Assert.Contains("answered 404", Assert.Throws<CommandException>(() => Check($"http://{asked}:{port.Number}/nothing")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NobodyThereIsNotHealthyWhateverTheAddress()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // and does not listen
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        foreach (string host in (string[])["127.0.0.1", "0.0.0.0", "[::]"])
            Assert.Equal(ExitCode.NoPeer, Assert.Throws<CommandException>(() => Check($"http://{host}:{port}")).Code);
    }

    [Fact]
    public async Task AnEndlessAnswerIsReadNoFurtherThan64KiB()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        Task<long> sending = Task.Run(() =>
        {
            using Socket client = server.AcceptSocket();
            client.Receive(new byte[1024]);
            client.Send("HTTP/1.1 200 OK\r\n\r\n"u8);
            byte[] block = new byte[64 * 1024];
            long sent = 0;
            try
            {
                while (true) sent += client.Send(block);
            }
            catch (SocketException)
            {
                return sent; // the healthcheck has hung up
            }
        });
        long before = GC.GetTotalAllocatedBytes();
        Assert.Equal(ExitCode.Done, Check($"http://127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}"));
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 32 << 20); // where other tests allocate as well
        Assert.True(await sending > 64 * 1024);
    }

    [Fact]
    public async Task AnAnswerThatBreaksOffIsNotHealthy()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        Task sending = Task.Run(() =>
        {
            using Socket client = server.AcceptSocket();
            client.Receive(new byte[1024]);
            client.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"u8);
        });
        Assert.Equal(ExitCode.NoPeer, Assert.Throws<CommandException>(() => Check($"http://127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}")).Code);
        await sending;
    }

    static async Task AnswerAsync(UdpClient tracker)
    {
        UdpReceiveResult asked = await tracker.ReceiveAsync();
        byte[] connected = new byte[16];
        asked.Buffer.AsSpan(12, 4).CopyTo(connected.AsSpan(4)); // action 0, the transaction, an id of zeros
        await tracker.SendAsync(connected, asked.RemoteEndPoint);
    }
}
