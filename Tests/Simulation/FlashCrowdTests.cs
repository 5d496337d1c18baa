using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Simulation;

/// <summary>How near a crowd comes to what no scheme can beat. `make simulate CROWD=downloadersxpiecesxblocks` runs a large one.</summary>
public class FlashCrowdTests(ITestOutputHelper output)
{
    /// <summary>Downloaders, pieces and blocks of a piece (one, if it is not said), where `make simulate` says how many.</summary>
    const string SizeVariable = "SIMULATE_CROWD";

    /// <summary>Of at least so many pieces of one block, passing them on one by one costs little.</summary>
    const int ManyPieces = 1000;

    /// <summary>Over the bound; a run is the same on every machine. A crowd of 30 for 60 pieces comes to 1.64.</summary>
    const double WorstMean = 1.75, WorstMeanOfMany = 1.15;

    [Fact]
    public void ACrowdIsServedNearlyAsFastAsItsUplinksAllowAndNobodyStarves()
    {
        string[] size = (Environment.GetEnvironmentVariable(SizeVariable) ?? "30x60").Split('x');
        int downloaders = int.Parse(size[0], CultureInfo.InvariantCulture), pieces = int.Parse(size[1], CultureInfo.InvariantCulture);
        int blocks = size.Length > 2 ? int.Parse(size[2], CultureInfo.InvariantCulture) : 1;
        var clock = Stopwatch.StartNew();
        CrowdFigures figures = FlashCrowd.Run(seed: 1, downloaders, pieces, blocks);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{downloaders} downloaders, {pieces} pieces of {blocks} blocks: {figures} in {clock.Elapsed.TotalSeconds:0.0} s"));
        Assert.True(figures.Mean < (pieces >= ManyPieces && blocks == 1 ? WorstMeanOfMany : WorstMean), $"{figures.Mean} times the bound");
    }
}
