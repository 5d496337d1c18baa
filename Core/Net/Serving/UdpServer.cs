// A UDP socket with a thread that answers each packet where it came from, through a function of bytes.
// Two loops do the same: on Linux batches of packets a call, elsewhere one packet a call through the framework's socket,
// without allocation, because addresses stay what the system made of them (SocketAddress).
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>Answers one packet. Returns the bytes written to <paramref name="reply"/>, or 0 for no answer.</summary>
delegate int DatagramHandler(ReadOnlySpan<byte> packet, in PeerAddress from, Span<byte> reply);

/// <summary>Packets that wait when it stops are answered still.</summary>
sealed class UdpServer : IServer
{
    /// <summary>Bytes of packets that may wait in the system: the default of 208 KiB is full after 277 announces.</summary>
    const int ReceiveBuffer = 4 * 1024 * 1024;

    /// <summary>Packets answered after it was stopped: more than the system's buffer holds, and not a crowd's, which comes without end.</summary>
    const int LastPackets = 8192;

    const int BufferSize = 2048;

    readonly Socket _socket;
    readonly DatagramHandler _handler;
    readonly Action<Exception>? _onFault;
    readonly bool _batches;
    readonly Thread _thread;
    volatile bool _stopping;

    /// <param name="socket">Bound; belongs to the server from here on.</param>
    /// <param name="portable">Use the framework's socket even where batches are possible.</param>
    /// <param name="onFault">Told of exceptions; each has cost an answer.</param>
    public UdpServer(Socket socket, DatagramHandler handler, bool portable, Action<Exception>? onFault = null)
    {
        _socket = socket;
        _handler = handler;
        _onFault = onFault;
        _batches = !portable && DatagramBatch.IsSupported;
        _socket.ReceiveBufferSize = ReceiveBuffer;
        string family = socket.AddressFamily == AddressFamily.InterNetworkV6 ? "ipv6" : "ipv4";
        _thread = new Thread(_batches ? RunBatches : () => AnswerWhile(() => !_stopping)) { Name = "udp " + family, IsBackground = true };
        _thread.Start();
    }

    int Descriptor => (int)_socket.SafeHandle.DangerousGetHandle();

    void RunBatches()
    {
        using var batch = new DatagramBatch(Descriptor);
        while (!_stopping) Answer(batch, batch.Receive());
        for (int left = LastPackets, count; left > 0 && (count = batch.Receive(wait: false)) > 0; left -= count) Answer(batch, count);
    }

    void Answer(DatagramBatch batch, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (!batch.TryReadSender(i, out PeerAddress from)) continue;
            int length = Handle(batch.Packet(i), from, batch.Reply);
            if (length > 0) batch.Queue(i, length);
        }
        batch.Send();
    }

    int Handle(ReadOnlySpan<byte> packet, in PeerAddress from, Span<byte> reply)
    {
        try
        {
            return _handler(packet, from, reply);
        }
        catch (Exception e) // a fault of ours must not end the server
        {
            _onFault?.Invoke(e);
            return 0;
        }
    }

    void AnswerWhile(Func<bool> goesOn)
    {
        byte[] packet = new byte[BufferSize], reply = new byte[BufferSize];
        var address = new SocketAddress(_socket.AddressFamily);
        while (goesOn())
        {
            try
            {
                int count = _socket.ReceiveFrom(packet, SocketFlags.None, address);
                if (!TryRead(address, out PeerAddress from)) continue;
                int length = Handle(packet.AsSpan(0, count), from, reply);
                if (length > 0) _socket.SendTo(reply.AsSpan(0, length), SocketFlags.None, address);
            }
            catch (SocketException) { } // a full send queue, a firewall's refusal, a packet too large: UDP may lose packets
            catch (ObjectDisposedException) when (_stopping) { }
        }
    }

    /// <summary>Reads the address out of a sockaddr. False for port 0, which cannot be answered.</summary>
    static bool TryRead(SocketAddress address, out PeerAddress from)
    {
        ReadOnlySpan<byte> bytes = address.Buffer.Span;
        from = address.Family == AddressFamily.InterNetworkV6 ? PeerAddress.From(bytes.Slice(8, 16)) : PeerAddress.From(bytes.Slice(4, 4));
        return bytes[2] != 0 || bytes[3] != 0;
    }

    public void Stop()
    {
        _stopping = true;
        // An unconnected socket is shut down with an error, and what is there can be received still, but nobody waits in it any more.
        if (_batches) _ = LinuxSockets.shutdown(Descriptor, LinuxSockets.ShutdownReceive);
    }

    public void Dispose()
    {
        Stop();
        if (!_batches)
        {
            // The thread may be waiting, which ends with the socket: what has come is answered from this one before that.
            int left = LastPackets;
            _socket.Blocking = false;
            AnswerWhile(() => left-- > 0 && _socket.Poll(0, SelectMode.SelectRead));
            _socket.Dispose();
        }
        _thread.Join();
        _socket.Dispose();
    }
}
