using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Swarm;

public class PiecePickerTests : PiecePickerFixture
{
    [Fact]
    public void ThePieceFewestHaveIsAskedForFirst()
    {
        int excess = 0;
        for (int seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var picker = new PiecePicker(new Geometry(200 * 2 * Block, 2 * Block), random);
            for (int i = random.Next(1, 20); i > 0; i--)
                With(picker, [.. Enumerable.Range(0, 200).Where(_ => random.Next(i) == 0)]);
            PeerPieces peer = random.Next(2) == 0 ? Seed(picker) : With(picker, [.. Enumerable.Range(0, 200).Where(p => p % 2 == 0)]);
            int rarest = Enumerable.Range(0, 200).Where(p => peer.Has[p]).Min(picker.Availability);
            BlockRef[] blocks = Pick(picker, peer, 2);
            Assert.Equal([new BlockRef(blocks[0].Piece, 0, Block), new BlockRef(blocks[0].Piece, Block, Block)], blocks);
            int more = picker.Availability(blocks[0].Piece) - rarest;
            Assert.True(more == 0 || !peer.Has.IsFull, $"seed {seed}");
            excess += more;
        }
        // For a peer without the rarest pieces of all, a few are compared instead of every one.
        Assert.True(excess < 200, $"{excess} in 2000");
    }

