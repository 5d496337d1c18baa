// Peers that do not keep to the protocol. Each kind lies in one way, to everybody it can reach, for as long as it is let.
using System.Buffers;
using System.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Simulation;

enum Lie
{
    /// <summary>Every block is garbage.</summary>
    BadBlocks,

    /// <summary>A block in four is garbage.</summary>
    SomeBadBlocks,

    /// <summary>Says it has everything, lets others ask, and answers nothing.</summary>
    WrongBitfield,

    NeverUnchokes,

    /// <summary>Asks for everything again and again, however much is under way.</summary>
    Floods,

    AsksOutOfRange,
    NamesNoSuchPiece,

    /// <summary>Sends blocks that nobody asked for.</summary>
    SendsUnasked,

    BrokenBitfield,

    /// <summary>Announces a frame of two gigabytes.</summary>
    HugeFrame,

    /// <summary>Connects, and says nothing.</summary>
    HalfOpen,

    /// <summary>Shakes hands at a byte a second.</summary>
    SlowLoris,

    /// <summary>Shakes hands, and then sends a frame at a byte a second.</summary>
    SlowFrame,

    /// <summary>Rejects what it was asked for, in any order, and what it was not. A block in four is garbage.</summary>
    RejectsAnything,

    /// <summary>Chokes and unchokes, so that requests are withdrawn, and sends garbage for blocks it was never asked for. Of the others a block in
    /// four is garbage.</summary>
    ChokesAndSendsGarbage,

    /// <summary>Cancels what it asked for and what it did not. A block in four is garbage.</summary>
    CancelsAnything,

    /// <summary>Suggests and allows any piece, and chokes now and then.</summary>
    SuggestsAndAllowsAnything,

    /// <summary>Extended handshakes, whole, broken and long, again and again.</summary>
    RepeatsItself,

    /// <summary>Garbage, a minute or two after it was asked for.</summary>
    AnswersLate,

    /// <summary>A block in four is garbage; after each of them it goes, and comes back.</summary>
    Reconnects,

    /// <summary>Sends garbage only of pieces that others send, too.</summary>
    LiesInCompany,

    /// <summary>Hundreds of messages a second that change nothing.</summary>
    Babbles,
}

sealed class Liar(SimulatedSwarm swarm, int number, Line line, Lie lie) : Machine(swarm, number, line), ITrackerCaller
{
    const int MaxConnections = 8;
    const double DialSeconds = 5, AnnounceSeconds = 60;

    int _connections;

    public override void Start()
    {
        Announce();
        Dial();
    }

    void Announce()
    {
        var announce = new Announce { InfoHash = Swarm.InfoHash, PeerId = PeerId.Create(new Random(Number)), Port = Port, Left = 0, NumWant = 0, Event = AnnounceEvent.Started };
        Assert.True(TrackerUrl.TryParse(VirtualTracker.Url, out TrackerUrl? url, out _));
        Swarm.Tracker.PathFrom(Address, Line.Latency).Send(new TrackerRequest(url, announce), this);
        Swarm.World.After(AnnounceSeconds, Announce);
    }

    void ITrackerCaller.OnReply(TrackerRequest request, TrackerReply reply) { }

    void Dial()
    {
        IPEndPoint victim = Swarm.Honest[Swarm.World.Random.Next(Swarm.Honest.Count)].Address;
        if (_connections < MaxConnections) Swarm.Dial(this, victim, () => Begin(victim));
        Swarm.World.After(DialSeconds, Dial);
    }

    public override IEnd? Accept(IPEndPoint from) => _connections < MaxConnections ? Begin(from) : null;

    LiarEnd Begin(IPEndPoint with)
    {
        _connections++;
        Swarm.World.Note(with.Port);
        return new LiarEnd(Swarm, lie, new PeerId(PeerId.Create(new Random(Number)).Bytes), () => _connections--);
    }
}

sealed class LiarEnd(SimulatedSwarm swarm, Lie lie, PeerId id, Action closed) : IEnd
{
    const int MaxQueued = 400, FloodAtOnce = 100;

    // Bytes of messages that change nothing, in one connection: more than anybody should listen to, and than fit into the network.
    const int TooMuch = 500_000;

    readonly World _world = swarm.World;
    readonly Queue<byte[]> _output = new();
    readonly ArrayBufferWriter<byte> _input = new();
    Wire _wire = null!;
    int _read;
    readonly List<BlockRef> _asked = [];
    readonly HashSet<int> _begun = []; // pieces of which it was asked for the first block
    int _sent;
    bool _greeted, _isClosed, _leaves;

    public TimeSpan BusyUntil => default;

    public void Attach(Wire output)
    {
        _wire = output;
        if (lie == Lie.HalfOpen) return;
        var hello = new byte[Handshake.Size];
        new Handshake(swarm.InfoHash, id, SupportsFast: lie == Lie.RejectsAnything || (lie != Lie.ChokesAndSendsGarbage && _world.Chance(0.5)), SupportsExtensions: _world.Chance(0.5)).Write(hello);
        if (lie == Lie.SlowLoris) Drip(hello);
        else Send(hello);
    }

    void Drip(ReadOnlyMemory<byte> rest)
    {
        if (_isClosed || rest.IsEmpty) return;
        Send(rest.Span[..1].ToArray());
        _world.After(1, () => Drip(rest[1..]));
    }

    void Send(byte[] bytes)
    {
        if (_isClosed || _output.Count >= MaxQueued) return;
        _output.Enqueue(bytes);
        _wire.Ready();
    }

    public ReadOnlyMemory<byte> Take() => _output.TryDequeue(out byte[]? next) ? next : default;

