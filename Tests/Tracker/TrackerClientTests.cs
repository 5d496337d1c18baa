// Which trackers are asked, and when.
using System.Net;
using TinyTorrent.Tracker;
using static TinyTorrent.Tests.Tracker.FakeTrackers;

namespace TinyTorrent.Tests.Tracker;

public class TrackerClientTests
{
    [Fact]
    public void ATierIsAskedInOrderAndTheFirstAnswerEndsTheWalk()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b", "c"));
        world.Start();
        Assert.Equal("a Started", world.TakeLog());
        world.Fail("a");
        Assert.Equal("b Started", world.TakeLog());
        world.Succeed("b");
        world.Pass(1799);
        Assert.Equal("", world.TakeLog());
    }

    [Fact]
    public void EveryTierIsAskedAtItsOwnIntervals()
    {
        var world = new FakeTrackers(1, Tier("a"), Tier("b"), Tier("c"));
        world.Start();
        Assert.Equal("a Started, b Started, c Started", world.TakeLog());
        world.Fail("a");
        world.Succeed("b", interval: 600);
        world.Succeed("c", interval: 1800);
        Assert.False(world.Client.AllFailed);
        world.Pass(599);
        Assert.DoesNotContain(world.Log, line => line[0] != 'a');
        world.Log.Clear();
        world.Pass(1);
        Assert.Contains("b None", world.Log);
        Assert.DoesNotContain(world.Log, line => line[0] == 'c');
    }

    [Fact]
    public void AnAnnounceWalksFromTheTopAgain()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Fail("a");
        world.Succeed("b");
        world.TakeLog();
        world.Pass(1800);
        Assert.Equal("b None", world.TakeLog());
        world.Fail("b");
        Assert.Equal("a Started", world.TakeLog());
    }

    [Fact]
    public void ShufflingATierGivesEveryTrackerItsTurnAndIsDoneOnce()
    {
        var first = new HashSet<string>();
        for (int seed = 0; seed < 50; seed++)
        {
            var world = new FakeTrackers(seed, Tier("a", "b", "c"));
            world.Start();
            string host = world.Requests[0].Tracker.Uri.Host;
            first.Add(host);
            world.Succeed(host);
            world.Pass(1800);
            Assert.Equal(host, world.Requests[1].Tracker.Uri.Host);
        }
        Assert.Equal(3, first.Count);
    }

    [Fact]
    public void ATrackerThatAnswersMovesToTheFrontOfItsTierOnly()
    {
        var world = new FakeTrackers(3, Tier("x"), Tier("a", "b", "c"));
        world.Start();
        world.Fail("x");
        string[] tier = [.. world.Client.Status().Skip(1).Select(s => new Uri(s.Url).Host)];
        world.Fail(tier[0]);
        world.Fail(tier[1]);
        world.Succeed(tier[2]);
        Assert.Equal(["x", tier[2], tier[0], tier[1]], world.Client.Status().Select(s => new Uri(s.Url).Host));
    }

    [Fact]
    public void FailuresAreRetriedLaterAndLaterUpToAboutAnHour()
    {
        var world = new FakeTrackers(7, Tier("a"));
        world.Start();
        var waits = new List<double>();
        for (int i = 0; i < 14; i++)
        {
            TimeSpan failed = world.Now;
            world.Fail("a");
            while (!world.IsAsked("a")) world.Pass(1);
            waits.Add((world.Now - failed).TotalSeconds);
        }
        for (int i = 0; i < waits.Count; i++)
        {
            double plain = Math.Min(5 * Math.Pow(2, i), 3600);
            Assert.InRange(waits[i], plain * 0.75, plain * 1.25 + 1);
        }
        Assert.True(waits.Select((w, i) => Math.Round(w / Math.Min(5 * Math.Pow(2, i), 3600), 2)).Distinct().Count() > 5, "the waits have no jitter");
    }

    [Fact]
    public void AnAnswerMakesTheNextFailureTheFirst()
    {
        var world = new FakeTrackers(7, Tier("a"));
        world.Start();
        for (int i = 0; i < 6; i++)
        {
            world.Fail("a");
            while (!world.IsAsked("a")) world.Pass(1);
        }
        world.Succeed("a");
        while (!world.IsAsked("a")) world.Pass(1);
        world.Fail("a");
        world.Pass(8);
        Assert.True(world.IsAsked("a"));
    }

    [Theory]
    [InlineData(0, 0, 30)]
    [InlineData(600, 0, 600)]
    [InlineData(600, 900, 900)]
    [InlineData(10_000_000, 0, 86400)]
    public void TheIntervalIsKeptWithinReason(int interval, int minInterval, int expected)
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Answer("a", new TrackerReply { Interval = TimeSpan.FromSeconds(interval), MinInterval = TimeSpan.FromSeconds(minInterval) });
        Assert.Equal(TimeSpan.FromSeconds(expected), world.Client.Status()[0].NextAnnounce);
        world.TakeLog();
        world.Pass(expected - 1);
        Assert.Equal("", world.TakeLog());
        world.Pass(1);
        Assert.Equal("a None", world.TakeLog());
    }

    [Theory]
    [InlineData(null, 300)]
    [InlineData(90, 90)]
    [InlineData(0, 30)]
    [InlineData(3600, 3600)]
    public void WhoHasNoPeersAsksAgainAsSoonAsItMay(int? minInterval, int expected)
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Answer("a", new TrackerReply
        {
            Interval = TimeSpan.FromSeconds(1800), MinInterval = minInterval is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        });
        world.TakeLog();
        world.WantsPeers = true;
        world.Pass(expected - 1);
        Assert.Equal("", world.TakeLog());
        world.Pass(1);
        Assert.Equal("a None", world.TakeLog());
        world.Succeed("a");
        world.WantsPeers = false;
        world.Pass(1799);
        Assert.Equal("", world.TakeLog());
    }

    [Fact]
    public void RetryInIsObeyedAndNeverIsForEver()
    {
        var world = new FakeTrackers(1, Tier("a"), Tier("b"));
        world.Start();
        world.Fail("a", TrackerFailure.Refused, TimeSpan.FromMinutes(20));
        world.Fail("b", TrackerFailure.Refused, TimeSpan.MaxValue);
        world.TakeLog();
        world.Pass(1199);
        Assert.Equal("", world.TakeLog());
        world.Pass(1);
        Assert.Equal("a Started", world.TakeLog());
        world.Fail("a", TrackerFailure.Refused, TimeSpan.MaxValue);
        world.Pass(200_000);
        Assert.Equal("", world.TakeLog());
        Assert.Null(world.Client.Status()[0].NextAnnounce);
    }

    [Fact]
    public void ARefusalWithoutAWaitOfItsOwnKeepsTheIntervalOfTheLastAnswer()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Succeed("a", interval: 900);
        world.Pass(900);
        world.TakeLog();
        world.Fail("a", TrackerFailure.Refused);
        world.Pass(899);
        Assert.Equal("", world.TakeLog());
        world.Pass(1);
        Assert.Equal("a None", world.TakeLog());
        world.Fail("a"); // not an answer: tried again soon
        world.Pass(14);
        Assert.Equal("a None", world.TakeLog());
    }

    [Fact]
    public void AFailureThatNamesNoTimeToSpeakOfIsRetriedLaterAndLaterAllTheSame()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        for (int i = 0; i < 6; i++)
        {
            world.Fail("a", TrackerFailure.Refused, TimeSpan.Zero);
            while (!world.IsAsked("a")) world.Pass(1);
        }
        Assert.True(world.Now.TotalSeconds > 200, world.Now.ToString());
    }

    [Fact]
    public void TheUsersTrackersAreTiersOfTheirOwnAndMarkedAsTyped()
    {
        var world = new FakeTrackers(1, Tier("u", "v"), [Tier("a", "u")]);
        world.Start();
        Assert.Equal("u Started, v Started, a Started", world.TakeLog());
        Assert.Equal([true, true, false], world.Requests.Select(request => request.Tracker.IsTyped));
        Assert.Equal([0, 1, 2], world.Client.Status().Select(status => status.Tier));
    }

    [Fact]
    public void ARequestThatWaitsForItsTurnInTheTransportIsNotUnanswered()
    {
        var world = new FakeTrackers(1, FakeTrackers.Tier("a"));
        world.Pass(1);
        TrackerRequest request = Assert.Single(world.Requests);
        request.IsQueued = true;
        for (int i = 0; i < 300; i++) world.Pass(1);
        Assert.Empty(world.Told);
        request.IsQueued = false;
        for (int i = 0; i < 50; i++) world.Pass(1);
        Assert.Contains("no answer in 45 s", Assert.Single(world.Told).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void ASilentTrackerDoesNotHoldUpTheNextAndItsLateAnswerIsTaken()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Pass(14);
        Assert.Equal("a Started", world.TakeLog());
        world.Pass(1);
        Assert.Equal("b Started", world.TakeLog());
        world.Pass(29);
        Assert.Empty(world.Told);
        world.Pass(1);
        TrackerStatus silent = Assert.Single(world.Told);
        Assert.Equal((TrackerFailure.Unreachable, TrackerState.Asking), (silent.Failure, silent.State));
        Assert.False(world.Client.AllFailed);
        world.Pass(15);
        Assert.True(world.Client.AllFailed);
        world.Succeed("a");
        Assert.False(world.Client.AllFailed);
        Assert.Equal(TrackerFailure.None, world.Client.Status()[0].Failure);
        Assert.Equal("", world.TakeLog());
    }

    [Fact]
    public void ALateAnswerDoesNotShortenTheIntervalOfTheTrackerThatHoldsUs()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Pass(15);
        world.Succeed("b", interval: 1800);
        world.Succeed("a", interval: 60);
        world.TakeLog();
        world.Pass(1790);
        Assert.Equal("", world.TakeLog());
    }

    [Fact]
    public void TheWorstFailureIsTheOneThatExplainsMost()
    {
        var world = new FakeTrackers(1, Tier("a"), Tier("b"), Tier("c"));
        world.Start();
        Assert.Equal(TrackerFailure.None, world.Client.WorstFailure.Failure);
        world.Fail("a");
        world.Fail("b", TrackerFailure.Refused);
        Assert.False(world.Client.AllFailed);
        world.Fail("c", TrackerFailure.BadAnswer);
        Assert.True(world.Client.AllFailed);
        Assert.Equal((TrackerFailure.Refused, "b failed"), world.Client.WorstFailure);
    }

    [Fact]
    public void UselessUrlsAreShownAsFailedAndNeverAsked()
    {
        var world = new FakeTrackers(1, ["wss://user:secret@w/announce"], ["http://a/?info_hash=x"], ["nonsense"]);
        world.Pass(1000);
        Assert.Equal("", world.TakeLog());
        Assert.True(world.Client.AllFailed);
        Assert.Equal(["wss://w/announce", "http://a/?info_hash=…", "nonsense"], world.Client.Status().Select(s => s.Url));
    }

    [Fact]
    public void ATrackerNamedTwiceIsAskedOnce()
    {
        var world = new FakeTrackers(1, Tier("a"), Tier("a", "b"));
        Assert.Equal(2, world.Client.Status().Count);
    }

    [Fact]
    public void PeersAndTheTrackerIdAreHandedOn()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Answer("a", new TrackerReply { Peers = [new IPEndPoint(IPAddress.Loopback, 5)], TrackerId = [1, 2], Seeders = 3, Warning = "careful" });
        Assert.Single(world.Peers);
        Assert.Equal((3, "careful", TrackerState.Working), (world.Told[0].Seeders, world.Told[0].Reason, world.Told[0].State));
        world.Pass(1800);
        Assert.Equal([1, 2], world.Requests[1].TrackerId!);
    }
}