    [Fact]
    public void OfFewPiecesThatAPeerHasTheRarerIsMostlyTakenHoweverManyRarerOnesItLacks()
    {
        int rarer = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            var picker = new PiecePicker(new Geometry(1000 * Block, Block), new Random(seed));
            With(picker, [.. Enumerable.Range(0, 300)]);
            With(picker, 700, 800);
            With(picker, 800);
            if (Assert.Single(Pick(picker, With(picker, 700, 800), 1)).Piece == 700) rarer++;
        }
        Assert.InRange(rarer, 150, 200); // one time in ten the search begins between the two
    }

    [Fact]
    public void EquallyRarePiecesAreStartedInRandomOrder()
    {
        var first = new int[16];
        for (int seed = 0; seed < 16_000; seed++)
        {
            var picker = new PiecePicker(new Geometry(16 * Block, Block), new Random(seed));
            first[Pick(picker, Seed(picker), 1)[0].Piece]++;
        }
        Assert.All(first, count => Assert.InRange(count, 850, 1150));
    }

    [Fact]
    public void SequentialTakesPiecesAndBlocksInOrder()
    {
        var geometry = new Geometry(10 * 3 * Block - 5, 3 * Block);
        var picker = new PiecePicker(geometry, new Random(1)) { Sequential = true };
        picker.MarkHave(2);
        BlockRef[] all = [.. Pick(picker, Seed(picker), 5), .. Pick(picker, Seed(picker), 100)];
        Assert.Equal(Enumerable.Range(0, 10).Where(p => p != 2).SelectMany(p => Enumerable.Range(0, 3).Select(b => geometry.Block(p, b))), all);
    }

    [Fact]
    public void SequentialIsInOrderOverAllPeersWhateverTheyHave()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var geometry = new Geometry(60 * 7 * Block, 7 * Block);
            var picker = new PiecePicker(geometry, random) { Sequential = true };
            PeerPieces[] peers = [Seed(picker), Seed(picker), With(picker, [.. Enumerable.Range(0, 60).Where(_ => random.Next(2) == 0)])];
            int next = 0; // the first block nobody is asked for
            while (next < 50 * 7) // well before the endgame, which asks for what is left in another order
            {
                PeerPieces peer = peers[random.Next(peers.Length)];
                BlockRef[] picked = Pick(picker, peer, random.Next(1, 20));
                if (peer == peers[2])
                {
                    // It takes the first that it has, and the others fill what it leaves out.
                    Assert.Equal(picked.OrderBy(b => (b.Piece, b.Begin)), picked);
                    foreach (BlockRef block in picked) picker.GiveBack(peer, block);
                    continue;
                }
                foreach (BlockRef block in picked) Assert.Equal(geometry.Block(next / 7, next++ % 7), block);
            }
        }
    }

    [Fact]
    public void SequentialGoesBackForWhatAPeerDidNotSendBeforeItFinishesAPiece()
    {
        var geometry = new Geometry(10 * 3 * Block, 3 * Block);
        var picker = new PiecePicker(geometry, new Random(1)) { Sequential = true };
        PeerPieces late = Seed(picker), peer = Seed(picker);
        BlockRef[] first = Pick(picker, late, 3);
        Pick(picker, peer, 4);
        foreach (BlockRef block in first[1..]) picker.GiveBack(late, block);
        Assert.Equal([.. first[1..], geometry.Block(2, 1)], Pick(picker, peer, 3));
        picker.SetPriority(7, PiecePriority.High); // what is played at this moment
        Assert.Equal([geometry.Block(7, 0), geometry.Block(7, 1), geometry.Block(7, 2), geometry.Block(2, 2), geometry.Block(3, 0)], Pick(picker, peer, 5));
    }

    [Fact]
    public void HighPiecesComeFirstAndSkippedOnesNever()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var picker = new PiecePicker(new Geometry(100 * Block, Block), new Random(seed)) { Sequential = seed % 2 == 0 };
            for (int p = 0; p < 100; p++) if (p % 3 > 0) picker.SetPriority(p, p % 3 == 1 ? PiecePriority.Skip : PiecePriority.High);
            Assert.Equal(67L * Block, picker.Left);
            PeerPieces peer = Seed(picker);
            Assert.Equal(67, peer.InterestingCount);
            BlockRef[] blocks = Pick(picker, peer, 200);
            Assert.Equal(67, blocks.Length);
            Assert.All(blocks[..33], b => Assert.Equal(2, b.Piece % 3));
            Assert.All(blocks[33..], b => Assert.Equal(0, b.Piece % 3));
        }
    }

    [Fact]
    public void AChokedPeerIsAskedForNothingButAllowedFastPieces()
    {
        var picker = new PiecePicker(new Geometry(10 * 2 * Block, 2 * Block), new Random(1));
        PeerPieces peer = Seed(picker);
        picker.OnChoke(peer, rejects: true);
        Assert.Empty(Pick(picker, peer, 10));
        peer.Allow(7);
        Assert.Equal([new BlockRef(7, 0, Block), new BlockRef(7, Block, Block)], Pick(picker, peer, 10));
        picker.CheckInvariants();
    }

    [Fact]
    public void ABitfieldMustBeWholeAndALateOneStandsForHaves()
    {
        var picker = new PiecePicker(new Geometry(10 * Block, Block), new Random(1));
        PeerPieces peer = picker.Add(null);
        Assert.False(picker.OnBitfield(peer, new byte[3]));
        Assert.False(picker.OnBitfield(peer, [0, 1]));
        Assert.True(picker.OnBitfield(peer, [0x80, 0x40]));
        Assert.False(picker.OnHaveAll(peer));
        Assert.Equal(2, peer.InterestingCount);
        Assert.True(picker.OnBitfield(peer, [0x00, 0xC0]));
        Assert.False(picker.OnBitfield(peer, [0xFF, 0xFF]));
        Assert.Equal([0x80, 0xC0], peer.Has.Bytes.ToArray());
        Assert.Equal(3, peer.InterestingCount);
        picker.CheckInvariants();
    }

    [Fact]
    public void ASlowPeerHelpsWithAPieceAndAFastOneTakesItsOwn()
    {
        var picker = new PiecePicker(new Geometry(100 * 64 * Block, 64 * Block), new Random(1));
        int piece = Pick(picker, Seed(picker), 8)[0].Piece;
        Assert.Equal(piece, Pick(picker, Seed(picker), 4)[0].Piece);
        Assert.NotEqual(piece, Pick(picker, Seed(picker), 40)[0].Piece);
    }

    [Fact]
    public void WhatAPeerLeavesBehindIsTakenUpFirst()
    {
        var picker = new PiecePicker(new Geometry(100 * 64 * Block, 64 * Block), new Random(1));
        PeerPieces peer = Seed(picker);
        BlockRef[] blocks = Pick(picker, peer, 40);
        Assert.Equal(BlockVerdict.Accepted, Send(picker, peer, blocks[0]));
        picker.Remove(peer);
        BlockRef[] next = Pick(picker, Seed(picker), 63);
        Assert.Equal(blocks[1..], next[..39]);
        Assert.All(next, b => Assert.Equal(blocks[0].Piece, b.Piece));
    }

    [Fact]
    public void EndgameAsksAFewPeersForTheSlowestBlocksAndCancelsThemAll()
    {
        var picker = new PiecePicker(new Geometry(8 * Block, 8 * Block), new Random(1));
        PeerPieces slow = Seed(picker);
        Assert.Equal(8, Pick(picker, slow, 8).Length);
        List<PeerPieces> others = [.. Enumerable.Range(0, 5).Select(_ => Seed(picker))];
        // After 3 s of silence: 8 blocks will take 24 s, one from a stranger half a second.
        foreach (PeerPieces other in others)
        {
            BlockRef[] stolen = Pick(picker, other, 4, at: 4);
            Assert.Equal(stolen.Distinct(), stolen);
            picker.CheckInvariants();
        }
        Assert.Equal(new BlockRef(0, 7 * Block, Block), others[0].Requests[0].Block);
        Assert.InRange(others.Sum(o => o.Requests.Count), 14, 8 * (PiecePicker.MaxAskedOf - 1));
        Assert.Equal(BlockVerdict.Accepted, Send(picker, others[0], others[0].Requests[0].Block, at: 4.1));
        Assert.Equal(PiecePicker.MaxAskedOf - 1, Cancel.Count);
        Assert.Contains(slow, Cancel);
        Assert.Equal(BlockVerdict.Duplicate, Send(picker, slow, new BlockRef(0, 7 * Block, Block), at: 4.2));
        Assert.Equal(BlockVerdict.Unrequested, Send(picker, slow, new BlockRef(0, 7 * Block, Block), at: 4.3));
    }

    [Fact]
    public void WhileAPieceIsMissingASlowPeersBlocksAreRecalledAndNothingIsAskedTwice()
    {
        var picker = new PiecePicker(new Geometry(10 * 4 * Block, 4 * Block), new Random(1));
        PeerPieces slow = With(picker, 3), other = With(picker, 3);
        BlockRef[] asked = Pick(picker, slow, 4);
        Assert.Empty(Pick(picker, other, 4));
        Assert.Equal([(slow, asked[3])], picker.Recalled); // another would not come in half the time
        Assert.Empty(Pick(picker, other, 4, at: 1.2));
        Assert.Empty(picker.Recalled); // one is awaited
        Assert.Equal((4, 4), (slow.Requests.Count, picker.Outstanding));
        picker.CheckInvariants();

        Assert.Equal(RejectVerdict.Expected, picker.OnReject(slow, asked[3], out PeerPieces? waiting));
        Assert.Same(other, waiting);
        Assert.Equal([asked[3]], Pick(picker, other, 1, at: 1.3));
        Assert.Equal(4, picker.Outstanding);
        picker.CheckInvariants();
        Assert.Empty(Pick(picker, other, 4, at: 100));
        Assert.Empty(picker.Recalled); // it owes us a block and is as silent
    }

    [Fact]
    public void ARecalledBlockThatWasOnItsWayIsTakenAndNobodyWaitsForItAnyMore()
    {
        var picker = new PiecePicker(new Geometry(10 * 4 * Block, 4 * Block), new Random(1));
        PeerPieces slow = With(picker, 3), other = With(picker, 3), third = With(picker, 3);
        BlockRef[] asked = Pick(picker, slow, 4);
        Pick(picker, other, 4);
        Assert.Equal([(slow, asked[3])], picker.Recalled);
        Assert.Equal(BlockVerdict.Accepted, picker.OnBlock(slow, asked[3], 1.1 * Second, Cancel, out TimeSpan? sentAt));
        Assert.Empty(Cancel);
        Assert.Null(sentAt); // no measure of a round trip
        Assert.Equal((0, 3), (other.AwaitedRecalls, picker.Outstanding));

        // Of who is gone nothing is expected, and for who is gone nobody is asked.
        Pick(picker, other, 1, at: 100);
        Assert.Equal([(slow, asked[2])], picker.Recalled);
        picker.Remove(other);
        Assert.Equal(RejectVerdict.Expected, picker.OnReject(slow, asked[2], out PeerPieces? waiting));
        Assert.Null(waiting);
        Pick(picker, slow, 1, at: 100);
        Pick(picker, third, 1, at: 200);
        Assert.Equal(1, third.AwaitedRecalls);
        picker.Remove(slow);
        Assert.Equal(0, third.AwaitedRecalls);
        picker.CheckInvariants();
    }

    [Fact]
    public void WhoDoesNotAnswerCancelsKeepsItsBlocksUntilTheEndgame()
    {
        var picker = new PiecePicker(new Geometry(2 * 4 * Block, 4 * Block), new Random(1));
        PeerPieces slow = With(picker, 0), other = With(picker, 0);
        slow.AnswersCancels = false;
        BlockRef[] asked = Pick(picker, slow, 4);
        Assert.Empty(Pick(picker, other, 4, at: 100));
        Assert.Empty(picker.Recalled);
        picker.MarkHave(1);
        Assert.Equal(asked[3], Pick(picker, other, 4, at: 200)[0]);
        Assert.Empty(picker.Recalled);
    }

    [Fact]
    public void ABlockThatComesAfterItsTimeOutIsKept()
    {
        var picker = new PiecePicker(new Geometry(Block * 4, Block * 4), new Random(1));
        PeerPieces late = Seed(picker), other = Seed(picker);
        BlockRef block = Pick(picker, late, 1)[0];
        Assert.True(picker.GiveBack(late, block));
        Assert.False(picker.GiveBack(late, block));
        Assert.Contains(block, Pick(picker, other, 4));
        Assert.Equal(BlockVerdict.Accepted, Send(picker, late, block));
        Assert.Equal([other], Cancel);
        Assert.Equal(BlockVerdict.Unrequested, Send(picker, late, block));
        Assert.Equal(RejectVerdict.Expected, picker.OnReject(other, block, out _)); // it was told not to send it
        Assert.Equal(RejectVerdict.Unrequested, picker.OnReject(other, block, out _));
        Assert.Equal(RejectVerdict.TurnedDown, picker.OnReject(other, other.Requests[0].Block, out PeerPieces? waiting));
        Assert.Null(waiting);
    }

    [Fact]
    public void WrongBlocksNamedInAnswersAreUnrequested()
    {
        var geometry = new Geometry(Block * 4, Block * 2);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces peer = Seed(picker);
        BlockRef block = Pick(picker, peer, 1)[0];
        picker.GiveBack(peer);
        foreach (BlockRef bad in (BlockRef[])[block with { Length = 100 }, block with { Begin = 1 }, block with { Piece = 9 }, block with { Begin = int.MaxValue }])
            Assert.Equal(BlockVerdict.Unrequested, Send(picker, peer, bad));
        picker.CheckInvariants();
        Assert.Equal(BlockVerdict.Accepted, Send(picker, peer, block));
    }

    [Fact]
    public void TheGapThatAnAnswerOutOfOrderLeavesIsNoRequest()
    {
        var picker = new PiecePicker(new Geometry(8 * Block, 4 * Block), new Random(1));
        PeerPieces peer = With(picker, 1);
        BlockRef[] asked = Pick(picker, peer, 4);
        Assert.Equal(RejectVerdict.TurnedDown, picker.OnReject(peer, asked[1], out _));
        foreach (BlockRef nothing in (BlockRef[])[default, Request.Gap.Block])
        {
            Assert.Equal(RejectVerdict.Unrequested, picker.OnReject(peer, nothing, out _));
            Assert.Equal(BlockVerdict.Unrequested, Send(picker, peer, nothing));
        }
        Assert.Equal((3, 3), (peer.Requests.Count, picker.Outstanding));
        picker.CheckInvariants();
    }

    [Fact]
    public void OnlyWhatWasAskedOfAPeerIsTakenFromItLate()
    {
        var geometry = new Geometry(400 * 4 * Block, 4 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces liar = Seed(picker);
        var asked = new HashSet<BlockRef>();
        for (int times = 0; times < 100; times++)
        {
            asked.UnionWith(Pick(picker, liar, 4));
            picker.OnChoke(liar, rejects: false);
            PiecePicker.OnUnchoke(liar);
        }
        int taken = 0;
        for (int piece = 0; piece < geometry.PieceCount; piece++)
            for (int b = 0; b < geometry.BlocksIn(piece); b++)
                if (Send(picker, liar, geometry.Block(piece, b)) != BlockVerdict.Unrequested) taken++;
        Assert.Equal(asked.Count, taken);
        picker.CheckInvariants();
    }

    [Fact]
    public void BlocksOfAnEarlierRunAreNotFetchedAgainAndProveNobodyGuilty()
    {
        var geometry = new Geometry(2 * 4 * Block, 4 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        var blocks = new Bitfield(4);
        blocks.Set(1);
        blocks.Set(3);
        Assert.False(picker.MarkBlocks(0, blocks));
        (int piece, Bitfield written) = Assert.Single(picker.WrittenBlocks());
        Assert.Equal((0, 2), (piece, written.Count));
        PeerPieces peer = Seed(picker);
        Assert.Equal([geometry.Block(0, 0), geometry.Block(0, 2)], Pick(picker, peer, 2));
        Finish(picker, peer, 0, geometry);
        var guilty = new List<IPEndPoint>();
        picker.OnHashFailed(0, null, guilty);
        Assert.Empty(guilty);
        blocks.SetAll();
        Assert.True(picker.MarkBlocks(0, blocks));
    }
}