    public void OnSent(int bytes)
    {
        if (_leaves && _output.Count == 0) _world.At(_world.Now, _wire.Close);
        if (lie != Lie.Babbles || _wire.Connection.IsDead || (_sent += bytes) < TooMuch) return;
        throw new InvalidOperationException($"somebody listened to {_sent} bytes of messages that change nothing");
    }

    public int Receive(ReadOnlySpan<byte> bytes)
    {
        _input.Write(bytes);
        if (!_greeted)
        {
            if (_input.WrittenCount < Handshake.Size) return bytes.Length;
            _greeted = true;
            _read = Handshake.Size;
            Greet();
        }
        while (PeerMessage.TryReadFrameLength(_input.WrittenSpan[_read..], swarm.Geometry.PieceCount, out int frame) == OperationStatus.Done
               && _input.WrittenCount - _read >= frame)
        {
            PeerMessage message = PeerMessage.Read(_input.WrittenSpan.Slice(_read, frame));
            _read += frame;
            if (message.Id != MessageId.Request) continue;
            _asked.Add(message.Block);
            Answer(message.Block);
        }
        if (_read == _input.WrittenCount)
        {
            _input.ResetWrittenCount();
            _read = 0;
        }
        return bytes.Length;
    }

    void Greet()
    {
        if (lie is Lie.HalfOpen or Lie.SlowLoris) return;
        var all = new Bitfield(swarm.Geometry.PieceCount);
        all.SetAll();
        byte[] bits = all.Bytes.ToArray();
        if (lie == Lie.BrokenBitfield && (all.Length & 7) != 0) bits[^1] |= 1;
        else if (lie == Lie.BrokenBitfield) bits = [.. bits, 0];
        var bitfield = new byte[5 + bits.Length];
        PeerMessage.Write(bitfield, MessageId.Bitfield, bits);
        Send(bitfield);
        Say(MessageId.Interested);
        if (lie != Lie.NeverUnchokes) Say(MessageId.Unchoke);
        if (lie == Lie.HugeFrame) Send([0x7f, 0xff, 0xff, 0xf0, (byte)MessageId.Piece, 0, 0, 0, 0]);
        if (lie == Lie.SlowFrame) Drip(Piece(new BlockRef(0, 0, swarm.Geometry.Block(0, 0).Length), true));
        Misbehave();
    }

    /// <summary>What it does once a second.</summary>
    void Misbehave()
    {
        if (_isClosed) return;
        Geometry geometry = swarm.Geometry;
        int piece = _world.Random.Next(geometry.PieceCount);
        BlockRef block = geometry.Block(piece, _world.Random.Next(geometry.BlocksIn(piece)));
        if (lie == Lie.Floods)
            for (int i = 0; i < FloodAtOnce; i++) Say(MessageId.Request, block);
        if (lie is Lie.SendsUnasked or Lie.ChokesAndSendsGarbage)
            for (int i = 0; i < 4; i++) Send(Piece(block, garbage: true));
        if (lie == Lie.AsksOutOfRange && _world.Chance(0.3))
            Say(MessageId.Request, _world.Random.Next(3) switch
            {
                0 => new BlockRef(geometry.PieceCount, 0, 1),
                1 => new BlockRef(piece, int.MaxValue, int.MaxValue),
                _ => new BlockRef(-1, -1, -1),
            });
        if (lie == Lie.NamesNoSuchPiece && _world.Chance(0.3))
        {
            var have = new byte[9];
            PeerMessage.Write(have, MessageId.Have, _world.Chance(0.5) ? geometry.PieceCount : -1);
            Send(have);
        }
        if (Nonsense.Of(lie, _world.Random, geometry, _asked) is { } frames) Send(frames);
        _world.After(1, Misbehave);
    }

    void Answer(in BlockRef block)
    {
        if (!swarm.Geometry.Contains(block) || lie is Lie.WrongBitfield or Lie.NeverUnchokes or Lie.SlowFrame or Lie.Babbles || _leaves) return;
        if (lie == Lie.ChokesAndSendsGarbage && _world.Chance(0.7)) return;
        if (lie == Lie.RejectsAnything && _world.Chance(0.7))
        {
            Send(Nonsense.Of(lie, _world.Random, swarm.Geometry, _asked)!);
            return;
        }
        if (block.Begin == 0) _begun.Add(block.Piece);
        bool garbage = lie switch
        {
            Lie.BadBlocks or Lie.AnswersLate => true,
            Lie.LiesInCompany => !_begun.Contains(block.Piece),
            Lie.SomeBadBlocks or Lie.Reconnects or Lie.RejectsAnything or Lie.ChokesAndSendsGarbage or Lie.CancelsAnything => _world.Chance(0.25),
            _ => false,
        };
        byte[] answer = Piece(block, garbage);
        if (lie == Lie.AnswersLate) _world.After(_world.Between(10, 150), () => Send(answer));
        else Send(answer);
        _leaves = garbage && lie == Lie.Reconnects;
    }

    byte[] Piece(in BlockRef block, bool garbage)
    {
        var message = new byte[PeerMessage.PieceHeaderLength + block.Length];
        PeerMessage.WritePieceHeader(message, block);
        Span<byte> body = message.AsSpan(PeerMessage.PieceHeaderLength);
        swarm.Content.AsSpan((int)swarm.Geometry.OffsetOf(block.Piece) + block.Begin, block.Length).CopyTo(body);
        if (garbage) body[_world.Random.Next(body.Length)] ^= 0x55;
        return message;
    }

    void Say(MessageId id)
    {
        var message = new byte[5];
        PeerMessage.Write(message, id);
        Send(message);
    }

    void Say(MessageId id, in BlockRef block)
    {
        var message = new byte[17];
        PeerMessage.Write(message, id, block);
        Send(message);
    }

    public void OnClosed()
    {
        _isClosed = true;
        closed();
    }
}
