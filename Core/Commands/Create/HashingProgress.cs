// How fast and how far content is being hashed, for a Progress.
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class HashingProgress(Progress progress, string phase)
{
    readonly long _start = Environment.TickCount64;
    RateMeter _rate;

    public TimeSpan Elapsed => TimeSpan.FromMilliseconds(Environment.TickCount64 - _start);

    /// <param name="done">Bytes hashed since the start.</param>
    /// <param name="total">Bytes to hash.</param>
    public void Show(long done, long total)
    {
        _rate.Add(done - _rate.Total);
        progress.Show(new TransferStatus(phase, done, total) { Rate = _rate.Update(Elapsed) });
    }
}
