using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Swarm;

/// <summary>Whole downloads from made-up peers: they end, they end soon, and they do not fetch much twice.</summary>
public class PiecePickerSwarmTests(ITestOutputHelper output)
{
    const double KiB = 1024;

    [Fact]
    public void ADownloadEndsWhateverItsPeersDo()
    {
        int failed = 0, banned = 0;
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            int pieceLength = 1 << random.Next(14, 19);
            var model = new DownloadModel(new Geometry(random.NextInt64(1, 6_000_000), pieceLength), random);
            model.Picker.Sequential = random.Next(4) == 0;
            for (int i = random.Next(12); i > 0; i--) Join(model);
            bool ended = model.Run(600, () => Disturb(model));
            model.Picker.CheckInvariants();
            Assert.True(ended, $"seed {seed}: {model.Picker.Left} bytes left after {model.Now} s with {model.Peers.Count} peers");
            failed += model.FailedPieces;
            banned += model.Banned.Count;
        }
        output.WriteLine($"{failed} pieces failed, {banned} peers banned");
        Assert.True(failed > 100 && banned > 50);
    }

    static void Join(DownloadModel model)
    {
        Random random = model.Random;
        double lies = random.Next(5) == 0 ? random.NextDouble() : 0;
        model.Join(random.Next(10, 2000) * KiB, random.NextDouble() * 0.3, random.Next(3) == 0 ? 1 : random.NextDouble(), lies);
    }

    static void Disturb(DownloadModel model)
    {
        Random random = model.Random;
        if (model.Peers.Count < 12 && random.Next(2) == 0) Join(model);
        if (model.Peers.Count == 0) return;
        ModelPeer peer = model.Peers[random.Next(model.Peers.Count)];
        switch (random.Next(10))
        {
            case 0: model.Leave(peer); break;
            case 1: model.Choke(peer); break;
            case 2: model.Unchoke(peer); break;
            case 3 when random.Next(4) == 0: peer.Rate = 0; break; // falls silent for good
        }
    }

    [Theory]
    [InlineData(256 * 1024)]
    [InlineData(4 * 1024 * 1024)]
    public void TheLastPercentTakesNoLongerThanTwiceItsShareAndLittleComesTwice(int pieceLength)
    {
        double worstEnd = 0, worstWaste = 0, worstTime = 0;
        for (int seed = 0; seed < 12; seed++)
        {
            var random = new Random(seed);
            var geometry = new Geometry(400L << 20, pieceLength);
            var model = new DownloadModel(geometry, random);
            double rates = 0;
            // From a modem to a data centre, and one that stops answering at half-time.
            foreach (double rate in (double[])[8, 30, 100, 300, 1000, 1000, 3000, 5000, 8000, 10000])
            {
                model.Join(rate * KiB, 0.02 + 0.1 * random.NextDouble());
                rates += rate * KiB;
            }
            double start = model.Now, ideal = geometry.TotalLength / rates;
            Assert.True(model.Run(10 * ideal, () => { if (model.Now > ideal / 2) model.Peers[5].Rate = 0; }));
            double whole = model.Now - start, end = model.Now - model.ReachedAt[99];
            worstEnd = Math.Max(worstEnd, end / whole);
            worstWaste = Math.Max(worstWaste, (double)model.Duplicates / geometry.TotalLength);
            worstTime = Math.Max(worstTime, whole / ideal);
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{pieceLength >> 10} KiB pieces: whole {worstTime:0.000} x ideal, last percent {worstEnd:P2} of the time, {worstWaste:P2} fetched twice"));
        Assert.True(worstTime < 1.1, $"{worstTime} times the ideal");
        Assert.True(worstEnd < 0.02 * Math.Max(1, 100.0 * pieceLength / (400 << 20)), $"last percent took {worstEnd:P1}");
        Assert.True(worstWaste < 0.01, $"{worstWaste:P2} fetched twice");
    }

    [Fact]
    public void LittleComesTwiceFromManyPeersWhoseBlocksComeInBursts()
    {
        // As when hundreds of peers share a link, or this machine: nobody is slow, but each is silent for half a second at a time,
        // and their pipelines together hold a good part of the content. Each starts with little, and a round trip is half a second.
        var geometry = new Geometry(200L << 20, 256 * 1024);
        var model = new DownloadModel(geometry, new Random(1));
        for (int i = 0; i < 50; i++) model.Join(1000 * KiB, 0.02, burst: 0.5);
        Assert.True(model.Run(30));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(double)model.Duplicates / geometry.TotalLength:P2} fetched twice in {model.Now:0.0} s"));
        Assert.True(model.Duplicates < geometry.TotalLength / 50);
        Assert.True(model.Now < 1.5 + 1.3 * geometry.TotalLength / (50 * 1000 * KiB), $"{model.Now} s");
    }

    [Fact]
    public void ALiarAmongManyIsFoundAndNobodyElseIsBlamed()
    {
        int worst = 0;
        double worstShare = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var model = new DownloadModel(new Geometry(60L << 20, 1 << 20), random);
            for (int i = 0; i < 9; i++) model.Join(random.Next(50, 600) * KiB, 0.05);
            ModelPeer liar = model.Join(400 * KiB, 0.05, lies: random.Next(2) == 0 ? 1 : 0.2);
            Assert.True(model.Run(600));
            Assert.True(model.Banned is [var banned] && banned == liar, $"seed {seed}: {model.Banned.Count} banned");
            worst = Math.Max(worst, model.FailedPieces);
            worstShare = Math.Max(worstShare, (double)model.Discarded / (60 << 20));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"at most {worst} pieces failed, and {worstShare:P1} were given up before"));
        Assert.True(worst <= 6, $"{worst} pieces failed");
    }

    [Fact]
    public void PiecesInProgressStayFewHoweverManyPeersThereAre()
    {
        foreach (int peers in (int[])[1, 10, 100])
        {
            var model = new DownloadModel(new Geometry(1L << 30, 1 << 20), new Random(peers));
            for (int i = 0; i < peers; i++) model.Join(20_000 * KiB / peers, 0.05, share: 0.7);
            Assert.False(model.Run(15));
            output.WriteLine($"{peers} peers: at most {model.MostPartials} pieces in progress");
            // Full pipelines hold up to two seconds of 20 MiB/s, whatever the number of peers: 40 pieces are under way as it is.
            Assert.True(model.MostPartials <= 2 * peers + 8 + 40, $"{model.MostPartials} pieces in progress with {peers} peers");
        }
    }

    [Fact]
    public void ASlowSeedHoldsUpNobodyWhoReads()
    {
        double worst = 0, wasted = 0;
        for (int seed = 0; seed < 10; seed++)
        {
            double alone = First(seed, 0, out _), beside = First(seed, 2, out DownloadModel model);
            worst = Math.Max(worst, beside - alone);
            double start = model.Now, longest = 0, last = start;
            for (int pieces = 0; !model.Picker.IsComplete;)
            {
                model.Run(0.05);
                int next = Enumerable.Range(0, 64).TakeWhile(p => model.Picker.Have[p]).Count();
                if (next > pieces) (pieces, last) = (next, model.Now);
                longest = Math.Max(longest, model.Now - last);
                Assert.True(model.Now < 60);
            }
            Assert.True(longest < 4, $"seed {seed}: a reader waited for {longest} s");
            wasted = Math.Max(wasted, (double)model.Duplicates / (16 << 20));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the first piece came {worst:0.00} s later beside slow seeds, {wasted:P2} came twice"));
        Assert.True(worst < 2);
        Assert.True(wasted < 0.01);

        static double First(int seed, int slow, out DownloadModel model)
        {
            model = new DownloadModel(new Geometry(16 << 20, 256 * 1024), new Random(seed));
            model.Picker.Sequential = true;
            for (int i = 0; i < slow; i++) model.Join(0.8 * KiB, 0.02);
            model.Join(1300 * KiB, 0.02);
            while (!model.Picker.Have[0]) Assert.False(model.Run(0.02) || model.Now > 60);
            return model.Now;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void LittleComesTwiceToWhoReadsFromPeersOfEverySpeed(double burst)
    {
        var geometry = new Geometry(200L << 20, 256 * 1024);
        var model = new DownloadModel(geometry, new Random(1));
        model.Picker.Sequential = true;
        foreach (double rate in (double[])[8, 30, 100, 300, 300, 1000, 1000, 1000, 3000, 5000]) model.Join(rate * KiB, 0.02 + 0.1 * model.Random.NextDouble(), burst: burst);
        Assert.True(model.Run(60));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(double)model.Duplicates / geometry.TotalLength:P2} fetched twice in {model.Now:0.0} s"));
        Assert.True(model.Duplicates < geometry.TotalLength / 50);
        Assert.True(model.Now < 1.5 + 1.2 * geometry.TotalLength / (11738 * KiB), $"{model.Now} s");
    }
}
