using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Simulation;

/// <summary>How near a crowd comes to what no scheme can beat. `make simulate CROWD=downloadersxpieces` runs a large one.</summary>
public class FlashCrowdTests(ITestOutputHelper output)
{
    /// <summary>Downloaders and pieces, where `make simulate` says how many.</summary>
    const string SizeVariable = "SIMULATE_CROWD";

    /// <summary>Far above what is measured, far below what a swarm takes that leaves everything to its seed.</summary>
    const double WorstMean = 5;

    [Fact]
    public void ACrowdIsServedNearlyAsFastAsItsUplinksAllowAndNobodyStarves()
    {
        string[] size = (Environment.GetEnvironmentVariable(SizeVariable) ?? "30x60").Split('x');
        int downloaders = int.Parse(size[0], CultureInfo.InvariantCulture), pieces = int.Parse(size[^1], CultureInfo.InvariantCulture);
        var clock = Stopwatch.StartNew();
        CrowdFigures figures = FlashCrowd.Run(seed: 1, downloaders, pieces);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{downloaders} downloaders, {pieces} pieces: {figures} in {clock.Elapsed.TotalSeconds:0.0} s"));
        Assert.True(figures.Mean < WorstMean, $"{figures.Mean} times the bound");
    }
}
