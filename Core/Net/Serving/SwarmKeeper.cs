// Keeps a tracker's swarms on disk: saved once a minute if anybody announced, and at the end. On a thread of its own,
// because a slow disk must hold up neither answers nor the clock.
using TinyTorrent.Storage;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>Saves from its creation until it is disposed, which saves once more.</summary>
sealed class SwarmKeeper : IDisposable
{
    /// <summary>What a kill can cost.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    readonly SwarmFile _file;
    readonly TrackerService _service;
    readonly Clock _clock;
    readonly Action<string> _warn;
    readonly ManualResetEventSlim _stop = new(false, spinCount: 0);
    readonly Thread _thread;
    long _savedAnnounces = -1;
    bool _failing;

    /// <param name="warn">Told in a line when saving begins to fail; once until it works again.</param>
    /// <param name="period"><see cref="Period"/>, or less in tests.</param>
    public SwarmKeeper(SwarmFile file, TrackerService service, Clock clock, Action<string> warn, TimeSpan period)
    {
        (_file, _service, _clock, _warn) = (file, service, clock, warn);
        _thread = new Thread(() => Run(period)) { Name = "tracker state", IsBackground = true };
        _thread.Start();
    }

    void Run(TimeSpan period)
    {
        while (!_stop.Wait(period)) SaveNews();
        End = _file.Save(_service.Swarms, () => _clock.Now, DateTimeOffset.UtcNow);
    }

    /// <summary>What became of the last save, which is made even if nothing is new: the folder may have gone. After Dispose.</summary>
    public DiskResult End { get; private set; }

    void SaveNews()
    {
        // Read before the swarms are: an announce in between is saved twice rather than never.
        long announces = _service.Counters.HttpAnnounces + _service.Counters.UdpAnnounces;
        if (announces == _savedAnnounces) return;
        DiskResult result = _file.Save(_service.Swarms, () => _clock.Now, DateTimeOffset.UtcNow);
        if (result.IsOk) _savedAnnounces = announces;
        else if (!_failing) _warn($"the swarms are not saved: {result}; the last copy stays, and saving is tried again every minute");
        _failing = !result.IsOk;
        _service.Saved.OnSwarms(result.IsOk ? null : result.Kind);
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }
}
