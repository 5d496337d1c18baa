// Gives the memory of a flood that is over back to the system. malloc keeps what is freed for whoever asks next, and
// pages between blocks in use it keeps for ever unless told. Being told costs it a walk over its heap, so it is told only
// when much has gone. One thread.
using System.Runtime.InteropServices;

namespace TinyTorrent.Net;

sealed partial class FreedMemory
{
    /// <summary>Peers that must have gone: below this the memory is not worth the walk.</summary>
    const long Worth = 50_000;

    readonly bool _canTrim = OperatingSystem.IsLinux();
    long _most;

    /// <summary>Takes the number of peers held, every second or so.</summary>
    /// <returns>True if memory was given back.</returns>
    public bool OnPeers(long held)
    {
        _most = Math.Max(_most, held);
        if (!_canTrim || _most - held < Math.Max(Worth, _most / 2)) return false;
        _most = held;
        _ = malloc_trim(0);
        return true;
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint keep);
}
