// A crowd that comes at once to one seed, everybody with the same uplink u. No scheme can be faster than the fluid limit: the
// last byte of the content has left the seed after F/u, and all uplinks together, (N + 1) u, must carry N F. Blocks are whole
// pieces, so that a run of a million of them takes seconds.
using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Simulation;

/// <param name="Mean">Of the completion times over the bound; <paramref name="Late"/> is their 95th percentile, <paramref name="Last"/> the last.</param>
/// <param name="SeedShare">Copies of the content that the seed has sent.</param>
/// <param name="LeastGiven">Content the least generous downloader has sent, in copies; <paramref name="MostGiven"/> the most generous.</param>
/// <param name="Wasted">Bytes fetched twice over bytes needed.</param>
readonly record struct CrowdFigures(
    double Mean, double Late, double Last, double SeedShare, double LeastGiven, double MostGiven, double Wasted, long Events, ulong Trace)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"time over the bound: mean {Mean:0.000}, 95 % {Late:0.000}, last {Last:0.000}; copies sent: by the seed {SeedShare:0.00}, by a downloader {LeastGiven:0.00} to {MostGiven:0.00}; fetched twice {Wasted:P2}; {Events} events");
}

static class FlashCrowd
{
    public const double Up = 64 * Geometry.BlockLength / 4.0; // 16 blocks a second
    public const double DownOverUp = 4;
    public const int MaxPeers = 50;

    public static CrowdFigures Run(int seed, int downloaders, int pieces)
    {
        var world = new World(seed);
        using var swarm = new SimulatedSwarm(world, new Geometry((long)pieces * Geometry.BlockLength, Geometry.BlockLength), TimeSpan.FromMinutes(30)) { MaxPeers = MaxPeers };
        HonestMachine source = swarm.Add(Draw(world), whole: true);
        source.Start();
        for (int i = 0; i < downloaders; i++) world.At(world.Now + TimeSpan.FromMilliseconds(100), swarm.Add(Draw(world), whole: false).Start);
        double bound = swarm.Geometry.TotalLength / Up * Math.Max(1, downloaders / (downloaders + 1.0));
        bool done = world.Run(() => swarm.Incomplete == 0, world.Now + TimeSpan.FromSeconds(20 * bound));
        Assert.True(done, $"seed {seed}: {swarm.Incomplete} of {downloaders} starve");

        HonestMachine[] crowd = [.. swarm.Honest.Skip(1)];
        double[] times = [.. crowd.Select(m => (m.Completed - m.Started).TotalSeconds / bound).Order()];
        TorrentStats[] stats = [.. crowd.Select(m => m.Client!.Torrent.Stats)];
        double content = swarm.Geometry.TotalLength;
        return new CrowdFigures(
            times.Average(), times[(int)(0.95 * (times.Length - 1))], times[^1], source.Client!.Torrent.Stats.Uploaded / content,
            stats.Min(s => s.Uploaded) / content, stats.Max(s => s.Uploaded) / content, stats.Sum(s => s.Wasted) / (content * downloaders),
            world.Events, world.Trace);
    }

    public static Line Draw(World world, int site = 0) => new(world, Up, DownOverUp * Up, latency: world.Between(0.005, 0.05)) { Site = site };
}
