using System.Buffers.Binary;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class RequestLimiterTests
{
    static readonly byte[] Secret = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    static readonly PeerAddress Here = PeerAddress.From([198, 51, 100, 7]), There = PeerAddress.From([198, 51, 100, 8]);

    static TimeSpan At(double seconds) => TimeSpan.FromSeconds(1000 + seconds);

    static PeerAddress Number(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return PeerAddress.From(bytes);
    }

    static PeerAddress Six(byte network, byte host) => PeerAddress.From([0x20, 1, 0xd, 0xb8, 0, 0, 0, network, 0, 0, 0, 0, 0, 0, 0, host]);

    /// <summary>Requests let through of so many made at once.</summary>
    static int Taken(RequestLimiter limiter, PeerAddress from, TimeSpan now, int tries) =>
        Enumerable.Range(0, tries).Count(_ => limiter.TryTake(from, now, out TimeSpan _));

    [Theory]
    [InlineData(0.05)]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(1000)]
    public void TenSecondsWorthMayComeAtOnceAndThenTheRateHolds(double rate)
    {
        var limiter = new RequestLimiter(rate, Secret);
        int burst = (int)(10 * rate) + 1;
        Assert.Equal(burst, Taken(limiter, Here, At(0), burst + 100));
        int later = 0;
        for (int second = 1; second <= 400; second++) later += Taken(limiter, Here, At(second), (int)rate + 10);
        Assert.InRange(later, 400 * rate - 1, 400 * rate + 1);
        Assert.Equal(burst, Taken(limiter, Here, At(10_000), burst + 100));
    }

    [Fact]
    public void WhoIsRefusedIsToldHowLongAndIsServedAfterThat()
    {
        var limiter = new RequestLimiter(0.5, Secret);
        Assert.Equal(6, Taken(limiter, Here, At(0), 7));
        Assert.False(limiter.TryTake(Here, At(0.5), out TimeSpan wait));
        Assert.Equal(TimeSpan.FromSeconds(1.5), wait);
        Assert.False(limiter.TryTake(Here, At(1.9), out _));
        Assert.True(limiter.TryTake(Here, At(2), out wait));
        Assert.Equal(TimeSpan.Zero, wait);
    }

    [Fact]
    public void AddressesDoNotPayForEachOtherButThoseOfOneSlash64Do()
    {
        var limiter = new RequestLimiter(1, Secret);
        Assert.Equal(11, Taken(limiter, Here, At(0), 20));
        Assert.Equal(11, Taken(limiter, There, At(0), 20));
        Assert.Equal(11, Taken(limiter, Six(1, 1), At(0), 20));
        Assert.Equal(0, Taken(limiter, Six(1, 2), At(0), 20));
        Assert.Equal(11, Taken(limiter, Six(2, 1), At(0), 20));
    }

    [Fact]
    public void AWholeSlash48MayAskSixteenTimesAsMuchAndCostsItsNeighboursNothing()
    {
        var limiter = new RequestLimiter(1, Secret);
        int taken = 0;
        for (int household = 0; household < 256; household++) taken += Taken(limiter, Six((byte)household, 1), At(0), 20);
        Assert.InRange(taken, 160, 162);
        Assert.InRange(Enumerable.Range(0, 256).Sum(household => Taken(limiter, Six((byte)household, 1), At(10), 20)), 159, 161);
        Assert.Equal(11, Taken(limiter, PeerAddress.From([0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), At(0), 20));
        Assert.Equal(11, Taken(limiter, Here, At(0), 20));
    }

    [Fact]
    public void AFloodFromAMillionAddressesNeitherGrowsTheTableNorFreesWhoOwes()
    {
        var limiter = new RequestLimiter(1, Secret);
        Assert.Equal(11, Taken(limiter, Here, At(0), 20));
        limiter.TryTake(There, At(0), out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < 1_000_000; i++) limiter.TryTake(Number(0x0b000000 + i), At(0.5), out _);
        // A collection may count what was left of the thread's room for new objects.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
        Assert.Equal(0, Taken(limiter, Here, At(0.5), 20));
    }

    [Fact]
    public void ATimeThatComesAroundAfterWeeksIsNoDebt()
    {
        var limiter = new RequestLimiter(1, Secret);
        for (int hour = 0; hour < 24 * 40; hour++)
            Assert.Equal(11, Taken(limiter, hour % 50 == 0 ? There : Here, TimeSpan.FromHours(hour), 20));
    }

    [Fact]
    public void ThreadsShareOneAllowance()
    {
        var limiter = new RequestLimiter(1000, Secret);
        int taken = 0;
        Parallel.For(0, 8, _ => Interlocked.Add(ref taken, Taken(limiter, Here, At(0), 5000)));
        Assert.Equal(10_001, taken);
    }
}
