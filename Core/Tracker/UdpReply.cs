namespace TinyTorrent.Tracker;

/// <summary>A reply as the client reads it: a view into the packet, valid as long as the packet's buffer.</summary>
readonly ref struct UdpReply
{
    public UdpAction Action { get; init; }

    /// <summary>The number the request carried. The client drops replies to numbers it did not send.</summary>
    public uint Transaction { get; init; }

    /// <summary>Only for <see cref="UdpAction.Connect"/>.</summary>
    public ulong ConnectionId { get; init; }

    /// <summary>Only for <see cref="UdpAction.Announce"/>: seconds until the next one, 0 or more.</summary>
    public int Interval { get; init; }

    /// <summary>Only for <see cref="UdpAction.Announce"/>. Completed is not told here.</summary>
    public SwarmCounts Counts { get; init; }

    /// <summary>What follows the fixed part: packed peers (6 bytes each over IPv4, 18 over IPv6), scrape rows, or the text of an error.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    /// <summary>Only for <see cref="UdpAction.Scrape"/>: rows in the order of the request; a server may send fewer.</summary>
    public int RowCount => Body.Length / UdpCodec.ScrapeRowSize;

    public SwarmCounts Row(int index)
    {
        ReadOnlySpan<byte> row = Body.Slice(index * UdpCodec.ScrapeRowSize, UdpCodec.ScrapeRowSize);
        return new SwarmCounts(UdpCodec.ReadCount(row), UdpCodec.ReadCount(row[8..]), UdpCodec.ReadCount(row[4..]));
    }
}
