// Sockets, names and timers for UdpExchange: one socket per address family, opened when first needed, and a task each that
// hands incoming datagrams to the exchange they answer. Each request is one task that sends and waits.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

sealed class UdpTrackerTransport(TrackerTimeouts timeouts) : IDisposable
{
    // A reply may name more peers than our largest packet holds; it is cut there.
    const int ReceiveSize = 8 * UdpCodec.MaxPacketSize;

    readonly Clock _clock = new();
    readonly UdpConnections _connections = new();
    readonly List<Waiting> _waiting = [];
    readonly CancellationTokenSource _closing = new();
    readonly Lock _lock = new(); // guards all of the above and the sockets
    readonly List<Task> _receivers = [];
    Socket? _socket4, _socket6;

    sealed record Waiting(UdpExchange Exchange, SemaphoreSlim Answered);

    public async Task<TrackerReply> AskAsync(TrackerRequest request, CancellationToken cancel)
    {
        IPAddress[] addresses;
        try
        {
            addresses = await NameLookup.FindAsync(request.Tracker.Uri.IdnHost, cancel).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            return TrackerReply.Failed(TrackerFailure.Unreachable, e.Message);
        }

        TimeSpan first = request.Announce.Event == AnnounceEvent.Stopped ? timeouts.UdpFirstStopped : timeouts.UdpFirst;
        int port = request.Tracker.Uri.Port;
        using var answered = new SemaphoreSlim(0);
        var exchange = new UdpExchange(request, addresses.Select(a => new IPEndPoint(a, port)), _connections, Entropy.Number, first);
        var waiting = new Waiting(exchange, answered);
        lock (_lock) _waiting.Add(waiting);
        try
        {
            byte[] packet = new byte[UdpCodec.MaxPacketSize];
            while (Step(exchange, packet) is { } wait) await answered.WaitAsync(wait, cancel).ConfigureAwait(false);
            return exchange.Outcome!;
        }
        finally
        {
            lock (_lock) _waiting.Remove(waiting);
        }
    }

    /// <summary>Sends what is due; returns how long to wait for an answer, or null at the end.</summary>
    TimeSpan? Step(UdpExchange exchange, byte[] packet)
    {
        lock (_lock)
        {
            while (exchange.Outcome is null)
            {
                TimeSpan now = _clock.Now;
                if (exchange.DueAt > now) return exchange.DueAt - now;
                int length = exchange.Write(packet, now);
                if (length == 0) break;
                try
                {
                    SocketFor(exchange.Target.AddressFamily).SendTo(packet.AsSpan(0, length), SocketFlags.None, exchange.Target);
                }
                catch (SocketException e)
                {
                    exchange.OnSendFailed(e.Message, now);
                }
            }
            return null;
        }
    }

    Socket SocketFor(AddressFamily family)
    {
        ref Socket? socket = ref family == AddressFamily.InterNetworkV6 ? ref _socket6 : ref _socket4;
        if (socket is not null) return socket;
        IPAddress any = family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
        var opened = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        if (family == AddressFamily.InterNetworkV6) opened.DualMode = false;
        opened.Bind(new IPEndPoint(any, 0));
        socket = opened;
        _receivers.Add(Task.Run(() => ReceiveAsync(opened, new IPEndPoint(any, 0))));
        return opened;
    }

    async Task ReceiveAsync(Socket socket, EndPoint any)
    {
        byte[] packet = new byte[ReceiveSize];
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(packet, any, _closing.Token).ConfigureAwait(false);
                Deliver(packet.AsSpan(0, received.ReceivedBytes), (IPEndPoint)received.RemoteEndPoint);
            }
            catch (SocketException)
            {
                // An earlier datagram of ours was turned away (ICMP); whose it was is not said, and timers cover it.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    void Deliver(ReadOnlySpan<byte> packet, IPEndPoint source)
    {
        lock (_lock)
        {
            foreach (Waiting waiting in _waiting)
            {
                if (!waiting.Exchange.OnDatagram(packet, source, _clock.Now)) continue;
                waiting.Answered.Release();
                return;
            }
        }
    }

    /// <summary>Call after the last request has ended.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        Task.WaitAll([.. _receivers]);
        _socket4?.Dispose();
        _socket6?.Dispose();
        _closing.Dispose();
    }
}
