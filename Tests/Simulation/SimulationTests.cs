using System.Diagnostics;
using System.Globalization;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Simulation;

/// <summary>Whole swarms of the real client on a simulated network. `make simulate SEEDS=first-last` runs many.</summary>
public class SimulationTests(ITestOutputHelper output)
{
    /// <summary>Where `make simulate` says which seeds.</summary>
    public const string SeedsVariable = "SIMULATE_SEEDS";

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
