using TinyTorrent.Swarm;

namespace TinyTorrent.Tests.Swarm;

public class ChokerTests
{
    // Bytes per second with which four slots are neither too many nor too few.
    const double FourSlots = 4 * 30 * 1024;

    const int PieceLength = 256 * 1024;

    static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public void ASeedOnAThinUplinkServesEverybodyEvenlyInTurns()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            var uplink = new Uplink(random, peers: random.Next(20, 200), uplink: random.Next(100, 1000) * 1024.0, takes: double.MaxValue);
            uplink.Run(seeding: true, Minute * 180); // with four slots a turn of 200 takes 25 minutes, and one more or less is to be little
            Assert.True(uplink.Unfairness <= 1.3, $"seed {seed}: {uplink.Unfairness} with {uplink.Choker.Slots} slots");
            Assert.True(uplink.MeanUnchoked < 0.9 * uplink.Peers.Count || uplink.MeanRatePerSlot > 10 * 1024, $"seed {seed}: too many slots");
        }
    }

    [Theory]
    [InlineData(256 * 1024, false, 1000, 18, 21)]
    [InlineData(256 * 1024, true, 1000, 18, 21)]
    [InlineData(16 * 1024, false, 1000, 36, 42)]
    [InlineData(16 * 1024, true, 1000, 140, 160)]
    [InlineData(256 * 1024, false, 10, Choker.MinSlots, Choker.MinSlots)]
    [InlineData(32 * 1024, false, 10, 8, 8)]
    [InlineData(16 * 1024, true, 10, 16, 16)]
    public void SmallPiecesAreWorthMoreSlotsThanLargeOnesAndMostOfAllAtASeed(int pieceLength, bool seeding, double kilobytes, int least, int most)
    {
        var uplink = new Uplink(new Random(1), peers: 300, kilobytes * 1000, takes: double.MaxValue, pieceLength);
        uplink.Run(seeding, 3 * Minute);
        Assert.InRange(uplink.Choker.Slots, least, most);
    }

    [Fact]
    public void TwoHundredDownloadersOnAFastUplinkAllHaveASlotAtOnce()
    {
        var uplink = new Uplink(new Random(1), peers: 200, uplink: 500e6, takes: double.MaxValue);
        uplink.Run(seeding: true, Minute);
        Assert.All(uplink.Peers, p => Assert.True(p.Unchoked));
        Assert.Equal(1, uplink.Unfairness, 3);
    }

    [Fact]
    public void RoundsAreShortUntilTheUplinkIsKnown()
    {
        var choker = new Choker(new Random(1), PieceLength);
        List<ChokerPeer> peers = [.. Enumerable.Range(0, 40).Select(_ => new ChokerPeer(default) { Interested = true })];
        TimeSpan now = default;
        choker.Decide(peers, seeding: true, uploadRate: 0, now);
        Assert.Equal(Choker.FirstRound, choker.Pause);
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(Choker.FirstRound, choker.Pause);
            choker.Decide(peers, seeding: true, uploadRate: 300 * 1024, now += choker.Pause);
        }
        Assert.Equal(Choker.Round, choker.Pause);
        Assert.Equal(6, choker.Slots); // of 50 KiB/s each, and not approached by halves from 40
    }

    [Fact]
    public void SlowTakersDoNotLeaveTheUplinkIdle()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            // 100 peers that take 5 KiB/s each: all of them together are needed to use what there is.
            var uplink = new Uplink(new Random(seed), peers: 100, uplink: 10e6, takes: 5 * 1024);
            uplink.Run(seeding: true, Minute * 30);
            Assert.True(uplink.Sent > 0.6 * 100 * 5 * 1024 * 30 * 60, $"seed {seed}: {uplink.Sent}");
        }
    }

    [Fact]
    public void TheBestGiversAlwaysHaveASlotAndTheOthersATrial()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var uplink = new Uplink(random, peers: 40, uplink: 120 * 1024, takes: double.MaxValue);
            for (int i = 0; i < 40; i++) uplink.Gives[i] = i < 3 ? 50_000 + i : 0;
            uplink.Run(seeding: false, Minute * 2);
            for (int round = 0; round < 300; round++)
            {
                uplink.Run(seeding: false, Choker.Round);
                for (int i = 0; i < 3; i++) Assert.True(uplink.Peers[i].Unchoked && !uplink.Peers[i].Optimistic, $"seed {seed}, round {round}");
            }
            Assert.All(uplink.Bytes, bytes => Assert.True(bytes > 0, $"seed {seed}: somebody never had a trial"));
        }
    }

    [Fact]
    public void NewcomersAreTriedThreeTimesAsOften()
    {
        int newcomer = 0;
        const int Runs = 20_000;
        var choker = new Choker(new Random(1), PieceLength);
        Shrink(choker);
        for (int run = 0; run < Runs; run++)
        {
            ChokerPeer[] peers = [.. Enumerable.Range(0, 14).Select(i => new ChokerPeer(TimeSpan.Zero) { Interested = true, Rate = i < 4 ? 1000 : 0, IsNew = i == 13 })];
            choker.Decide(peers, seeding: false, FourSlots, Minute);
            // Three slots are earned and one is on trial, for the fourth giver and ten others.
            Assert.Equal(4, peers.Count(p => p.Unchoked));
            Assert.Equal(1, peers.Count(p => p.Optimistic));
            if (peers[13].Unchoked) newcomer++;
        }
        Assert.InRange(newcomer, Runs * 3 / 13 * 0.9, Runs * 3 / 13 * 1.1);
    }

    [Fact]
    public void ATrialLastsThirtySeconds()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var choker = new Choker(new Random(seed), PieceLength);
            Shrink(choker);
            ChokerPeer[] peers = [.. Enumerable.Range(0, 30).Select(i => new ChokerPeer(TimeSpan.Zero) { Interested = true, Rate = i < 3 ? 1000 : 0 })];
            choker.Decide(peers, seeding: false, FourSlots, Minute);
            ChokerPeer first = peers.Single(p => p.Optimistic);
            for (int round = 1; round < 3; round++)
            {
                choker.Decide(peers, seeding: false, FourSlots, Minute + round * Choker.Round);
                Assert.Same(first, peers.Single(p => p.Optimistic));
            }
        }
    }

    [Fact]
    public void APeerThatSnubsUsLosesWhatItEarned()
    {
        var choker = new Choker(new Random(1), PieceLength);
        Shrink(choker);
        ChokerPeer[] peers = [.. Enumerable.Range(0, 10).Select(i => new ChokerPeer(TimeSpan.Zero) { Interested = true, Rate = 1000 - i })];
        choker.Decide(peers, seeding: false, FourSlots, Minute);
        Assert.True(peers[0].Unchoked && !peers[0].Optimistic);
        peers[0].Snubbed = true;
        choker.Decide(peers, seeding: false, FourSlots, Minute + Choker.Round);
        Assert.True(!peers[0].Unchoked || peers[0].Optimistic);
        Assert.All(peers[1..4], p => Assert.True(p.Unchoked && !p.Optimistic));
    }

    [Fact]
    public void APeerThatSnubsUsEarnsNothingEvenIfNobodyElseWantsItsSlot()
    {
        var choker = new Choker(new Random(1), PieceLength);
        ChokerPeer[] peers = [new(TimeSpan.Zero) { Interested = true, Rate = 1000, Snubbed = true }];
        choker.Decide(peers, seeding: false, FourSlots, Minute);
        Assert.True(peers[0].Unchoked && peers[0].Optimistic);
    }

    /// <summary>In seconds, not in rounds: however long those are.</summary>
    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 30)]
    public void EverybodyHasATurnWithinMinutes(bool seeding, int minutes)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var choker = new Choker(new Random(seed), PieceLength);
            Shrink(choker);
            // Four slots for twelve. While downloading three are earned, and nine peers share one trial.
            ChokerPeer[] peers = [.. Enumerable.Range(0, 12).Select(i => new ChokerPeer(TimeSpan.Zero) { Interested = true, Rate = seeding || i < 3 ? 1000 : 0 })];
            var served = new HashSet<ChokerPeer>();
            for (TimeSpan now = Minute; now < Minute + minutes * Minute; now += choker.Pause)
            {
                choker.Decide(peers, seeding, FourSlots, now);
                served.UnionWith(peers.Where(p => p.Unchoked));
            }
            Assert.Equal(12, served.Count);
        }
    }

    [Fact]
    public void AFreeSlotIsGivenWithoutWaitingForTheRound()
    {
        var choker = new Choker(new Random(1), PieceLength);
        ChokerPeer[] peers = [new(TimeSpan.Zero), new(TimeSpan.Zero)];
        peers[0].Interested = true;
        choker.OnInterested(peers[0], 0, Minute);
        Assert.True(peers[0].Unchoked);
        peers[0].Interested = false;
        choker.Decide(peers, seeding: true, 0, Minute + Choker.Round);
        Assert.DoesNotContain(peers, p => p.Unchoked);
        peers[1].Interested = true;
        choker.OnInterested(peers[1], choker.Slots, Minute + Choker.Round);
        Assert.False(peers[1].Unchoked); // every slot is taken
    }

    // Brings a choker down to the fewest slots, as a thin uplink does.
    static void Shrink(Choker choker)
    {
        ChokerPeer[] crowd = [.. Enumerable.Range(0, 300).Select(_ => new ChokerPeer(TimeSpan.Zero) { Interested = true })];
        for (int i = 0; i < 20; i++) choker.Decide(crowd, seeding: true, 1000, TimeSpan.FromSeconds(i));
        Assert.Equal(Choker.MinSlots, choker.Slots);
    }

    /// <summary>An uplink that its unchoked peers share evenly, none taking more than it can.</summary>
    sealed class Uplink
    {
        readonly double _uplink, _takes;
        TimeSpan _now = Minute;
        double _rate;
        long _rounds, _unchoked;

        public Uplink(Random random, int peers, double uplink, double takes, int pieceLength = PieceLength)
        {
            (_uplink, _takes) = (uplink, takes);
            Choker = new Choker(random, pieceLength);
            for (int i = 0; i < peers; i++)
            {
                Peers.Add(new ChokerPeer(_now) { Interested = true });
                Choker.OnInterested(Peers[i], Peers.Count(p => p.Unchoked), _now);
            }
            Bytes = new double[peers];
            Gives = new double[peers];
        }

        public Choker Choker { get; }
        public List<ChokerPeer> Peers { get; } = [];
        public double[] Bytes { get; }
        public double[] Gives { get; }
        public double Sent => Bytes.Sum();
        public double Unfairness => Bytes.Max() / Bytes.Min();
        public double MeanUnchoked => (double)_unchoked / _rounds;
        public double MeanRatePerSlot => _uplink / MeanUnchoked;

        public void Run(bool seeding, TimeSpan time)
        {
            for (TimeSpan until = _now + time; _now < until; _now += Choker.Round)
            {
                int unchoked = Peers.Count(p => p.Unchoked);
                double each = unchoked == 0 ? 0 : Math.Min(_takes, _uplink / unchoked);
                for (int i = 0; i < Peers.Count; i++)
                {
                    double rate = Peers[i].Unchoked ? each : 0;
                    Bytes[i] += rate * Choker.Round.TotalSeconds;
                    Peers[i].Rate = seeding ? rate : Gives[i];
                }
                _rate = each * unchoked;
                _rounds++;
                _unchoked += unchoked;
                Choker.Decide(Peers, seeding, _rate, _now + Choker.Round);
            }
        }
    }
}
