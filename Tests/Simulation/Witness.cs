// Stands between a session and its torrent, and sees what is asked for and what is kept: nothing may be kept of a peer that was
// not asked for it. A request is seen when it is sent, and its block may have come before that: then the block is in doubt until
// nothing waits to be sent.
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Simulation;

sealed class Witness(int pieceCount) : IPeerEvents
{
    readonly HashSet<BlockRef> _asked = [], _doubtful = [];
    IPeerEvents _inner = null!;
    int _toSkip = Handshake.Size;

    public IPeerEvents? Around(IPeerEvents? inner)
    {
        _inner = inner!;
        return inner == null ? null : this;
    }

    /// <summary>The session sends this; empty if nothing waits to be sent.</summary>
    public void OnOutput(ReadOnlySpan<byte> output)
    {
        if (output.IsEmpty && _doubtful.Count > 0) throw new InvalidOperationException($"{_doubtful.First()} was kept, and the peer was never asked for it");
        int skipped = Math.Min(_toSkip, output.Length);
        _toSkip -= skipped;
        output = output[skipped..];
        while (PeerMessage.TryReadFrameLength(output, pieceCount, out int frame) == System.Buffers.OperationStatus.Done)
        {
            PeerMessage message = PeerMessage.Read(output[..frame]);
            output = output[frame..];
            if (message.Id == MessageId.Request && _asked.Add(message.Block)) _doubtful.Remove(message.Block);
        }
    }

    public bool OnBlock(in BlockRef block, TimeSpan now, out bool keep)
    {
        bool alive = _inner.OnBlock(block, now, out keep);
        if (keep && !_asked.Contains(block)) _doubtful.Add(block);
        return alive;
    }

    public int PieceCount => _inner.PieceCount;
    public bool OnMessage(in PeerMessage message, TimeSpan now) => _inner.OnMessage(message, now);
    public bool OnReceived(TimeSpan now) => _inner.OnReceived(now);
    public void OnSent(int bytes, int blockBytes, TimeSpan now) => _inner.OnSent(bytes, blockBytes, now);
    public void OnClosed(TimeSpan now) => _inner.OnClosed(now);
    public void StoreBlocks(IReadOnlyList<ReceivedBlock> blocks) => _inner.StoreBlocks(blocks);
    public bool ReadBlocks(ReadOnlySpan<BlockRef> blocks, Memory<byte> into, int stride) => _inner.ReadBlocks(blocks, into, stride);
}
