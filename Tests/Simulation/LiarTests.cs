// One liar among twenty peers, whatever way it lies: it is found, nobody else is, and little is fetched twice because of it.
using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Simulation;

public class LiarTests(ITestOutputHelper output)
{
    const int Honest = 19, Pieces = 384;
    const double MostFetchedTwice = 0.02;

    static readonly int s_seeds = Environment.GetEnvironmentVariable(SimulationTests.SeedsVariable) is null ? 1 : 4;

    [Theory]
    [InlineData((int)Lie.BadBlocks)]
    [InlineData((int)Lie.SomeBadBlocks)]
    [InlineData((int)Lie.LiesInCompany)]
    [InlineData((int)Lie.Reconnects)]
    [InlineData((int)Lie.RejectsAnything)]
    [InlineData((int)Lie.ChokesAndSendsGarbage)]
    [InlineData((int)Lie.CancelsAnything)]
    [InlineData((int)Lie.AnswersLate)]
    public void ALiarAmongTwentyIsFoundAndNobodyElse(int kind)
    {
        var lie = (Lie)kind;
        foreach (int pieceLength in (int[])[256 << 10, 512 << 10])
        {
            double worst = 0;
            int failed = 0;
            for (int seed = 1; seed <= s_seeds; seed++)
            {
                TorrentStats stats = Run(seed, lie, pieceLength);
                worst = Math.Max(worst, (double)stats.Wasted / stats.Wanted);
                failed = Math.Max(failed, stats.FailedPieces);
            }
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{lie}, pieces of {pieceLength >> 10} KiB: {worst:P2} fetched twice, at most {failed} pieces failed"));
            Assert.True(worst <= MostFetchedTwice, $"{worst:P2} fetched twice");
        }
    }

    static TorrentStats Run(int seed, Lie lie, int pieceLength)
    {
        var world = new World(seed);
        using var swarm = new SimulatedSwarm(world, new Geometry((long)pieceLength * Pieces, pieceLength), TimeSpan.FromMinutes(2));
        for (int i = 0; i < Honest; i++) swarm.Add(new Line(world, world.Between(30_000, 120_000), 1_000_000, world.Between(0.005, 0.1)), whole: true).Start();
        HonestMachine downloader = swarm.Add(new Line(world, 100_000, 4_000_000, 0.02), whole: false);
        Liar liar = swarm.AddLiar(new Line(world, 120_000, 1_000_000, 0.02), lie);
        liar.Start();
        world.After(1, downloader.Start);
        Assert.True(world.Run(() => swarm.Incomplete == 0, TimeSpan.FromHours(1)));
        TorrentStats stats = downloader.Client!.Torrent.Stats;
        // What comes late is mostly not needed any more: then there is nothing to find.
        Assert.True(downloader.Client.Bans(liar) || (lie == Lie.AnswersLate && stats.FailedPieces == 0), $"seed {seed}: {lie} is not found");
        Assert.All(swarm.Honest, honest => Assert.False(downloader.Client.Bans(honest)));
        return stats;
    }
}
