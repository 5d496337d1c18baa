using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Swarm;

/// <summary>Peers of a picker and what happens to their blocks, said shortly.</summary>
public abstract class PiecePickerFixture
{
    protected const int Block = Geometry.BlockLength;

    protected static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>Whom the last block was asked of besides its sender.</summary>
    private protected readonly List<PeerPieces> Cancel = [];

    private protected static PeerPieces Seed(PiecePicker picker)
    {
        PeerPieces peer = picker.Add(null);
        picker.OnHaveAll(peer);
        PiecePicker.OnUnchoke(peer);
        return peer;
    }

    private protected static PeerPieces With(PiecePicker picker, params int[] pieces)
    {
        PeerPieces peer = picker.Add(null, answersCancels: true);
        foreach (int piece in pieces) picker.OnHave(peer, piece);
        PiecePicker.OnUnchoke(peer);
        return peer;
    }

    private protected static BlockRef[] Pick(PiecePicker picker, PeerPieces peer, int count, double at = 1)
    {
        var into = new BlockRef[count];
        return into[..picker.Pick(peer, into, at * Second)];
    }

    private protected BlockVerdict Send(PiecePicker picker, PeerPieces peer, BlockRef block, double at = 1)
    {
        Cancel.Clear();
        return picker.OnBlock(peer, block, at * Second, Cancel, out _);
    }

    private protected void Finish(PiecePicker picker, PeerPieces peer, int piece, Geometry geometry)
    {
        for (int b = 0; b < geometry.BlocksIn(piece); b++)
        {
            BlockRef block = geometry.Block(piece, b);
            if (!peer.Requests.Contains(block)) continue;
            Send(picker, peer, block);
            picker.OnWritten(block);
        }
    }
}
