using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>A block that arrived, still in the receive buffer: valid until the session's blocks are stored.</summary>
readonly record struct ReceivedBlock(BlockRef Block, ReadOnlyMemory<byte> Data);

/// <summary>Says who a peer is to us, once its handshake is there; null drops it.</summary>
delegate IPeerEvents? Admission(PeerSession session, in Handshake handshake);

/// <summary>
/// One peer's messages, in wire order. Reading side: <see cref="OnMessage"/>, <see cref="OnBlock"/>, <see cref="OnReceived"/>
/// and <see cref="StoreBlocks"/> come from the thread or task that reads this peer; <see cref="ReadBlocks"/> and
/// <see cref="OnSent"/> from the one that writes to it. Only the two disk methods may take long.
/// </summary>
interface IPeerEvents
{
    /// <summary>Pieces in the torrent: decides how long a bitfield must be. 0 while they are not known.</summary>
    int PieceCount { get; }

    /// <summary>Anything but a piece message. False drops the peer.</summary>
    bool OnMessage(in PeerMessage message, TimeSpan now);

    /// <summary>A block came. <paramref name="keep"/>: it was asked for and is to be stored. False drops the peer.</summary>
    bool OnBlock(in BlockRef block, TimeSpan now, out bool keep);

    /// <summary>Every message of one receive has been handled: the moment to ask for more. False drops the peer.</summary>
    bool OnReceived(TimeSpan now);

    /// <summary>Writes the kept blocks of one receive to disk.</summary>
    void StoreBlocks(IReadOnlyList<ReceivedBlock> blocks);

    /// <summary>
    /// Reads blocks from disk to be sent: block i goes to <paramref name="into"/> at i × <paramref name="stride"/>.
    /// False if one can't be read; the peer is dropped.
    /// </summary>
    bool ReadBlocks(ReadOnlySpan<BlockRef> blocks, Memory<byte> into, int stride);

    /// <summary>Bytes went out, so many of them from blocks.</summary>
    void OnSent(int bytes, int blockBytes, TimeSpan now);

    /// <summary>The connection has ended; nothing follows.</summary>
    void OnClosed(TimeSpan now);
}
