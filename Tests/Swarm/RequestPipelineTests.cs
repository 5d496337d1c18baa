using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Swarm;

public class RequestPipelineTests(ITestOutputHelper output)
{
    const double MiB = 1024 * 1024;

    [Theory]
    [InlineData(500 * MiB, 0.0001, 0)]
    [InlineData(100 * MiB, 0.0005, 0.001)]
    [InlineData(50 * MiB, 0.1, 0)]
    [InlineData(50 * MiB, 0.1, 0.02)]
    [InlineData(5 * MiB, 0.3, 0)]
    [InlineData(5 * MiB, 0.02, 0.15)]
    [InlineData(1 * MiB, 0.05, 0.01)]
    [InlineData(0.1 * MiB, 0.2, 0.05)]
    [InlineData(0.02 * MiB, 0.1, 0)]
    public void ItFillsAnyLinkAndKeepsTheQueueShort(double rate, double roundTrip, double jitter)
    {
        for (int seed = 0; seed < (jitter > 0 ? 10 : 1); seed++)
        {
            var link = new Link(rate, roundTrip, jitter, seed);
            link.Run(3);
            link.Measure(20);
            output.WriteLine(link.Summary);
            Assert.True(link.Fill >= 0.95, $"seed {seed}: {link.Summary}");
            double allowed = 1.15 + roundTrip / 2 + 3 * jitter + RequestPipeline.MinDepth * 2 * Geometry.BlockLength / rate;
            Assert.True(link.MeanQueueSeconds <= allowed, $"seed {seed}: more than {allowed} s: {link.Summary}");
            Assert.Equal(0, link.Overdue);
        }
    }

    [Fact]
    public void ALongFatLinkIsFullAfterAFewRoundTrips()
    {
        var link = new Link(50 * MiB, 0.1, 0, seed: 1);
        link.Run(0.85);
        link.Measure(0.5);
        Assert.True(link.Fill >= 0.9, link.Summary);
    }

    [Theory]
    [InlineData(1 * MiB, 20 * MiB, 0.05, 0.05)]
    [InlineData(20 * MiB, 1 * MiB, 0.05, 0.05)]
    [InlineData(10 * MiB, 10 * MiB, 0.03, 0.25)]
    [InlineData(10 * MiB, 10 * MiB, 0.25, 0.03)]
    public void ItFollowsALinkThatChanges(double rate, double rateAfter, double roundTrip, double roundTripAfter)
    {
        var link = new Link(rate, roundTrip, 0.002, seed: 1);
        link.Run(12);
        (link.Rate, link.RoundTrip) = (rateAfter, roundTripAfter);
        link.Run(15);
        link.Measure(20);
        output.WriteLine(link.Summary);
        Assert.True(link.Fill >= 0.95, link.Summary);
        Assert.True(link.MeanQueueSeconds <= 1.4, link.Summary);
    }

    [Fact]
    public void ARoundTripThatWandersDoesNotStarveIt()
    {
        var link = new Link(10 * MiB, 0.15, 0.01, seed: 1) { Wander = 0.1 };
        link.Run(5);
        link.Measure(60);
        output.WriteLine(link.Summary);
        Assert.True(link.Fill >= 0.9, link.Summary);
        Assert.True(link.MeanQueueSeconds <= 1.4, link.Summary);
    }

    [Theory]
    [InlineData(1 * MiB)]
    [InlineData(20 * MiB)]
    public void APeerThatLooksAtItsRequestsTwiceASecondIsKeptBusy(double rate)
    {
        var link = new Link(rate, 0.001, 0, seed: 1) { Round = 0.5 };
        link.Run(2);
        link.Measure(8);
        output.WriteLine(link.Summary);
        Assert.True(link.Fill >= 0.8, link.Summary);
    }

    [Fact]
    public void TheQueueDoesNotGrowOverAnHour()
    {
        var link = new Link(2 * MiB, 0.05, 0.01, seed: 1);
        link.Run(3540);
        link.Measure(60);
        Assert.True(link.Fill >= 0.95 && link.MeanQueueSeconds < 1.2, link.Summary);
    }

    [Fact]
    public void APauseOfOursDoesNotEmptyThePipeline()
    {
        var link = new Link(20 * MiB, 0.1, 0, seed: 1);
        link.Run(4.9);
        int before = link.Pipeline.Depth;
        link.Pause(1);
        link.Run(1.15);
        Assert.InRange(link.Pipeline.Depth, before / 2, before * 3);
    }

    /// <summary>What has waited in the buffers meanwhile comes at once.</summary>
    [Fact]
    public void TheBurstAfterAPauseIsNotTakenForTheRate()
    {
        var link = new Link(2 * MiB, 0.1, 0, seed: 1);
        link.Run(4.9);
        link.Pause(1);
        for (int i = 0; i < 20; i++)
        {
            link.Run(0.1);
            Assert.InRange(link.Pipeline.BytesPerSecond, 1 * MiB, 4.1 * MiB);
        }
    }

    [Fact]
    public void APeerThatNamesNoLimitIsAskedForNoMoreThanMostKeep()
    {
        var link = new Link(100 * MiB, 0.2, 0, seed: 1);
        link.Pipeline.PeerLimit = new RequestPipeline().PeerLimit;
        link.Run(5);
        Assert.InRange(link.MaxOutstanding, 100, 256);
    }

