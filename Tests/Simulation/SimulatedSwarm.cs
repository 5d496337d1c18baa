// Everything of one simulated run: the content, the machines, the network between them and the tracker.
using System.Net;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Simulation;

sealed class SimulatedSwarm : IDisposable
{
    const int FirstEphemeralPort = 32768;

    readonly Dictionary<IPAddress, Machine> _machines = [];

    public SimulatedSwarm(World world, Geometry geometry, TimeSpan trackerInterval)
    {
        (World, Geometry) = (world, geometry);
        Content = new byte[geometry.TotalLength];
        world.Random.NextBytes(Content);
        var hash = new byte[InfoHash.Size];
        world.Random.NextBytes(hash);
        InfoHash = new InfoHash(hash);
        Tracker = new VirtualTracker(world, trackerInterval);
    }

    public World World { get; }
    public Geometry Geometry { get; }
    public byte[] Content { get; }
    public InfoHash InfoHash { get; }
    public VirtualTracker Tracker { get; }

    /// <summary>Of this swarm alone: how much others have borrowed decides how large buffers are.</summary>
    public Slabs Slabs { get; } = new();

    public List<HonestMachine> Honest { get; } = [];

    public List<Connection> Connections { get; } = [];

    /// <summary>Connections of one client.</summary>
    public int MaxPeers { get; init; } = 100;

    /// <summary>What arrives is cut at random places.</summary>
    public bool Splits { get; init; }

    /// <summary>Everything is computed a second time after every event.</summary>
    public bool ChecksEverything { get; init; }

    /// <summary>Honest machines that lack something.</summary>
    public int Incomplete { get; set; }

    public HonestMachine Add(Line line, bool whole, bool leavesWhenDone = false, IPAddress? address = null)
    {
        var machine = new HonestMachine(this, _machines.Count + 1, line, leavesWhenDone, address);
        if (whole) machine.Disk.Fill();
        Honest.Add(machine);
        _machines.Add(machine.Address.Address, machine);
        return machine;
    }

    public Liar AddLiar(Line line, Lie lie)
    {
        var machine = new Liar(this, _machines.Count + 1, line, lie);
        _machines.Add(machine.Address.Address, machine);
        return machine;
    }

    /// <summary>Connects two machines after a round trip.</summary>
    /// <param name="reached">Makes the dialling end; null if it does not want it any more. It is closed at once if nobody listens there.</param>
    public void Dial(Machine from, IPEndPoint to, Func<IEnd?> reached)
    {
        Machine? target = to.Port == Machine.Port ? _machines.GetValueOrDefault(to.Address) : null;
        World.After(2 * (from.Line.Latency + (target?.Line.Latency ?? 0.1)), () =>
        {
            if (reached() is not { } here) return;
            if (target?.Accept(new IPEndPoint(from.Address.Address, World.Random.Next(FirstEphemeralPort, ushort.MaxValue))) is not { } there)
            {
                here.OnClosed();
                return;
            }
            var connection = new Connection(World, from.Line, here, target.Line, there, Splits);
            if (RemembersConnections) Connections.Add(connection);
        });
    }

    /// <summary>So that they can be cut.</summary>
    public bool RemembersConnections { get; init; }

    public void Dispose() => Tracker.Dispose();
}
