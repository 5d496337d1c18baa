// A rate that follows the last few seconds: an exponential mean, so it needs no ring of samples and no timer.
namespace TinyTorrent.Types;

/// <summary>Bytes per second, smoothed. Not thread-safe; <c>now</c> is any clock that never goes back.</summary>
struct RateMeter
{
    const double TimeConstantSeconds = 4;

    double _perSecond;
    long _pending;
    TimeSpan _since;

    /// <summary>All bytes ever added.</summary>
    public long Total { get; private set; }

    public void Add(long bytes)
    {
        Total += bytes;
        _pending += bytes;
    }

    /// <summary>Folds what was added since the last call into the rate. Call about once a second; returns bytes per second.</summary>
    public double Update(TimeSpan now)
    {
        double elapsed = (now - _since).TotalSeconds;
        if (elapsed < 0.05) return _perSecond;
        // A first sample is the rate itself: starting the mean at zero would show a slow start that never was.
        double weight = _perSecond == 0 ? 1 : 1 - Math.Exp(-elapsed / TimeConstantSeconds);
        _perSecond += (_pending / elapsed - _perSecond) * weight;
        _pending = 0;
        _since = now;
        return _perSecond;
    }

    public readonly double PerSecond => _perSecond;
}
