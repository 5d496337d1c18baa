namespace TinyTorrent.Tracker;

/// <summary>Whether what a tracker knows reaches its disk, for its figures and its health page. Any thread may call.</summary>
sealed class SavedState
{
    volatile string? _swarms, _catalogue;
    long _failures;

    /// <summary>What is not saved and why, in words that tell no path; null if all is.</summary>
    public string? Fault =>
        _swarms is { } swarms ? $"the swarms are not saved: {swarms}"
        : _catalogue is { } catalogue ? $"the catalogue is not saved: {catalogue}" : null;

    /// <summary>How often saving has failed.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <param name="fault">Why the swarms could not be saved; null if they were.</param>
    public void OnSwarms(string? fault)
    {
        _swarms = fault;
        if (fault is not null) Interlocked.Increment(ref _failures);
    }

    /// <param name="fault">Why the catalogue could not be saved; null if it was.</param>
    public void OnCatalogue(string? fault)
    {
        _catalogue = fault;
        if (fault is not null) Interlocked.Increment(ref _failures);
    }
}
