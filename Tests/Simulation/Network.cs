// The network: lines of a given bandwidth each way, and connections between them that keep order and lose nothing until
// they are cut. A line sends a block of each connection in turn, as fair queuing does; what is under way on a connection is
// bounded by a window, so who does not read holds back who sends to it.
using System.Buffers;

namespace TinyTorrent.Tests.Simulation;

/// <summary>One end of a connection: a client's session, or a peer that lies.</summary>
interface IEnd
{
    /// <summary>Called once, before anything else.</summary>
    void Attach(Wire output);

    /// <summary>The next bytes to go, at most about a block; empty if nothing waits: then the end says when something does.</summary>
    ReadOnlyMemory<byte> Take();

    /// <summary>All that was taken has gone.</summary>
    void OnSent(int bytes);

    /// <summary>Takes bytes, as many as it likes, at least one; returns how many. 0: it closes the connection.</summary>
    int Receive(ReadOnlySpan<byte> bytes);

    /// <summary>It reads nothing before this moment: its disk is busy.</summary>
    TimeSpan BusyUntil { get; }

    void OnClosed();
}

/// <summary>A machine's way into the network.</summary>
/// <param name="up">Bytes per second; <paramref name="down"/> too.</param>
/// <param name="latency">Seconds to the middle of the network.</param>
sealed class Line(World world, double up, double down, double latency)
{
    const double EventSeconds = 0.001; // small messages that leave within this time are one event

    readonly Queue<Wire> _ready = new();
    bool _serving;
    TimeSpan _downFree;

    public double Latency => latency;

    /// <summary>Which place it is at.</summary>
    public int Site { get; init; }

    /// <summary>Bytes that came in, and those of them that came from the same site.</summary>
    public long Received { get; private set; }
    public long ReceivedWithin { get; private set; }

    public void Ready(Wire wire)
    {
        if (wire.IsReady) return;
        wire.IsReady = true;
        _ready.Enqueue(wire);
        if (_serving) return;
        _serving = true;
        world.At(world.Now, Serve);
    }

    void Serve()
    {
        double spent = 0;
        while (spent < EventSeconds && _ready.TryDequeue(out Wire? wire))
        {
            wire.IsReady = false;
            int bytes = wire.Transmit();
            spent += bytes / up;
        }
        _serving = spent > 0;
        if (_serving) world.After(spent, Serve);
    }

    /// <summary>When bytes are through that come in at a moment.</summary>
    public TimeSpan Arrival(Line from, TimeSpan reaches, int bytes)
    {
        Received += bytes;
        if (from.Site == Site) ReceivedWithin += bytes;
        _downFree = (_downFree > world.Now ? _downFree : world.Now) + TimeSpan.FromSeconds(bytes / down);
        return reaches > _downFree ? reaches : _downFree;
    }
}

/// <summary>One direction of a connection.</summary>
sealed class Wire(World world, Connection connection, Line from, Line to, IEnd source, IEnd sink, bool splits)
{
    const int Window = 256 * 1024;

    readonly Queue<(byte[] Buffer, int Length)> _arrived = new();
    int _underWay;
    int _used; // of the first that arrived
    bool _waitsForReader, _isFull;

    public bool IsReady { get; set; }

    public TimeSpan LastArrival { get; private set; }

    public IEnd Source => source;
    public IEnd Sink => sink;

    public void Ready() => from.Ready(this);

    public Connection Connection => connection;

    /// <summary>The source ends the connection.</summary>
    public void Close() => connection.Close(source);

    /// <summary>Puts what the source has next on the line; returns how much that is.</summary>
    public int Transmit()
    {
        _isFull = _underWay >= Window;
        if (connection.IsClosed(source) || _isFull) return 0;
        ReadOnlyMemory<byte> output = source.Take();
        if (output.IsEmpty) return 0;
        int length = output.Length;
        _underWay += length;
        if (!connection.IsDead)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
            output.CopyTo(buffer);
            LastArrival = to.Arrival(from, world.Now + TimeSpan.FromSeconds(from.Latency + to.Latency), length);
            world.At(LastArrival, () => Arrive(buffer, length));
        }
        source.OnSent(length);
        Ready();
        return length;
    }

    void Arrive(byte[] buffer, int length)
    {
        world.Note(length);
        _arrived.Enqueue((buffer, length));
        if (!_waitsForReader) Deliver();
    }

    void Deliver()
    {
        _waitsForReader = false;
        while (_arrived.TryPeek(out (byte[] Buffer, int Length) first))
        {
            if (connection.IsClosed(sink))
            {
                Drop();
                continue;
            }
            if (sink.BusyUntil > world.Now)
            {
                _waitsForReader = true;
                world.At(sink.BusyUntil, Deliver);
                return;
            }
            int most = first.Length - _used;
            if (splits && most > 1 && world.Chance(0.3)) most = 1 + world.Random.Next(most);
            int taken = sink.Receive(first.Buffer.AsSpan(_used, most));
            _underWay -= taken;
            _used += taken;
            if (taken == 0) connection.Close(sink);
            else if (_used == first.Length) Drop();
        }
        if (_isFull) Ready();
    }

    void Drop()
    {
        ArrayPool<byte>.Shared.Return(_arrived.Dequeue().Buffer);
        _used = 0;
    }
}

sealed class Connection
{
    readonly World _world;
    readonly Wire _there, _back;
    bool _sourceClosed, _sinkClosed;

    public Connection(World world, Line dialling, IEnd source, Line accepting, IEnd sink, bool splits)
    {
        _world = world;
        _there = new Wire(world, this, dialling, accepting, source, sink, splits);
        _back = new Wire(world, this, accepting, dialling, sink, source, splits);
        source.Attach(_there);
        sink.Attach(_back);
        _there.Ready();
        _back.Ready();
    }

    /// <summary>A path that swallows everything, and neither end is told.</summary>
    public bool IsDead { get; set; }

    public bool IsClosed(IEnd end) => end == _there.Source ? _sourceClosed : _sinkClosed;

    /// <summary>The end closes; the other learns of it behind all that is under way.</summary>
    public void Close(IEnd end)
    {
        if (IsClosed(end)) return;
        if (end == _there.Source) _sourceClosed = true;
        else _sinkClosed = true;
        end.OnClosed();
        Wire output = end == _there.Source ? _there : _back;
        if (IsDead) return;
        TimeSpan told = output.LastArrival > _world.Now ? output.LastArrival : _world.Now;
        _world.At(told, () => Close(output.Sink));
    }

    /// <summary>Both ends lose it at once, with what was under way.</summary>
    public void Cut()
    {
        Close(_there.Source);
        Close(_there.Sink);
    }
}
