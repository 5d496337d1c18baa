// A token bucket told as time: every byte pushes the moment at which the budget is even again further away.
// All peers of a direction share one, each waits out its own debt, so the rate is shared in the order of asking.
namespace TinyTorrent.Swarm;

/// <summary>Limits a rate in bytes per second. Thread-safe.</summary>
sealed class RateLimiter
{
    /// <summary>What may be sent ahead of the rate after a pause.</summary>
    static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(100);

    /// <summary>No timer takes more; only a byte a second among hundreds of peers gets there.</summary>
    static readonly TimeSpan s_longest = TimeSpan.FromDays(20);

    readonly Lock _gate = new();
    readonly long _bytesPerSecond;
    TimeSpan _even;

    /// <param name="bytesPerSecond">Null: no limit.</param>
    public RateLimiter(long? bytesPerSecond) => _bytesPerSecond = bytesPerSecond ?? 0;

    public bool IsUnlimited => _bytesPerSecond == 0;

    /// <summary>Bytes that keep the flow smooth, and many peers even: about 5 ms' worth, at least one block.</summary>
    public int Quantum(int blockLength, int most) =>
        IsUnlimited ? most : (int)Math.Clamp(_bytesPerSecond / 200, Math.Min(blockLength, most), most);

    /// <summary>Accounts for bytes sent or received and returns how long to wait before the next.</summary>
    public TimeSpan Charge(int bytes, TimeSpan now)
    {
        if (IsUnlimited) return TimeSpan.Zero;
        lock (_gate)
        {
            TimeSpan start = now - s_burst > _even ? now - s_burst : _even;
            _even = start + TimeSpan.FromSeconds((double)bytes / _bytesPerSecond);
            TimeSpan wait = _even > now ? _even - now : TimeSpan.Zero;
            return wait < s_longest ? wait : s_longest;
        }
    }
}
