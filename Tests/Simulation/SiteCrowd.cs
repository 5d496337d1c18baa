// A crowd on several sites, each a network of its own, that comes to one seed by way of a tracker. For comparison the same
// machines have addresses that tell nothing: then nobody is near, and the tracker's choice is all at random.
using System.Net;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Simulation;

/// <param name="Within">The share of the traffic that stays within a site.</param>
/// <param name="Mean">Seconds until a downloader is complete; <paramref name="Last"/> until the last one is.</param>
readonly record struct SiteFigures(double Within, double Mean, double Last);

static class SiteCrowd
{
    const int Sites = 6, MostMachines = 200;

    /// <param name="comesWithin">Seconds; 0: all at once, and the tracker knows them all from before.</param>
    public static SiteFigures Run(int seed, int downloaders, int pieces, double comesWithin, bool addressesTellSites)
    {
        Assert.True(downloaders < MostMachines);
        var world = new World(seed);
        using var swarm = new SimulatedSwarm(world, new Geometry((long)pieces * Geometry.BlockLength, Geometry.BlockLength), TimeSpan.FromMinutes(1)) { MaxPeers = FlashCrowd.MaxPeers };
        for (int number = 0; number <= downloaders; number++)
        {
            int site = number % Sites;
            var address = new IPAddress(addressesTellSites ? [(byte)(20 + 30 * site), 7, 1, (byte)number] : [(byte)(20 + number), 7, 1, 1]);
            HonestMachine machine = swarm.Add(FlashCrowd.Draw(world, site), whole: number == 0, address: address);
            if (comesWithin == 0) swarm.Tracker.Know(swarm.InfoHash, machine.Address, seeds: number == 0);
            if (number == 0) machine.Start();
            else world.After(world.Between(0, comesWithin), machine.Start);
        }
        Assert.True(world.Run(() => swarm.Incomplete == 0, TimeSpan.FromHours(1)), $"seed {seed}: {swarm.Incomplete} starve");

        HonestMachine[] crowd = [.. swarm.Honest.Skip(1)];
        return new SiteFigures(
            (double)crowd.Sum(m => m.Line.ReceivedWithin) / crowd.Sum(m => m.Line.Received),
            crowd.Average(m => (m.Completed - m.Started).TotalSeconds), crowd.Max(m => m.Completed).TotalSeconds);
    }
}
