using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class UdpTrackerTransportTests
{
    static readonly TrackerTimeouts Quick = new() { UdpFirst = TimeSpan.FromMilliseconds(100), UdpFirstStopped = TimeSpan.FromMilliseconds(50) };

    /// <summary>Where packets are counted: a slow machine must not take its own pause for a loss.</summary>
    static readonly TrackerTimeouts Steady = new() { UdpFirst = TimeSpan.FromSeconds(2), UdpFirstStopped = TimeSpan.FromSeconds(2) };

    /// <summary>A UDP tracker whose answers the test may bend: it gets the request and the good answer, and returns what to send.</summary>
    sealed class ScriptedUdpTracker : IDisposable
    {
        readonly Socket _socket;
        readonly CancellationTokenSource _closing = new();
        readonly Task _serving;

        public ScriptedUdpTracker(Func<int, byte[], byte[]?> bend, IPAddress? address = null)
        {
            address ??= IPAddress.Loopback;
            _socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            _socket.Bind(new IPEndPoint(address, 0));
            _serving = Task.Run(() => ServeAsync(bend, address));
        }

        public string Url => $"udp://{_socket.LocalEndPoint}/announce";

        /// <summary>Packets so far.</summary>
        public int Received { get; private set; }

        async Task ServeAsync(Func<int, byte[], byte[]?> bend, IPAddress address)
        {
            byte[] packet = new byte[2048];
            try
            {
                while (true)
                {
                    SocketReceiveFromResult got = await _socket.ReceiveFromAsync(packet, new IPEndPoint(address, 0), _closing.Token);
                    if (bend(Received++, Answer(packet.AsSpan(0, got.ReceivedBytes), address)) is { } answer)
                        await _socket.SendToAsync(answer, got.RemoteEndPoint, _closing.Token);
                }
            }
            catch (OperationCanceledException)
            {
            }
        }

        static byte[] Answer(ReadOnlySpan<byte> packet, IPAddress address)
        {
            byte[] answer = new byte[64];
            if (!UdpCodec.TryReadRequest(packet, out UdpRequest request)) return [];
            if (request.Action == UdpAction.Connect) return answer[..UdpCodec.WriteConnectReply(answer, request.Transaction, 99)];
            if (request.ConnectionId != 99) return answer[..UdpCodec.WriteError(answer, request.Transaction, "wrong id"u8)];
            if (request.Action == UdpAction.Scrape)
            {
                int at = UdpCodec.WriteScrapeReply(answer, request.Transaction);
                return answer[..(at + UdpCodec.WriteScrapeRow(answer.AsSpan(at), new SwarmCounts(1, 2, 3)))];
            }
            int length = UdpCodec.WriteAnnounceReply(answer, request.Transaction, 900, new SwarmCounts(1, 2, 0));
            byte[] peer = [.. address.GetAddressBytes(), 0, 80];
            return [.. answer[..length], .. peer];
        }

        public void Dispose()
        {
            _closing.Cancel();
            _serving.Wait();
            _socket.Dispose();
            _closing.Dispose();
        }
    }

    static void AssertGood(TrackerReply reply)
    {
        Assert.True(reply.Failure == TrackerFailure.None, reply.Reason);
        Assert.Equal(80, Assert.Single(reply.Peers).Port);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void AnAnnounceAndAScrapeTakeThreePackets(string address)
    {
        using var tracker = new ScriptedUdpTracker((_, answer) => answer, IPAddress.Parse(address));
        using var probe = new TrackerProbe();
        TrackerReply reply = probe.Ask(tracker.Url);
        AssertGood(reply);
        Assert.Equal(address, reply.Peers[0].Address.ToString());
        Assert.Equal((1, 2, 3), probe.Ask(tracker.Url, scrape: true) is var s ? (s.Seeders, s.Leechers, s.Completed) : default);
        Assert.Equal(3, tracker.Received); // the connection id was used twice
    }

    [Fact]
    public void LostPacketsAreSentAgain()
    {
        using var tracker = new ScriptedUdpTracker((count, answer) => count is 0 or 2 or 3 ? null : answer);
        using var probe = new TrackerProbe(Steady);
        AssertGood(probe.Ask(tracker.Url));
        Assert.Equal(5, tracker.Received);
    }

    [Fact]
    public void AnswersWithAWrongNumberAndNoiseAreIgnored()
    {
        using var tracker = new ScriptedUdpTracker((count, answer) =>
        {
            if (count == 0) answer[7]++;
            return count == 1 ? [1, 2, 3] : answer;
        });
        using var probe = new TrackerProbe(Steady);
        AssertGood(probe.Ask(tracker.Url));
        Assert.Equal(4, tracker.Received);
    }

    [Fact]
    public void AnAnswerFromElsewhereIsIgnored()
    {
        using var liar = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var tracker = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        tracker.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        tracker.ReceiveTimeout = 20_000;
        using var probe = new TrackerProbe(Quick);
        probe.Send($"udp://{tracker.LocalEndPoint}");
        byte[] packet = new byte[2048];
        for (int i = 0; i < 2; i++) // the forged answer did not end the connecting: it is asked for again
        {
            EndPoint client = new IPEndPoint(IPAddress.Any, 0);
            int length = tracker.ReceiveFrom(packet, ref client);
            Assert.True(UdpCodec.TryReadRequest(packet.AsSpan(0, length), out UdpRequest request));
            Assert.Equal(UdpAction.Connect, request.Action);
            byte[] forged = new byte[UdpCodec.ConnectSize];
            UdpCodec.WriteConnectReply(forged, request.Transaction, 1);
            liar.SendTo(forged, client);
        }
    }

    [Fact]
    public void AnErrorIsARefusal()
    {
        using var tracker = new ScriptedUdpTracker((_, answer) =>
        {
            if (answer[3] == (byte)UdpAction.Connect) answer[8]++; // gives ids that it does not accept
            return answer;
        });
        using var probe = new TrackerProbe();
        TrackerReply reply = probe.Ask(tracker.Url);
        Assert.Equal((TrackerFailure.Refused, "wrong id"), (reply.Failure, reply.Reason));
    }

    [Fact]
    public void ANameWithoutAddressIsUnreachable()
    {
        using var probe = new TrackerProbe();
        Assert.Equal(TrackerFailure.Unreachable, probe.Ask("udp://no-such-name.invalid:80").Failure);
    }

    [Fact]
    public void ShutdownSendsStoppedThroughALostPacket()
    {
        using var tracker = new ScriptedUdpTracker((count, answer) => count == 0 ? null : answer);
        using var silent = new ScriptedUdpTracker((_, _) => null);
        using var probe = new TrackerProbe(Steady);
        probe.Send(silent.Url);
        probe.Send(tracker.Url, AnnounceEvent.Stopped);
        probe.Transport.Shutdown(TimeSpan.FromSeconds(60));
        Assert.Equal(3, tracker.Received);
        Assert.Equal(1, probe.RepliesWaiting);
    }

    [Fact]
    public void ManyRequestsAtOnceGetTheirOwnAnswers()
    {
        using var tracker = new ScriptedUdpTracker((_, answer) => answer);
        using var probe = new TrackerProbe(Quick);
        for (int i = 0; i < 50; i++) probe.Send(tracker.Url);
        for (int i = 0; i < 50; i++) AssertGood(probe.Take().Reply);
    }
}
