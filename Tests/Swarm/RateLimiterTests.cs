using TinyTorrent.Swarm;

namespace TinyTorrent.Tests.Swarm;

public class RateLimiterTests
{
    [Theory]
    [InlineData(10_000, 1)]
    [InlineData(1_000_000, 1)]
    [InlineData(1_000_000, 50)]
    [InlineData(300_000_000, 7)]
    public void PeersThatWaitOutTheirDebtsKeepToTheRateTogether(int rate, int peers)
    {
        var limiter = new RateLimiter(rate);
        int quantum = limiter.Quantum(16 * 1024, 240 * 1024);
        var free = new TimeSpan[peers]; // when each may send again
        long sent = 0;
        TimeSpan end = TimeSpan.FromSeconds(60);
        while (true)
        {
            int next = Array.IndexOf(free, free.Min());
            TimeSpan now = free[next];
            if (now >= end) break;
            sent += quantum;
            free[next] = now + limiter.Charge(quantum, now);
        }
        double allowed = rate * end.TotalSeconds;
        Assert.InRange(sent, 0.99 * allowed - peers * quantum, 1.01 * allowed + (peers + 1) * quantum);
    }

    [Theory]
    [InlineData(4 << 20, 1)]
    [InlineData(4 << 20, 4)]
    [InlineData(20 << 20, 200)]
    public void EveryMomentAndEveryPeerGetsItsShare(int rate, int peers)
    {
        const double Moment = 0.03; // s
        var limiter = new RateLimiter(rate);
        int quantum = limiter.Quantum(16 * 1024, 240 * 1024);
        var turns = new PriorityQueue<int, (TimeSpan, int)>(Enumerable.Range(0, peers).Select(peer => (peer, (TimeSpan.Zero, peer))));
        var sent = new long[peers];
        var moments = new long[(int)(10 / Moment)];
        int turn = peers;
        while (turns.TryDequeue(out int peer, out (TimeSpan At, int) next) && next.At < TimeSpan.FromSeconds(10))
        {
            // As the drivers do: the next bytes wait until those before them are paid for.
            TimeSpan paid = next.At + limiter.Charge(quantum, next.At);
            int moment = (int)(paid.TotalSeconds / Moment);
            if (moment < moments.Length) moments[moment] += quantum;
            sent[peer] += quantum;
            turns.Enqueue(peer, (paid, turn++));
        }
        Assert.All(moments.Skip(1), bytes => Assert.InRange(bytes / (Moment * rate), 0.75, 1.25)); // the first holds the burst
        Assert.InRange(sent.Max() - sent.Min(), 0, 2 * quantum);
    }

    [Fact]
    public void APauseIsNotMadeUpFor()
    {
        var limiter = new RateLimiter(1000);
        TimeSpan now = TimeSpan.FromHours(1);
        Assert.Equal(TimeSpan.Zero, limiter.Charge(100, now)); // the burst
        Assert.Equal(TimeSpan.FromSeconds(1), limiter.Charge(1000, now));
    }

    [Fact]
    public void NoWaitIsTooLongForATimer()
    {
        var limiter = new RateLimiter(1);
        for (int i = 0; i < 500; i++) limiter.Charge(16 * 1024, TimeSpan.Zero);
        Assert.True(limiter.Charge(16 * 1024, TimeSpan.Zero).TotalMilliseconds < int.MaxValue);
    }

    [Fact]
    public void WithoutALimitNobodyWaits()
    {
        var limiter = new RateLimiter(null);
        Assert.Equal(TimeSpan.Zero, limiter.Charge(int.MaxValue, default));
        Assert.Equal(7, limiter.Quantum(16, 7));
    }
}
