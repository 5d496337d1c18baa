using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

/// <summary>A peer played by hand against a whole torrent: says what the test likes, and hears what the torrent answers.</summary>
sealed class Stranger
{
    readonly Torrent _torrent;
    readonly PeerSession _session;
    bool _isClosed;

    public Stranger(Torrent torrent, IPEndPoint? address = null, bool fast = true, bool extensions = true, string id = "-XX0001-abcdefghijkl")
    {
        _torrent = torrent;
        _session = new PeerSession((PeerSession s, in Handshake h) => torrent.Admit(s, h, address ?? new IPEndPoint(IPAddress.Loopback, 1), dialled: false, Now));
        byte[] wire = new byte[Handshake.Size];
        new Handshake(torrent.InfoHash, new PeerId(System.Text.Encoding.ASCII.GetBytes(id)), fast, extensions).Write(wire);
        IsConnected = Receive(wire);
        Listen(Handshake.Size);
    }

    public bool IsConnected { get; private set; }

    /// <summary>The torrent has ended the connection.</summary>
    public bool IsHungUpOn => _session.Outbox.IsClosed;

    /// <summary>It takes what is sent to it.</summary>
    public bool Reads { get; set; } = true;

    public TimeSpan Now { get; private set; }

    /// <summary>What the torrent sent.</summary>
    public List<(MessageId Id, BlockRef Block, byte[] Payload)> Heard { get; } = [];

    public IEnumerable<BlockRef> Requests => Heard.Where(m => m.Id == MessageId.Request).Select(m => m.Block);

    /// <summary>False if the torrent hangs up.</summary>
    public bool Say(MessageId id) => Say(b => PeerMessage.Write(b, id));

    public bool Say(MessageId id, int piece) => Say(b => PeerMessage.Write(b, id, piece));

    public bool Say(MessageId id, BlockRef block) => Say(b => PeerMessage.Write(b, id, block));

    public bool Say(MessageId id, byte[] payload) => Say(b => PeerMessage.Write(b, id, payload), payload.Length);

    /// <summary>Sends the first bytes of a block: zeros, if they are to be right.</summary>
    public bool Give(BlockRef block, int length, bool isRight = true) => Say(b =>
    {
        PeerMessage.WritePieceHeader(b, block with { Length = length });
        if (!isRight) b[PeerMessage.PieceHeaderLength + length - 1] = 1;
        return PeerMessage.PieceHeaderLength + length;
    }, length);

    bool Say(Func<byte[], int> write, int payload = 0)
    {
        byte[] frame = new byte[20 + payload];
        IsConnected = IsConnected && Receive(frame.AsSpan(0, write(frame)));
        Listen(0);
        return IsConnected;
    }

    bool Receive(ReadOnlySpan<byte> bytes)
    {
        bool alive = true;
        while (alive && bytes.Length > 0)
        {
            Span<byte> buffer = _session.ReceiveBuffer.Span;
            int count = Math.Min(buffer.Length, bytes.Length);
            bytes[..count].CopyTo(buffer);
            bytes = bytes[count..];
            alive = _session.Received(count, Now);
            if (_session.HasBlocks) _session.StoreBlocks();
        }
        if (!alive) Leave();
        return alive;
    }

    /// <param name="skip">Bytes of the handshake that comes first.</param>
    void Listen(int skip)
    {
        var stream = new List<byte>();
        for (ReadOnlyMemory<byte> output; Reads && !_isClosed && !(output = _session.NextOutput()).IsEmpty;)
        {
            stream.AddRange(output.Span);
            _session.Sent(output.Length, Now);
        }
        ReadOnlySpan<byte> rest = stream.ToArray().AsSpan(Math.Min(skip, stream.Count));
        while (!rest.IsEmpty)
        {
            PeerMessage.TryReadFrameLength(rest, _torrent.Geometry.PieceCount, out int frame);
            PeerMessage message = PeerMessage.Read(rest[..frame]);
            Heard.Add((message.Id, message.Block, message.Payload.ToArray()));
            rest = rest[frame..];
        }
    }

    /// <summary>A second passes.</summary>
    public void Wait()
    {
        Now += TimeSpan.FromSeconds(1);
        _torrent.Tick(Now);
        Listen(0);
    }

    public void Leave()
    {
        if (_isClosed) return;
        _isClosed = true;
        IsConnected = false;
        _session.Closed(Now);
    }
}
