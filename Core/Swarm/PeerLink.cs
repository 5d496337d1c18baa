// Between a session and its torrent: forwards events, and does the disk work for them outside the torrent's lock.
// Blocks that lie side by side in the content are one vectored read or write.
using System.Runtime.InteropServices;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class PeerLink(Torrent torrent, IDisk disk, Peer peer) : IPeerEvents
{
    readonly List<ReadOnlyMemory<byte>> _writes = [];
    readonly List<Memory<byte>> _reads = [];
    readonly List<int> _complete = [];

    public int PieceCount => torrent.Geometry.PieceCount;

    public bool OnMessage(in PeerMessage message, TimeSpan now) => torrent.OnMessage(peer, message, now);
    public bool OnBlock(in BlockRef block, TimeSpan now, out bool keep) => torrent.OnBlock(peer, block, now, out keep);
    public bool OnReceived(TimeSpan now) => torrent.OnReceived(peer, now);
    public void OnSent(int bytes, int blockBytes, TimeSpan now) => torrent.OnSent(peer, blockBytes, now);
    public void OnClosed(TimeSpan now) => torrent.OnClosed(peer, now);

    public void StoreBlocks(IReadOnlyList<ReceivedBlock> blocks)
    {
        for (int from = 0; from < blocks.Count;)
        {
            int to = from;
            long start = OffsetOf(blocks[from].Block), end = start;
            _writes.Clear();
            for (; to < blocks.Count && OffsetOf(blocks[to].Block) == end; to++)
            {
                _writes.Add(blocks[to].Data);
                end += blocks[to].Block.Length;
            }
            bool written = disk.Write(start, CollectionsMarshal.AsSpan(_writes));
            torrent.OnStored(peer, blocks, from, to, written, _complete);
            from = to;
        }
        foreach (int piece in _complete) disk.Verify(piece);
        _complete.Clear();
    }

    public bool ReadBlocks(ReadOnlySpan<BlockRef> blocks, Memory<byte> into, int stride)
    {
        for (int from = 0; from < blocks.Length;)
        {
            int to = from;
            long start = OffsetOf(blocks[from]), end = start;
            _reads.Clear();
            for (; to < blocks.Length && OffsetOf(blocks[to]) == end; to++)
            {
                _reads.Add(into.Slice(to * stride, blocks[to].Length));
                end += blocks[to].Length;
            }
            if (!disk.Read(start, CollectionsMarshal.AsSpan(_reads))) return false;
            from = to;
        }
        return true;
    }

    long OffsetOf(in BlockRef block) => torrent.Geometry.OffsetOf(block.Piece) + block.Begin;
}
