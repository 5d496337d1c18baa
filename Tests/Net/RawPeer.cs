using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Net;

/// <summary>A peer that says exactly what the test tells it to, over a plain socket.</summary>
sealed class RawPeer : IDisposable
{
    static int s_count;

    public RawPeer(int port)
    {
        Socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000, SendTimeout = 30_000 };
        Socket.Connect(IPAddress.Loopback, port);
    }

    public Socket Socket { get; }

    /// <summary>A handshake with a peer id of its own.</summary>
    public static byte[] Hello(bool fast = true)
    {
        string id = $"-XX0001-{Interlocked.Increment(ref s_count):D12}";
        byte[] bytes = new byte[Handshake.Size];
        new Handshake(default, new PeerId(System.Text.Encoding.ASCII.GetBytes(id)), fast, SupportsExtensions: false).Write(bytes);
        return bytes;
    }

    /// <summary>Exchanges handshakes.</summary>
    public RawPeer Greet(bool fast = true)
    {
        Socket.Send(Hello(fast));
        ReadExactly(new byte[Handshake.Size]);
        return this;
    }

    public void Send(MessageId id)
    {
        byte[] frame = new byte[5];
        PeerMessage.Write(frame, id);
        Socket.Send(frame);
    }

    public void Send(MessageId id, in BlockRef block)
    {
        byte[] frame = new byte[17];
        PeerMessage.Write(frame, id, block);
        Socket.Send(frame);
    }

    public void SendBlock(in BlockRef block, ReadOnlySpan<byte> content)
    {
        byte[] frame = new byte[PeerMessage.PieceHeaderLength + block.Length];
        PeerMessage.WritePieceHeader(frame, block);
        content.CopyTo(frame.AsSpan(PeerMessage.PieceHeaderLength));
        Socket.Send(frame);
    }

    /// <summary>The next message of one of these kinds; others are skipped.</summary>
    public (MessageId Id, byte[] Body) Await(params ReadOnlySpan<MessageId> ids)
    {
        while (true)
        {
            byte[] prefix = new byte[4];
            ReadExactly(prefix);
            byte[] frame = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix)];
            ReadExactly(frame);
            if (frame.Length > 0 && ids.Contains((MessageId)frame[0])) return ((MessageId)frame[0], frame[1..]);
        }
    }

    public BlockRef AwaitRequest()
    {
        byte[] body = Await(MessageId.Request).Body;
        return new BlockRef(BinaryPrimitives.ReadInt32BigEndian(body), BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(4)), BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(8)));
    }

    /// <summary>Reads on until the other side ends the connection.</summary>
    public void AwaitEnd()
    {
        byte[] buffer = new byte[64 * 1024];
        try { while (Socket.Receive(buffer) > 0) { } }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset) { }
    }

    void ReadExactly(Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            int count = Socket.Receive(into);
            if (count == 0) throw new EndOfStreamException();
            into = into[count..];
        }
    }

    public void Dispose() => Socket.Dispose();
}
