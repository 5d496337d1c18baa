// What a peer tells a tracker (BEP 3). It exists once: the client builds it and both codecs write it; on the server both
// codecs read it and the swarms take it. No transport passes through another.
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>Why a peer announces, by the numbers of BEP 15.</summary>
enum AnnounceEvent : byte
{
    /// <summary>The regular announce, once an interval.</summary>
    None,

    /// <summary>The last piece has just been verified. A peer that started as a seed never sends it.</summary>
    Completed,

    Started,
    Stopped,

    /// <summary>A peer that wants nothing more without having everything says this in every announce (BEP 21, which gives no number).</summary>
    Paused,
}

/// <summary>One announce. Everything in it is the peer's claim.</summary>
readonly record struct Announce
{
    /// <summary>What <see cref="Left"/> is while the size is unknown (a magnet without its metadata): not a seed.</summary>
    public const long UnknownLeft = long.MaxValue;

    public required InfoHash InfoHash { get; init; }

    public required PeerId PeerId { get; init; }

    /// <summary>Where the peer listens. The server refuses 0.</summary>
    public required ushort Port { get; init; }

    /// <summary>Bytes of payload sent since <see cref="AnnounceEvent.Started"/>.</summary>
    public long Uploaded { get; init; }

    /// <summary>Bytes of payload received since <see cref="AnnounceEvent.Started"/>.</summary>
    public long Downloaded { get; init; }

    /// <summary>Bytes still missing; 0 makes the peer a seed.</summary>
    public required long Left { get; init; }

    public AnnounceEvent Event { get; init; }

    /// <summary>Peers wanted in the answer; below zero leaves it to the tracker.</summary>
    public int NumWant { get; init; }

    /// <summary>A number that stays the peer's own when its address changes; 0 when it gave none.</summary>
    public uint Key { get; init; }

    /// <summary>Where the peer says it is (`ip` of BEP 3), or none: where the packet came from. The server believes it only if told to.</summary>
    public PeerAddress Address { get; init; }

    public bool IsSeed => Left == 0;

    /// <summary>It has what it wants, which is not everything (BEP 21).</summary>
    public bool IsPartialSeed => Event == AnnounceEvent.Paused && Left != 0;
}

/// <summary>The counts of one torrent (BEP 48).</summary>
/// <param name="Seeders">Peers with everything.</param>
/// <param name="Leechers">All others.</param>
/// <param name="Completed">How often somebody finished while the tracker watched.</param>
readonly record struct SwarmCounts(int Seeders, int Leechers, int Completed)
{
    /// <summary>Those of the leechers that want nothing (BEP 21). Only a scrape counts them.</summary>
    public int PartialSeeds { get; init; }
}
