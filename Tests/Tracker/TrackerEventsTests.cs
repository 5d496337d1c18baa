// What a tracker hears of a download, and in which order: started, completed, stopped.
using TinyTorrent.Tracker;
using static TinyTorrent.Tests.Tracker.FakeTrackers;

namespace TinyTorrent.Tests.Tracker;

public class TrackerEventsTests
{
    [Fact]
    public void EachEventIsToldOncePerTracker()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Succeed("a");
        world.Finish();
        world.Finish();
        Assert.Equal("a Started, a Completed", world.TakeLog());
        Assert.Equal(0, world.Requests[1].Announce.Left);
        world.Succeed("a");
        world.Totals = new AnnounceTotals(5, 1000, 0, true);
        world.Pass(1800);
        Assert.Equal("a None", world.TakeLog());
        world.Fail("a");
        Assert.Equal("b Started", world.TakeLog()); // b hears of the end of the download from left = 0
        Assert.Equal(0, world.Requests[^1].Announce.Left);
        world.Succeed("b");
        world.Client.Stop();
        world.Client.Stop();
        Assert.Equal("b Stopped, a Stopped", world.TakeLog());
        Assert.Equal(0, world.Requests[^1].Announce.NumWant);
        Assert.False(world.Client.IsStopped);
        world.Succeed("a");
        world.Fail("b");
        Assert.True(world.Client.IsStopped);
        world.Pass(10_000);
        Assert.Equal("", world.TakeLog());
    }

    [Fact]
    public void CompletedIsRepeatedUntilItIsHeard()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Succeed("a");
        world.Finish();
        world.Fail("a");
        world.TakeLog();
        world.Pass(13);
        Assert.Equal("a Completed", world.TakeLog());
        world.Succeed("a");
        world.Pass(1000);
        Assert.Equal("", world.TakeLog());
    }

    [Fact]
    public void CompletingWhileStartedIsUnderWayTellsBothInOrder()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Finish();
        Assert.Equal("a Started", world.TakeLog());
        world.Succeed("a");
        Assert.Equal("a Completed", world.TakeLog());
    }

    [Fact]
    public void AStartedThatFailedIsToldAgainWithNothingLeftAndNoCompleted()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Finish();
        world.Fail("a");
        world.TakeLog();
        world.Totals = new AnnounceTotals(0, 1000, 0, true);
        world.Pass(13);
        world.Succeed("a");
        world.Pass(100);
        Assert.Equal("a Started", world.TakeLog());
    }

    [Fact]
    public void EachAnnounceTellsTheTotalsOfItsMoment()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Succeed("a");
        world.Totals = new AnnounceTotals(7, 1000, 0, WantsNothing: true); // within the second since the last tick
        world.Client.OnFinished();
        Assert.Equal((AnnounceEvent.Completed, 7L, 1000L, 0L), Last());
        world.Totals = world.Totals with { Uploaded = 9 };
        world.Succeed("a");
        world.Client.Stop();
        Assert.Equal((AnnounceEvent.Stopped, 9L, 1000L, 0L), Last());

        (AnnounceEvent, long, long, long) Last() =>
            world.Requests[^1].Announce is var said ? (said.Event, said.Uploaded, said.Downloaded, said.Left) : default;
    }

    [Fact]
    public void WhatIsWantedIsNotTheWholeAndAPartialSeedSaysPaused()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Succeed("a");
        world.Totals = new AnnounceTotals(0, 600, 400, WantsNothing: true);
        world.Client.OnFinished();
        world.Succeed("a");
        world.Pass(1800);
        Assert.Equal("a Started, a Paused, a Paused", world.TakeLog());
        world.Fail("a");
        world.Succeed("b");
        world.Pass(1800);
        Assert.Equal("b Started, b Paused", world.TakeLog());
        world.Client.Stop();
        Assert.Equal("a Stopped", world.TakeLog()); // b's answer is waited for
        Assert.All(world.Requests.Skip(1), request => Assert.Equal(400, request.Announce.Left));
    }

    [Fact]
    public void StoppedIsToldAfterTheAnswerThatIsUnderWay()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Client.Stop();
        Assert.Equal("a Started", world.TakeLog());
        Assert.False(world.Client.IsStopped);
        world.Succeed("a"); // answers "started"
        Assert.Equal("a Stopped", world.TakeLog());
        Assert.False(world.Client.IsStopped);
        world.Succeed("a");
        Assert.True(world.Client.IsStopped);
    }

    [Fact]
    public void InAHurryStoppedIsToldWhileAnotherAnswerIsUnderWay()
    {
        var world = FakeTrackers.InOrder(Tier("a", "b"));
        world.Start();
        world.Client.Stop();
        world.Client.StopAtOnce();
        world.Client.StopAtOnce();
        Assert.Equal("a Started, a Stopped", world.TakeLog());
        world.Succeed("a"); // answers "started"
        Assert.False(world.Client.IsStopped);
        world.Succeed("a");
        Assert.True(world.Client.IsStopped);
    }

    [Fact]
    public void NobodyIsToldStoppedWhoNeverAnsweredStarted()
    {
        var world = new FakeTrackers(1, Tier("a"), Tier("b"));
        world.Start();
        world.Fail("a");
        world.Fail("b");
        world.TakeLog();
        world.Client.Stop();
        Assert.Equal("", world.TakeLog());
        Assert.True(world.Client.IsStopped);
    }

    [Fact]
    public void AStartedThatFailsAfterTheStopLeavesNothingToTakeBack()
    {
        var world = new FakeTrackers(1, Tier("a"));
        world.Start();
        world.Client.Stop();
        world.TakeLog();
        world.Fail("a");
        Assert.Equal("", world.TakeLog());
        Assert.True(world.Client.IsStopped);
    }

    /// <summary>Whatever trackers do, what they are told stays in order: started first and once heard once, completed once, stopped last.</summary>
    [Fact]
    public void NoSequenceOfAnswersMixesUpTheEvents()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            string[] hosts = ["a", "b", "c", "d"];
            var world = new FakeTrackers(seed, Tier("a", "b"), Tier("c"), Tier("d"));
            var heard = hosts.ToDictionary(h => h, _ => new List<AnnounceEvent>());
            int completeAt = random.Next(200);
            for (int step = 0; step < 200; step++)
            {
                if (step == completeAt)
                {
                    world.Finish();
                }
                world.Pass(random.Next(1, 120));
                AnswerSome(world, random, hosts, heard);
            }
            world.Client.Stop();
            AnswerSome(world, random, hosts, heard);
            foreach ((string host, List<AnnounceEvent> events) in heard)
            {
                string told = $"seed {seed}, {host}: {string.Join(' ', events)}";
                if (events.Count == 0) continue;
                Assert.True(events[0] == AnnounceEvent.Started && events.Count(e => e == AnnounceEvent.Started) == 1, told);
                Assert.True(events.Count(e => e == AnnounceEvent.Completed) <= 1, told);
                int stopped = events.IndexOf(AnnounceEvent.Stopped);
                Assert.True(stopped < 0 || stopped == events.Count - 1, told);
            }
        }
    }

    static void AnswerSome(FakeTrackers world, Random random, string[] hosts, Dictionary<string, List<AnnounceEvent>> heard)
    {
        foreach (string host in hosts)
        {
            if (!world.IsAsked(host) || random.Next(3) == 0) continue;
            AnnounceEvent happened = world.Requests.Last(r => r.Tracker.Uri.Host == host).Announce.Event;
            if (random.Next(3) == 0)
            {
                world.Fail(host);
                continue;
            }
            heard[host].Add(happened);
            world.Succeed(host, random.Next(10, 3000));
        }
    }
}
