using System.Globalization;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Simulation;

/// <summary>What it is worth that a tracker tells of near peers first. `make simulate` compares many seeds of a larger crowd.</summary>
public class SiteCrowdTests(ITestOutputHelper output)
{
    /// <summary>Seeds to compare, where `make simulate` says how many.</summary>
    const string SeedsVariable = "SIMULATE_SITES";

    [Fact]
    public void MoreTrafficStaysWithinASiteAndNobodyWaitsLongerForIt()
    {
        // In small crowds chance has a larger part than in the mean of many large ones.
        if (!int.TryParse(Environment.GetEnvironmentVariable(SeedsVariable), CultureInfo.InvariantCulture, out int seeds))
        {
            Compare(seeds: 4, downloaders: 100, pieces: 20, comesWithin: 0, leastGain: 1.5, mostTime: 1.25);
            return;
        }
        Compare(seeds, downloaders: 160, pieces: 100, comesWithin: 0, leastGain: 2, mostTime: 1.05);
        Compare(seeds, downloaders: 160, pieces: 100, comesWithin: 10, leastGain: 1.8, mostTime: 1.05);
    }

    void Compare(int seeds, int downloaders, int pieces, double comesWithin, double leastGain, double mostTime)
    {
        SiteFigures[] near = new SiteFigures[seeds], chance = new SiteFigures[seeds];
        for (int i = 0; i < seeds; i++)
        {
            near[i] = SiteCrowd.Run(i + 1, downloaders, pieces, comesWithin, addressesTellSites: true);
            chance[i] = SiteCrowd.Run(i + 1, downloaders, pieces, comesWithin, addressesTellSites: false);
        }
        double within = near.Average(f => f.Within), atRandom = chance.Average(f => f.Within);
        (double mean, double meanSpread) = Spread(near.Zip(chance, (a, b) => a.Mean / b.Mean));
        (double last, double lastSpread) = Spread(near.Zip(chance, (a, b) => a.Last / b.Last));
        string figures = string.Create(CultureInfo.InvariantCulture,
            $"{downloaders} downloaders on 6 sites that come within {comesWithin} s, {seeds} seeds: {within:P0} of the traffic within a site, {atRandom:P0} at random; time over that at random: mean {mean:0.00} ± {meanSpread:0.00}, last {last:0.00} ± {lastSpread:0.00}");
        output.WriteLine(figures);
        Assert.True(within > leastGain * atRandom, figures);
        Assert.True(mean < mostTime && last < mostTime, figures);
    }

    /// <summary>Mean and standard deviation.</summary>
    static (double Mean, double Deviation) Spread(IEnumerable<double> ratios)
    {
        double[] all = [.. ratios];
        double mean = all.Average();
        return (mean, Math.Sqrt(all.Sum(x => (x - mean) * (x - mean)) / Math.Max(1, all.Length - 1)));
    }
}
