// One connection as the torrent sees it: state only, guarded by the torrent's lock. Who may change what:
// Download our side as a downloader, Upload our side as a seeder, Torrent the rest.
using System.Net;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class Peer
{
    public required PeerSession Session { get; init; }

    /// <summary>The other end of the connection; of an incoming one the port is not where it listens.</summary>
    public required IPEndPoint Address { get; init; }

    public required bool IsIncoming { get; init; }

    /// <summary>Where it can be dialled; null while an incoming peer has not told, and no dial of ours has found out.</summary>
    public IPEndPoint? ListensAt { get; set; }

    public required TimeSpan Connected { get; init; }
    public required Handshake Handshake { get; init; }

    /// <summary>What it has, what it was asked for, and whether it chokes us.</summary>
    public PeerPieces Pieces { get; set; } = null!;

    /// <summary>What the choker knows of it.</summary>
    public required ChokerPeer Choke { get; init; }

    public RequestPipeline Pipeline { get; } = new();
    public Outbox Outbox => Session.Outbox;

    /// <summary>Both sides speak BEP 6: we always offer it.</summary>
    public bool Fast => Handshake.SupportsFast;

    /// <summary>From its extended handshake (BEP 10); default until that came.</summary>
    public ExtendedHandshake Extended;

    public bool HasSaidExtended;

    public bool AmChoking = true;
    public bool AmInterested;
    public bool PeerInterested;

    /// <summary>It turns our requests down, or the disk its blocks: nothing more is asked before the next tick.</summary>
    public bool IsPaused;

    /// <summary>How many of the latest verified pieces it was told of; there were more than go at a time.</summary>
    public int ToldPieces;
    public bool IsBehind;

    /// <summary>When it is to hear of a piece it lacks at once again.</summary>
    public TimeSpan NextNews;

    /// <summary>Pieces it may have although choked (BEP 6).</summary>
    public int[] Granted = [];

    /// <summary>Pieces no peer has yet: those we advised this one to ask for and it did not so far, and those it asked for.</summary>
    public readonly List<int> Suggested = [], Asked = [];

    /// <summary>Block bytes from and to this peer.</summary>
    public RateMeter Down, Up;

    // The budget for what is of no use to us. Its unit is the cheapest: a message that changes nothing, such as a cancel of a block
    // that has gone. An honest peer may cancel all its requests while the blocks are on their way; the budget is twice that many.
    const int MaxUseless = 2 * Outbox.MaxBlocks, ForgivenPerSecond = 4;

    /// <summary>The cost of a message that changes nothing, of a block nobody asked for, and of a repeated or broken extended handshake.</summary>
    public const int UselessMessage = 1, UselessBlock = MaxUseless / 256, UselessHandshake = MaxUseless / 64;

    int _useless;

    /// <summary>The peer sent what is of no use. False if that was once too often, and it is to be dropped.</summary>
    public bool Endures(int cost) => (_useless += cost) <= MaxUseless;

    /// <summary>Once a second: messages that cross on their way are normal, so old ones no longer count.</summary>
    public void Forgive() => _useless = Math.Max(0, _useless - ForgivenPerSecond);

    public TimeSpan LastHeard, LastSent;

    /// <summary>It has sent a wrong block: its connection is about to end, and nothing more is taken from it.</summary>
    public bool IsBanned;

    public bool IsSeed => Pieces.Has.IsFull;
}
