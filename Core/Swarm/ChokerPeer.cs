// What the choker knows of one connection. The torrent fills in the first half before a round; the choker decides the second.
namespace TinyTorrent.Swarm;

/// <summary>One peer as the choker sees it.</summary>
/// <param name="connected">When the connection was made.</param>
sealed class ChokerPeer(TimeSpan connected)
{
    /// <summary>It wants something we have: only then it can use a slot.</summary>
    public bool Interested { get; set; }

    /// <summary>It lets us ask and sends nothing (<see cref="RequestPipeline.IsSnubbed"/>).</summary>
    public bool Snubbed { get; set; }

    /// <summary>Bytes per second: what it sends us while we download, what it takes from us once we seed.</summary>
    public double Rate { get; set; }

    /// <summary>The decision: it may ask us for blocks.</summary>
    public bool Unchoked { get; set; }

    /// <summary>Its slot is given on trial and not earned.</summary>
    public bool Optimistic { get; set; }

    /// <summary>When it last was choked or unchoked; at first, when it connected.</summary>
    public TimeSpan Since { get; set; } = connected;

    /// <summary>It never had a slot.</summary>
    public bool IsNew { get; set; } = true;

    /// <summary>Breaks ties of a round.</summary>
    public int Lot { get; set; }
}
