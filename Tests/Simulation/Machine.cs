// A machine of the simulated swarm: a line, an address, perhaps a disk. What runs on it may crash and be started again.
using System.Net;

namespace TinyTorrent.Tests.Simulation;

/// <param name="address">Null: one in a network of its own.</param>
abstract class Machine(SimulatedSwarm swarm, int number, Line line, IPAddress? address = null)
{
    public const int Port = 6881;

    protected SimulatedSwarm Swarm { get; } = swarm;

    public int Number { get; } = number;
    public Line Line { get; } = line;
    public IPEndPoint Address { get; } = new(address ?? new IPAddress([20, (byte)(number >> 8), (byte)number, 1]), Port);

    public abstract void Start();

    /// <summary>Somebody dials; null refuses.</summary>
    public abstract IEnd? Accept(IPEndPoint from);
}

/// <summary>A machine with the real client on it.</summary>
sealed class HonestMachine : Machine
{
    readonly bool _leavesWhenDone;
    bool _isWhole;

    public HonestMachine(SimulatedSwarm swarm, int number, Line line, bool leavesWhenDone, IPAddress? address) : base(swarm, number, line, address)
    {
        _leavesWhenDone = leavesWhenDone;
        Disk = new VirtualDisk(swarm.World, swarm.Geometry, swarm.Content);
        swarm.Incomplete++;
    }

    public VirtualDisk Disk { get; }

    /// <summary>The running client; null while there is none.</summary>
    public Client? Client { get; private set; }

    public TimeSpan Started { get; private set; }
    public TimeSpan Completed { get; private set; }

    public bool IsWhole
    {
        get => _isWhole;
        set
        {
            if (_isWhole == value) return;
            _isWhole = value;
            Swarm.Incomplete += value ? -1 : 1;
            if (value) Completed = Swarm.World.Now;
        }
    }

    public override void Start()
    {
        if (Client != null) return;
        Started = Swarm.World.Now;
        Client = new Client(Swarm, this);
    }

    public override IEnd? Accept(IPEndPoint from) => Client?.Accept(from);

    /// <summary>The power fails, and comes back later.</summary>
    public void Crash(double seconds)
    {
        if (Client == null) return;
        Client.Vanish();
        Disk.Crash();
        Restart(seconds);
    }

    /// <summary>The client ends as it does on a full disk, and is started again when there is room.</summary>
    public void Exit(double seconds)
    {
        if (Client == null) return;
        Client.Leave();
        Restart(seconds);
    }

    void Restart(double seconds)
    {
        Client = null;
        IsWhole = false;
        Swarm.World.After(seconds, () =>
        {
            Disk.IsFull = Disk.WasFull = false;
            Start();
        });
    }

    /// <summary>Where it stands, for who looks for the cause of a failure.</summary>
    public string Describe() => $"machine {Number}, {(Client == null ? "off" : Client.Torrent.Stats.ToString())}";

    public void OnCompleted()
    {
        IsWhole = true;
        if (!_leavesWhenDone || Client == null) return;
        Client.Leave();
        Client = null;
    }
}