    [Fact]
    public void ThePeersOwnLimitIsKept()
    {
        var link = new Link(100 * MiB, 0.2, 0, seed: 1);
        link.Pipeline.PeerLimit = 100;
        link.Run(5);
        Assert.Equal(100, link.MaxOutstanding);
    }

    [Fact]
    public void ASilentPeerTimesOutSoonerThanItIsSnubbed()
    {
        var link = new Link(5 * MiB, 0.05, 0, seed: 1);
        link.Run(3);
        TimeSpan start = link.Now, second = TimeSpan.FromSeconds(1);
        TimeSpan timeout = link.Pipeline.Timeout;
        Assert.InRange(timeout, 3 * second, 10 * second);
        for (int i = 0; i < 4; i++)
        {
            link.Pipeline.OnTimeout();
            link.Pipeline.OnRequested(start + i * second);
            Assert.Equal(1, link.Pipeline.Depth);
            Assert.True(link.Pipeline.Timeout > timeout);
            timeout = link.Pipeline.Timeout;
        }
        Assert.False(link.Pipeline.IsSnubbed(start + 30 * second));
        Assert.True(link.Pipeline.IsSnubbed(start + 42 * second)); // since the last block, not since the last request
        link.Pipeline.OnBlock(Geometry.BlockLength, null, 3, start + 61 * second);
        Assert.InRange(link.Pipeline.Timeout, 3 * second, 10 * second);
        Assert.False(link.Pipeline.IsSnubbed(start + 62 * second));
        link.Pipeline.OnIdle();
        Assert.False(link.Pipeline.IsSnubbed(start + 600 * second));
    }

    /// <summary>A peer that serves requests in order at a rate, behind a path with delay and jitter that keeps their order.</summary>
    sealed class Link(double rate, double roundTrip, double jitter, int seed)
    {
        readonly Random _random = new(seed);
        readonly Queue<(double Sent, double Arrives, double Waited)> _underWay = new();
        double _now = 1, _servedUntil, _lastArrival, _received, _waited, _measuredFrom, _pausedUntil;
        int _blocks;

        public double Rate { get; set; } = rate;
        public double RoundTrip { get; set; } = roundTrip;

        /// <summary>Seconds by which the round trip swings up and down, every 4 s.</summary>
        public double Wander { get; set; }

        /// <summary>Seconds between two looks of the peer at its requests, or zero. The first after a look is answered at once.</summary>
        public double Round { get; init; }
        double _looked;
        public RequestPipeline Pipeline { get; } = new() { PeerLimit = int.MaxValue };
        public TimeSpan Now => TimeSpan.FromSeconds(_now);
        public int MaxOutstanding { get; private set; }
        public int Overdue { get; private set; }
        public double Fill => _received / (_now - _measuredFrom) / Rate;
        public double MeanQueueSeconds => _waited / Math.Max(1, _blocks);

        public string Summary => string.Create(CultureInfo.InvariantCulture,
            $"{Rate / MiB:0.##} MiB/s {RoundTrip * 1000:0.#} ms: fill {Fill:P1}, depth {Pipeline.Depth}, queue {MeanQueueSeconds * 1000:0.#} ms, path {Pipeline.RoundTrip.TotalMilliseconds:0.#} ms");

        public void Measure(double seconds)
        {
            (_received, _waited, _blocks, _measuredFrom) = (0, 0, 0, _now);
            Run(seconds);
        }

        public void Pause(double seconds) => _pausedUntil = _now + seconds;

        public void Run(double seconds)
        {
            double until = _now + seconds;
            Ask();
            while (_underWay.Count > 0)
            {
                (double sent, double arrives, double waited) = _underWay.Peek();
                double at = Math.Max(arrives, _pausedUntil);
                if (at > until) break;
                _underWay.Dequeue();
                _now = Math.Max(_now, at);
                if (Now - TimeSpan.FromSeconds(sent) > Pipeline.Timeout) Overdue++;
                _received += Geometry.BlockLength;
                _waited += waited;
                _blocks++;
                Pipeline.OnBlock(Geometry.BlockLength, TimeSpan.FromSeconds(sent), _underWay.Count, Now);
                Ask();
            }
            _now = until;
        }

        void Ask()
        {
            if (_underWay.Count < Pipeline.Depth) Pipeline.OnRequested(Now);
            while (_underWay.Count < Pipeline.Depth)
            {
                double reaches = _now + RoundTrip / 2, looked = Look(reaches);
                double starts = Math.Max(looked, _servedUntil);
                _servedUntil = starts + Geometry.BlockLength / Rate;
                double arrives = Math.Max(_lastArrival, _servedUntil + RoundTrip / 2 + jitter * _random.NextDouble() + Wander * Math.Sin(_now * Math.PI / 2));
                _lastArrival = arrives;
                _underWay.Enqueue((_now, arrives, starts - reaches));
            }
            MaxOutstanding = Math.Max(MaxOutstanding, _underWay.Count);
        }

        double Look(double reaches)
        {
            double next = Round > 0 ? Math.Ceiling(reaches / Round) * Round : reaches;
            bool first = next > _looked;
            _looked = next;
            return first ? reaches : next;
        }
    }
}
