// A small swarm drawn from its seed, with everything that may go wrong, and what must hold in the end all the same.
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Simulation;

/// <summary>What came of a run.</summary>
readonly record struct Outcome(ulong Trace, long Events, TimeSpan Took, int Liars, int Crashes);

static class SmallSwarm
{
    static readonly TimeSpan s_limit = TimeSpan.FromHours(3);

    /// <exception cref="Exception">Names the seed, if something does not hold.</exception>
    public static Outcome Run(int seed)
    {
        var world = new World(seed);
        try
        {
            return Run(world);
        }
        catch (Exception e) // whatever it is: the seed is needed to see it again
        {
            throw new InvalidOperationException($"seed {seed}, {world.Now.TotalSeconds:0.000} s, event {world.Events}: {e.Message}", e);
        }
    }

    static Outcome Run(World world)
    {
        Random random = world.Random;
        int pieceLength = world.Chance(0.3) ? random.Next(5_000, 70_000) : 1 << random.Next(14, 17);
        using var swarm = new SimulatedSwarm(world, new Geometry(random.NextInt64(1, 500_000), pieceLength), TimeSpan.FromSeconds(random.Next(60, 600)))
        {
            Splits = world.Chance(0.5),
            ChecksEverything = true,
            RemembersConnections = true,
        };
        HonestMachine source = swarm.Add(Draw(world), whole: true);
        source.Start();
        int liars = world.Chance(0.5) ? 0 : random.Next(1, 4), crashes = 0;
        for (int i = random.Next(1, 8); i > 0; i--)
        {
            HonestMachine machine = swarm.Add(Draw(world), whole: false, leavesWhenDone: world.Chance(0.2));
            if (world.Chance(0.2)) machine.Disk.WriteSeconds = world.Between(0.001, 0.5);
            world.After(world.Chance(0.5) ? 0 : world.Between(0, 60), machine.Start);
            Disturb(world, machine, () => crashes++);
        }
        for (int i = 0; i < liars; i++)
            swarm.AddLiar(Draw(world), (Lie)random.Next(Enum.GetValues<Lie>().Length)).Start();
        if (world.Chance(0.2)) Outage(world, swarm.Tracker);
        if (world.Chance(0.3)) world.After(world.Between(1, 20), () => CutSome(world, swarm));

        bool done = world.Run(() => swarm.Incomplete == 0, s_limit);
        Assert.True(done, $"{swarm.Incomplete} of {swarm.Honest.Count} are not done: {string.Join("; ", swarm.Honest.Where(m => !m.IsWhole).Select(m => m.Describe()))}");
        foreach (HonestMachine machine in swarm.Honest)
            for (int piece = 0; piece < swarm.Geometry.PieceCount; piece++)
                Assert.True(machine.Disk.IsTrue(piece), $"machine {machine.Number} lacks piece {piece}");
        foreach (HonestMachine machine in swarm.Honest)
            foreach (HonestMachine other in swarm.Honest)
                Assert.False(machine.Client?.Bans(other) == true, $"machine {machine.Number} has banned honest machine {other.Number}");
        return new Outcome(world.Trace, world.Events, world.Now, liars, crashes);
    }

    static Line Draw(World world) =>
        new(world, up: world.Between(10_000, 200_000), down: world.Between(20_000, 800_000), latency: world.Between(0.001, 0.15));

    static void Disturb(World world, HonestMachine machine, Action crashed)
    {
        double when = world.Between(0.5, 40);
        switch (world.Random.Next(8))
        {
            case 0:
                world.After(when, () => { crashed(); machine.Crash(world.Between(0.1, 90)); });
                break;
            case 1:
                world.After(when, () => machine.Disk.IsFull = true);
                break;
            case 2:
                machine.Disk.Faults = world.Between(0.01, 0.3);
                world.After(when, () => machine.Disk.Faults = 0);
                break;
            case 3:
                world.After(when, () => machine.Exit(world.Between(1, 60)));
                break;
        }
    }

    static void Outage(World world, VirtualTracker tracker)
    {
        world.After(world.Between(0, 10), () => tracker.IsDown = true);
        world.After(world.Between(10, 200), () => tracker.IsDown = false);
    }

    static void CutSome(World world, SimulatedSwarm swarm)
    {
        foreach (Connection connection in swarm.Connections)
        {
            if (world.Chance(0.3)) connection.Cut();
            else if (world.Chance(0.1)) connection.IsDead = true; // as when a router forgets it
        }
    }
}
