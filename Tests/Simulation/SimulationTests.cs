using System.Diagnostics;
using System.Globalization;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Simulation;

/// <summary>Whole swarms of the real client on a simulated network. `make simulate SEEDS=first-last` runs many.</summary>
public class SimulationTests(ITestOutputHelper output)
{
    /// <summary>Where `make simulate` says which seeds.</summary>
    const string SeedsVariable = "SIMULATE_SEEDS";

    static (int First, int Last) Seeds
    {
        get
        {
            string[] ends = (Environment.GetEnvironmentVariable(SeedsVariable) ?? "1-60").Split('-');
            return (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[^1], CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void EveryHonestPeerGetsEveryByteWhateverHappens()
    {
        (int first, int last) = Seeds;
        var clock = Stopwatch.StartNew();
        var failures = new List<string>();
        long events = 0, liars = 0, crashes = 0;
        int threads = Environment.GetEnvironmentVariable(SeedsVariable) is null ? 1 : Environment.ProcessorCount; // other tests measure time
        Parallel.For(first, last + 1, new ParallelOptions { MaxDegreeOfParallelism = threads }, seed =>
        {
            try
            {
                Outcome outcome = SmallSwarm.Run(seed);
                Interlocked.Add(ref events, outcome.Events);
                Interlocked.Add(ref liars, outcome.Liars);
                Interlocked.Add(ref crashes, outcome.Crashes);
            }
            catch (InvalidOperationException e) // all that fail are told, each with its seed
            {
                lock (failures) failures.Add(e.Message);
            }
        });
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{last - first + 1} swarms, {events} events, {liars} liars, {crashes} crashes in {clock.Elapsed.TotalSeconds:0.0} s; {failures.Count} failed"));
        Assert.True(failures.Count == 0, string.Join('\n', failures.Order().Take(5)));
    }

    [Fact]
    public void ALiarThatComesBackAgainAndAgainSpoilsFewPieces()
    {
        int worst = 0;
        for (int seed = 1; seed <= 5; seed++)
        {
            var world = new World(seed);
            using var swarm = new SimulatedSwarm(world, new Geometry(24 << 20, 512 * 1024), TimeSpan.FromMinutes(2));
            HonestMachine[] machines = [.. Enumerable.Range(0, 4).Select(i => swarm.Add(new Line(world, 200_000, 400_000, 0.02), whole: i == 0))];
            foreach (HonestMachine machine in machines) machine.Start();
            swarm.AddLiar(new Line(world, 400_000, 400_000, 0.02), Lie.Reconnects).Start();
            Assert.True(world.Run(() => swarm.Incomplete == 0, TimeSpan.FromHours(1)));
            worst = Math.Max(worst, machines.Max(m => m.Client!.Torrent.Stats.FailedPieces));
        }
        output.WriteLine($"at most {worst} pieces failed");
        Assert.True(worst <= 4, $"{worst} pieces failed");
    }

    [Fact]
    public void ASeedReplaysExactly()
    {
        for (int seed = 1; seed <= 8; seed++)
        {
            Outcome one = SmallSwarm.Run(seed), other = SmallSwarm.Run(seed);
            Assert.Equal(one, other);
        }
        Assert.NotEqual(SmallSwarm.Run(1).Trace, SmallSwarm.Run(2).Trace);
    }
}
