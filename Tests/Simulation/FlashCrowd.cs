// A crowd that comes at once to one seed, everybody with the same uplink u. No scheme can be faster than the fluid limit: the
// last byte of the content has left the seed after F/u, and all uplinks together, (N + 1) u, must carry N F: the bound is
// max(F/u, N F / ((N + 1) u)), which is F/u whatever N. Only whole pieces can be passed on: with k slots an uplink sends k pieces
// in k piece times, so the last of P pieces takes about k (1 + log N / log (k + 1)) of them to reach everybody. For 1,000 pieces,
// 100 downloaders and 5 slots that is 2 % over the bound, and for 100 pieces of the same content 18 %.
// Blocks are whole pieces unless it is said how many a piece has, so that a run of a million of them takes seconds.
using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Simulation;

/// <param name="Mean">Of the completion times over the bound; <paramref name="Late"/> is their 95th percentile, <paramref name="Last"/> the last.</param>
/// <param name="Out">When each piece was somewhere else than at the seed, over the bound.</param>
/// <param name="SeedShare">Copies of the content that the seed has sent.</param>
/// <param name="LeastGiven">Content the least generous downloader has sent, in copies; <paramref name="MostGiven"/> the most generous.</param>
/// <param name="Early">Share of the crowd's uplinks that was in use in the first third of the bound; then in the second, and the third.</param>
/// <param name="Wasted">Bytes fetched twice over bytes needed.</param>
readonly record struct CrowdFigures(
    double Mean, double Late, double Last, double Out, double SeedShare, double LeastGiven, double MostGiven,
    double Early, double Middle, double End, double Wasted, long Events, ulong Trace)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"time over the bound: mean {Mean:0.000}, 95 % {Late:0.000}, last {Last:0.000}; everything left the seed after {Out:0.000}; uplinks in use {Early:0 %}, {Middle:0 %}, {End:0 %}; copies sent: by the seed {SeedShare:0.00}, by a downloader {LeastGiven:0.00} to {MostGiven:0.00}; fetched twice {Wasted:P2}; {Events} events");
}

static class FlashCrowd
{
    public const double Up = 64 * Geometry.BlockLength / 4.0; // 16 blocks a second
    public const double DownOverUp = 4;
    public const int MaxPeers = 50;

    /// <param name="blocks">Of a piece.</param>
    public static CrowdFigures Run(int seed, int downloaders, int pieces, int blocks)
    {
        var world = new World(seed);
        using var swarm = new SimulatedSwarm(world, new Geometry((long)pieces * blocks * Geometry.BlockLength, blocks * Geometry.BlockLength), TimeSpan.FromMinutes(30)) { MaxPeers = MaxPeers };
        HonestMachine source = swarm.Add(Draw(world), whole: true);
        source.Start();
        for (int i = 0; i < downloaders; i++) world.At(world.Now + TimeSpan.FromMilliseconds(100), swarm.Add(Draw(world), whole: false).Start);
        double bound = swarm.Geometry.TotalLength / Up * Math.Max(1, downloaders / (downloaders + 1.0));
        var course = new Course(swarm, bound);
        bool done = world.Run(() => swarm.Incomplete == 0, world.Now + TimeSpan.FromSeconds(20 * bound));
        Assert.True(done, $"seed {seed}: {swarm.Incomplete} of {downloaders} starve");

        HonestMachine[] crowd = [.. swarm.Honest.Skip(1)];
        double[] times = [.. crowd.Select(m => (m.Completed - m.Started).TotalSeconds / bound).Order()];
        TorrentStats[] stats = [.. crowd.Select(m => m.Client!.Torrent.Stats)];
        double content = swarm.Geometry.TotalLength;
        return new CrowdFigures(
            times.Average(), times[(int)(0.95 * (times.Length - 1))], times[^1], course.Out, source.Client!.Torrent.Stats.Uploaded / content,
            stats.Min(s => s.Uploaded) / content, stats.Max(s => s.Uploaded) / content,
            course.InUse(0), course.InUse(1), course.InUse(2), stats.Sum(s => s.Wasted) / (content * downloaders),
            world.Events, world.Trace);
    }

    public static Line Draw(World world, int site = 0) => new(world, Up, DownOverUp * Up, latency: world.Between(0.005, 0.05)) { Site = site };
}

/// <summary>Looks at a crowd a hundred times until the bound, and on until every piece has left the seed.</summary>
sealed class Course
{
    const int Looks = 99, Thirds = 3;

    readonly SimulatedSwarm _swarm;
    readonly double _bound;
    readonly TimeSpan _start;
    readonly double[] _sent = new double[Thirds];
    int _looks;

    public Course(SimulatedSwarm swarm, double bound)
    {
        (_swarm, _bound, _start) = (swarm, bound, swarm.World.Now);
        Next();
    }

    /// <summary>When each piece was somewhere else than at the seed, over the bound.</summary>
    public double Out { get; private set; }

    /// <summary>Share of all downloaders' uplinks that carried blocks in a third of the bound.</summary>
    public double InUse(int third) =>
        (_sent[third] - (third == 0 ? 0 : _sent[third - 1])) * Thirds / (_swarm.Geometry.TotalLength * (double)(_swarm.Honest.Count - 1));

    void Next() => _swarm.World.After(_bound / Looks, Look);

    void Look()
    {
        _looks++;
        if (_looks <= Looks && _looks % (Looks / Thirds) == 0)
            _sent[_looks / (Looks / Thirds) - 1] = _swarm.Honest.Skip(1).Sum(m => m.Client?.Torrent.Stats.Uploaded ?? 0);
        if (Out == 0 && IsOut()) Out = (_swarm.World.Now - _start).TotalSeconds / _bound;
        if (_looks < Looks || Out == 0) Next();
    }

    bool IsOut()
    {
        var seen = new byte[(_swarm.Geometry.PieceCount + 7) / 8];
        foreach (HonestMachine machine in _swarm.Honest.Skip(1))
        {
            ReadOnlySpan<byte> have = machine.Client == null ? [] : machine.Client.Picker.Have.Bytes;
            for (int i = 0; i < have.Length; i++) seen[i] |= have[i];
        }
        var all = new Bitfield(_swarm.Geometry.PieceCount);
        return all.TryLoad(seen) && all.IsFull;
    }
}
