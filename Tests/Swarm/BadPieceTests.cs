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
        PeerPieces a = Seed(picker), b = Seed(picker);
        int piece = Pick(picker, a, 15)[0].Piece;
        Assert.Equal(piece, Assert.Single(Pick(picker, b, 1)).Piece);
        Finish(picker, a, piece, geometry);
        Finish(picker, b, piece, geometry);
        var contributors = new List<PeerPieces>();
        Assert.False(picker.OnHashFailed(piece, contributors));
        Assert.Equal([a, b], contributors);
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
}
