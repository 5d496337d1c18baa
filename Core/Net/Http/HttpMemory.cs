// The memory that large requests and large answers share in all connections of a server. Ordinary ones are a few kilobytes and
// do not ask. One address gets half of it at most, and what is large leaves the last quarter to what is not: a few slow clients
// with large bodies keep nobody from a list. Any thread may call.
using System.Runtime.InteropServices;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="total">Bytes.</param>
sealed class HttpMemory(long total)
{
    readonly Lock _gate = new();
    readonly Dictionary<PeerAddress, long> _taken = [];
    long _sum;

    /// <summary>For all connections of a process: 32 MiB, or more where there is much.</summary>
    public static HttpMemory Fitting => new(Math.Max(32 * 1024 * 1024, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 64));

    /// <summary>Bytes in use.</summary>
    public long Taken
    {
        get { lock (_gate) return _sum; }
    }

    public bool TryTake(in PeerAddress from, long bytes)
    {
        PeerAddress network = from.Network(PeerAddress.CustomerBits);
        lock (_gate)
        {
            long own = _taken.GetValueOrDefault(network) + bytes, most = bytes > total / 16 ? total / 4 * 3 : total;
            if (_sum + bytes > most || own > total / 2) return false;
            if (own > 0) _taken[network] = own;
            _sum += bytes;
            return true;
        }
    }

    /// <param name="from">As it was taken.</param>
    public void Give(in PeerAddress from, long bytes)
    {
        if (bytes == 0) return;
        PeerAddress network = from.Network(PeerAddress.CustomerBits);
        lock (_gate)
        {
            _sum -= bytes;
            ref long own = ref CollectionsMarshal.GetValueRefOrNullRef(_taken, network);
            own -= bytes;
            if (own == 0) _taken.Remove(network);
        }
    }
}
