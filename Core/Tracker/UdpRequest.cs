using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>The first word of every UDP tracker packet but a request's connection id (BEP 15).</summary>
enum UdpAction : uint
{
    Connect,
    Announce,
    Scrape,
    Error,
}

/// <summary>A request as the server reads it: a view into the packet, valid as long as the packet's buffer.</summary>
readonly ref struct UdpRequest
{
    public UdpAction Action { get; init; }

    /// <summary>The receipt from a connect reply, unproven. For <see cref="UdpAction.Connect"/> the protocol's constant.</summary>
    public ulong ConnectionId { get; init; }

    /// <summary>The client's number, to be sent back unchanged.</summary>
    public uint Transaction { get; init; }

    /// <summary>Only for <see cref="UdpAction.Announce"/>.</summary>
    public Announce Announce { get; init; }

    /// <summary>Only for <see cref="UdpAction.Announce"/>: the bytes behind it, options of BEP 41, unread.</summary>
    public ReadOnlySpan<byte> Options { get; init; }

    /// <summary>Only for <see cref="UdpAction.Scrape"/>: 1 to 74 info-hashes of 20 bytes end to end.</summary>
    public ReadOnlySpan<byte> Hashes { get; init; }

    public int HashCount => Hashes.Length / InfoHash.Size;

    public InfoHash Hash(int index) => new(Hashes.Slice(index * InfoHash.Size, InfoHash.Size));
}
