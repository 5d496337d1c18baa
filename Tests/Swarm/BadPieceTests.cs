// Who is to blame for a piece whose hash is wrong: the one who sent all of it, or one of several, which is found out.
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Swarm;

public class BadPieceTests : PiecePickerFixture
{
    [Fact]
    public void ThePeerThatSentAWholeBadPieceIsProvenGuilty()
    {
        var geometry = new Geometry(2 * 2 * Block, 2 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces liar = Seed(picker);
        int piece = Pick(picker, liar, 2)[0].Piece;
        Finish(picker, liar, piece, geometry);
        var contributors = new List<PeerPieces>();
        Assert.True(picker.OnHashFailed(piece, contributors));
        Assert.Equal([liar], contributors);
    }

    [Fact]
    public void TwoPeersThatSharedABadPieceWorkAloneUntilTheyAreClear()
    {
        var geometry = new Geometry(40 * 16 * Block, 16 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        (PeerPieces a, PeerPieces b) = OnTrial(picker, geometry);
        Assert.True(a.Trials == 1 && b.Trials == 1);

        int alone = Pick(picker, a, 2)[0].Piece;
        Assert.NotEqual(alone, Pick(picker, b, 2)[0].Piece);
        Assert.NotEqual(alone, Pick(picker, Seed(picker), 2)[0].Piece);
        Pick(picker, a, 14);
        Finish(picker, a, alone, geometry);
        picker.OnVerified(alone);
        Assert.True(a.Trials == 0 && b.Trials == 1);
        picker.CheckInvariants();
    }

    [Fact]
    public void EachFailureMakesTheNextTrialTwiceAsLong()
    {
        var geometry = new Geometry(40 * 16 * Block, 16 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        (PeerPieces a, PeerPieces b) = OnTrial(picker, geometry);
        for (int failures = 2; failures < 6; failures++)
        {
            int alone = Pick(picker, a, 16)[0].Piece;
            Finish(picker, a, alone, geometry);
            picker.OnHashFailed(alone, []);
            Assert.Equal((1 << (failures - 1), 1), (a.Trials, b.Trials));
        }
    }

    [Fact]
    public void TwoConnectionsOfOneAddressFailOnce()
    {
        var geometry = new Geometry(40 * 16 * Block, 16 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        var shared = new Suspicion();
        OnTrial(picker, geometry, shared);
        Assert.Equal((1, 1), (shared.Failures, shared.Trials));
    }

    [Fact]
    public void APeerOnTrialTakesUpNoPieceThatOthersBegan()
    {
        var geometry = new Geometry(40 * 16 * Block, 16 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        (PeerPieces a, _) = OnTrial(picker, geometry);
        PeerPieces other = Seed(picker);
        BlockRef begun = Pick(picker, other, 2)[0];
        Send(picker, other, begun);
        picker.Remove(other);
        Assert.NotEqual(begun.Piece, Pick(picker, a, 1)[0].Piece);
        Assert.Equal(begun.Piece, Pick(picker, Seed(picker), 1)[0].Piece);
    }

    [Fact]
    public void WhatAPeerOnTrialSendsLateBeginsNoPiece()
    {
        var geometry = new Geometry(40 * 16 * Block, 16 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        (PeerPieces a, _) = OnTrial(picker, geometry);
        int before = picker.PartialCount;
        BlockRef block = Pick(picker, a, 1)[0];
        picker.OnChoke(a, rejects: false);
        Assert.Equal(BlockVerdict.Duplicate, Send(picker, a, block));
        Assert.Equal(before, picker.PartialCount);
        picker.CheckInvariants();
    }

    /// <summary>Two peers that share a bad piece, and one suspicion if it is given.</summary>
    (PeerPieces A, PeerPieces B) OnTrial(PiecePicker picker, Geometry geometry, Suspicion? shared = null)
    {
        PeerPieces a = picker.Add(null, suspicion: shared), b = picker.Add(null, suspicion: shared);
        foreach (PeerPieces peer in (PeerPieces[])[a, b])
        {
            picker.OnHaveAll(peer);
            PiecePicker.OnUnchoke(peer);
        }
        int piece = Pick(picker, a, 15)[0].Piece;
        Assert.Equal(piece, Assert.Single(Pick(picker, b, 1)).Piece);
        Finish(picker, a, piece, geometry);
        Finish(picker, b, piece, geometry);
        var contributors = new List<PeerPieces>();
        Assert.False(picker.OnHashFailed(piece, contributors));
        Assert.Equal([a, b], contributors);
        return (a, b);
    }
}
