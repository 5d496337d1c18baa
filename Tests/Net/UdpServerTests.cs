using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class UdpServerTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AFaultCostsOneAnswerAndIsTold(bool portable)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var faults = new ConcurrentQueue<Exception>();
        using var server = new UdpServer(socket, Answer, portable, faults.Enqueue);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(socket.LocalEndPoint!);
        client.Send([0]);
        client.Send([1]);
        byte[] answer = new byte[10];
        Assert.Equal(1, await client.ReceiveAsync(answer).WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal((1, "a fault"), (answer[0], Assert.Single(faults).Message));

        static int Answer(ReadOnlySpan<byte> packet, in PeerAddress from, Span<byte> reply)
        {
            if (packet.IsEmpty) return 0; // woken
            if (packet[0] == 0) throw new InvalidOperationException("a fault");
            reply[0] = packet[0];
            return 1;
        }
    }
}
