using System.Net;
using System.Security.Cryptography;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

/// <summary>Content in memory; hashing waits until the test lets it happen. May lie, fail or be empty.</summary>
sealed class MemoryDisk(byte[] content, Geometry geometry) : IDisk
{
    public byte[] Content { get; } = content;
    public Queue<int> ToHash { get; } = new();
    public bool FailsToWrite { get; set; }

    public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers)
    {
        if (FailsToWrite) return false;
        foreach (ReadOnlyMemory<byte> buffer in buffers)
        {
            buffer.Span.CopyTo(Content.AsSpan((int)offset));
            offset += buffer.Length;
        }
        return true;
    }

    public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers)
    {
        foreach (Memory<byte> buffer in buffers)
        {
            Content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
            offset += buffer.Length;
        }
        return true;
    }

    public void Verify(int piece) => ToHash.Enqueue(piece);

    public byte[]? HashBlocks(int piece) => [.. Enumerable.Range(0, geometry.BlocksIn(piece)).SelectMany(i =>
    {
        BlockRef block = geometry.Block(piece, i);
        return SHA1.HashData(Content.AsSpan((int)geometry.OffsetOf(piece) + block.Begin, block.Length));
    })];

    public byte[] HashOf(int piece) => SHA1.HashData(Content.AsSpan((int)geometry.OffsetOf(piece), geometry.LengthOf(piece)));
}

/// <summary>A client without sockets: a torrent, its picker and its disk.</summary>
sealed class Node
{
    readonly byte[][] _hashes;

    public Node(MiniSwarm swarm, byte[] content, bool complete, int number)
    {
        _hashes = swarm.Hashes;
        Picker = new PiecePicker(swarm.Geometry, new Random(number));
        Disk = new MemoryDisk(content, swarm.Geometry);
        if (complete) for (int i = 0; i < swarm.Geometry.PieceCount; i++) Picker.MarkHave(i);
        Address = new IPEndPoint(new IPAddress([10, 0, (byte)(number >> 8), (byte)number]), 6881);
        Torrent = new Torrent(default, swarm.Geometry, Picker, Disk, new PeerId(System.Text.Encoding.ASCII.GetBytes($"-XX0001-{number:D12}")), 6881, new Random(number));
    }

    public PiecePicker Picker { get; }
    public MemoryDisk Disk { get; }
    public IPEndPoint Address { get; }
    public Torrent Torrent { get; }

    public bool Hash(TimeSpan now)
    {
        bool any = false;
        while (Disk.ToHash.TryDequeue(out int piece))
        {
            any = true;
            Torrent.OnPieceHashed(piece, Disk.HashOf(piece).AsSpan().SequenceEqual(_hashes[piece]), now);
        }
        return any;
    }
}

/// <summary>Nodes joined by byte queues, moved by hand: no socket, no thread, no clock.</summary>
sealed class MiniSwarm
{
    readonly List<(PeerSession From, PeerSession To)> _pipes = [];
    readonly List<Node> _nodes = [];

    public MiniSwarm(long length, int pieceLength, int seed)
    {
        Geometry = new Geometry(length, pieceLength);
        Content = new byte[length];
        new Random(seed).NextBytes(Content);
        Hashes = [.. Enumerable.Range(0, Geometry.PieceCount).Select(p => SHA1.HashData(Content.AsSpan((int)Geometry.OffsetOf(p), Geometry.LengthOf(p))))];
    }

    public Geometry Geometry { get; }
    public byte[] Content { get; }
    public byte[][] Hashes { get; }
    public TimeSpan Now { get; private set; }

    public Node AddSeed() => Add(complete: true, [.. Content]);

    public Node AddEmpty() => Add(complete: false, new byte[Content.Length]);

    /// <summary>A node that says it has everything and sends what it holds instead.</summary>
    public Node AddLiar(byte[] content) => Add(complete: true, content);

    Node Add(bool complete, byte[] content)
    {
        var node = new Node(this, content, complete, _nodes.Count + 1);
        _nodes.Add(node);
        return node;
    }

    public void Connect(Node a, Node b)
    {
        var dialling = new PeerSession((PeerSession s, in Handshake h) => a.Torrent.Admit(s, h, b.Address, dialled: true, Now));
        var accepting = new PeerSession((PeerSession s, in Handshake h) => b.Torrent.Admit(s, h, a.Address, dialled: false, Now));
        dialling.Outbox.SendHandshake(a.Torrent.Hello);
        _pipes.Add((dialling, accepting));
        _pipes.Add((accepting, dialling));
    }

    /// <summary>Both dial, and each sees the other's dial before the answer to its own.</summary>
    public void ConnectBothWays(Node a, Node b)
    {
        Connect(a, b);
        Connect(b, a);
        (_pipes[^3], _pipes[^2]) = (_pipes[^2], _pipes[^3]); // dials first, answers after
    }

    /// <summary>Ends the connections of a node, as if it vanished.</summary>
    public void Vanish(Node node)
    {
        node.Torrent.CloseAll();
        _nodes.Remove(node);
        Step();
    }

    /// <summary>Moves bytes and hashes pieces until nothing moves any more, then lets a second pass; so many times.</summary>
    public void Run(int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            while (Step()) { }
            Now += TimeSpan.FromSeconds(1);
            foreach (Node node in _nodes) node.Torrent.Tick(Now);
        }
    }

    bool Step()
    {
        bool moved = false;
        foreach ((PeerSession from, PeerSession to) in _pipes.ToArray())
        {
            ReadOnlyMemory<byte> output = from.NextOutput();
            bool alive = !from.Outbox.IsClosed && !to.Outbox.IsClosed;
            for (ReadOnlyMemory<byte> rest = output; alive && !rest.IsEmpty;)
            {
                Memory<byte> buffer = to.ReceiveBuffer;
                int count = Math.Min(rest.Length, buffer.Length);
                rest[..count].CopyTo(buffer);
                rest = rest[count..];
                alive = to.Received(count, Now);
                if (to.HasBlocks) to.StoreBlocks();
                moved = true;
            }
            if (!output.IsEmpty) from.Sent(output.Length, Now);
            if (!alive) Cut(from, to);
        }
        foreach (Node node in _nodes) moved |= node.Hash(Now);
        return moved;
    }

    void Cut(PeerSession one, PeerSession other)
    {
        if (_pipes.RemoveAll(p => p.From == one || p.From == other) == 0) return;
        one.Closed(Now);
        other.Closed(Now);
    }
}
