// How much a tracker may hold, and how much it holds. Exact whatever threads do: a place is taken before it is filled.
// Only who comes or goes is counted; a peer that is there already costs nothing. Any thread may call.
namespace TinyTorrent.Tracker;

/// <summary>Which limit is reached.</summary>
enum SwarmLimit : byte
{
    None,
    Torrents,
    Peers,
    Memory,
}

/// <param name="maxTorrents">Torrents with peers of any family.</param>
/// <param name="maxPeers">Peers in all torrents.</param>
/// <param name="maxBytes">What torrents and peers may take together, at <see cref="TorrentBytes"/> and <see cref="PeerBytes"/> each. Exact but for what threads add at the same moment.</param>
sealed class SwarmQuota(long maxTorrents, long maxPeers, long maxBytes = long.MaxValue)
{
    /// <summary>
    /// What they take where they are dearest: a peer over IPv6 19 bytes and its share of unused room, a torrent an entry in the
    /// tables of both families, each with its unused room, and malloc's overhead.
    /// </summary>
    public const int TorrentBytes = 100, PeerBytes = 20;

    long _torrents, _peers;

    /// <summary>Takes the place of a peer, and of its torrent if that is new too; takes nothing if a limit is reached.</summary>
    public SwarmLimit TryAdd(bool withTorrent)
    {
        long bytes = Volatile.Read(ref _torrents) * TorrentBytes + Volatile.Read(ref _peers) * PeerBytes;
        if (bytes + PeerBytes + (withTorrent ? TorrentBytes : 0) > maxBytes) return SwarmLimit.Memory;
        if (withTorrent && !TryTake(ref _torrents, maxTorrents)) return SwarmLimit.Torrents;
        if (TryTake(ref _peers, maxPeers)) return SwarmLimit.None;
        if (withTorrent) Interlocked.Decrement(ref _torrents);
        return SwarmLimit.Peers;
    }

    /// <summary>Gives places back.</summary>
    public void Remove(int peers, bool withTorrent)
    {
        if (peers > 0) Interlocked.Add(ref _peers, -peers);
        if (withTorrent) Interlocked.Decrement(ref _torrents);
    }

    static bool TryTake(ref long held, long max)
    {
        // Looked at first, so that a crowd in front of a full tracker only reads.
        if (Volatile.Read(ref held) >= max) return false;
        if (Interlocked.Increment(ref held) <= max) return true;
        Interlocked.Decrement(ref held);
        return false;
    }
}
