// When get gives up, without waiting for it.
using TinyTorrent.Commands;
using TinyTorrent.Swarm;

namespace TinyTorrent.Tests.Commands;

public class PatienceTests
{
    static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    static TorrentStats Stats(long left, long downloaded = 0, long wasted = 0) =>
        new TorrentStats { Wanted = 1000, Left = left, Downloaded = downloaded, Wasted = wasted };

    [Theory]
    [InlineData(nameof(Hope.None), 0)]
    [InlineData(nameof(Hope.Retries), 20)]
    [InlineData(nameof(Hope.Peers), 300)]
    [InlineData(nameof(Hope.Tracker), null)]
    public void WithoutATimeoutItDependsOnWhatMayStillCome(string name, int? limit)
    {
        Hope hope = Enum.Parse<Hope>(name);
        var patience = new Patience(timeout: null, start: At(100));
        Assert.Equal(limit is 0, patience.IsOver(At(100), hope));
        if (limit > 0) Assert.False(patience.IsOver(At(100 + limit.Value), hope));
        Assert.Equal(limit is not null, patience.IsOver(At(100.1 + (limit ?? 1e8)), hope));
    }

    [Fact]
    public void ATimeoutIsTheLimitWhateverMayStillCome()
    {
        var patience = new Patience(At(40), start: At(0));
        foreach (Hope hope in Enum.GetValues<Hope>())
        {
            Assert.False(patience.IsOver(At(40), hope));
            Assert.True(patience.IsOver(At(40.1), hope));
        }
    }

    [Fact]
    public void OnlyWhatBringsTheDownloadOnCounts()
    {
        var patience = new Patience(At(10), start: At(0));
        patience.OnProgress(At(1), Stats(left: 1000));
        patience.OnProgress(At(5), Stats(left: 1000, downloaded: 100));
        Assert.Equal(At(0), patience.Idle(At(5)));
        patience.OnProgress(At(8), Stats(left: 1000, downloaded: 300, wasted: 200)); // nobody asked for it
        Assert.Equal(At(3), patience.Idle(At(8)));
        patience.OnProgress(At(9), Stats(left: 1000, downloaded: 300, wasted: 300)); // and the rest was damaged
        patience.OnProgress(At(10), Stats(left: 1000, downloaded: 400, wasted: 300)); // the damaged is fetched again
        Assert.Equal(At(5), patience.Idle(At(10)));
        patience.OnProgress(At(11), Stats(left: 900, downloaded: 400, wasted: 300)); // and verified
        Assert.Equal(At(0), patience.Idle(At(11)));
    }

    [Fact]
    public void TheRateIsThatOfTheLastSecondsAndNothingAfterThem()
    {
        var rate = new RecentRate();
        Assert.Equal(0, rate.Update(At(100), 5_000_000)); // what was there before the start is no rate
        Assert.Equal(1000, rate.Update(At(101), 5_001_000));
        for (int tenth = 1; tenth <= 100; tenth++) rate.Update(At(101 + tenth / 10.0), 5_001_000 + tenth * 200);
        Assert.Equal(2000, rate.Update(At(111), 5_021_000), 1.0);
        for (int tenth = 1; tenth < 50; tenth++) rate.Update(At(111 + tenth / 10.0), 5_021_000);
        Assert.Equal(0, rate.Update(At(116.1), 5_021_000));
        Assert.Equal(0, rate.Update(At(117), 5_000_000));
    }
}
