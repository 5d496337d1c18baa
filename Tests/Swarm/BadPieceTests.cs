// Who is to blame for a piece whose hash is wrong: the one who sent all of it, or each who sent a block that turns out to differ
// from the right one, on whatever connection. Never anybody else.
using System.Net;
using TinyTorrent.Hashing;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

public class BadPieceTests
{
    const int Block = Geometry.BlockLength, Blocks = 32, Pieces = 10;

    static readonly Geometry s_geometry = new(Pieces * Blocks * Block, Blocks * Block);

    readonly PiecePicker _picker = new(s_geometry, new Random(1));
    readonly MemoryDisk _disk = new(new byte[Pieces * Blocks * Block], s_geometry);
    readonly Torrent _torrent;
    readonly HashSet<(Stranger, int)> _answered = []; // the requests of a stranger by their number
    int _ids;

    public BadPieceTests() => _torrent = new Torrent(default, s_geometry, _picker, _disk, new PeerId("-TT0100-abcdefghijkl"u8), 0, new Random(1));

    static IPEndPoint At(byte number, int port = 1) => new(new IPAddress([10, 0, 0, number]), port);

    Stranger Seed(byte number, int port = 1)
    {
        var seed = new Stranger(_torrent, At(number, port), id: $"-XX0001-{++_ids:D12}");
        seed.Say(MessageId.HaveAll);
        seed.Say(MessageId.Unchoke);
        return seed;
    }

    bool IsBanned(byte number)
    {
        var stranger = new Stranger(_torrent, At(number, 2), id: $"-XX0001-{++_ids:D12}");
        bool banned = !stranger.IsConnected;
        stranger.Leave();
        return banned;
    }

    /// <summary>Requests that the peer has not answered, and is about to.</summary>
    BlockRef[] Answered(Stranger peer, Func<BlockRef, bool> which) =>
        [.. peer.Requests.Select((block, i) => (block, i)).Where(r => which(r.block) && _answered.Add((peer, r.i))).Select(r => r.block)];

    /// <summary>Both send blocks of one piece until it is complete. Returns the piece; it is not hashed yet.</summary>
    int Share(Stranger liar, Stranger other, Func<BlockRef, bool> isRight)
    {
        int piece = other.Requests.Last().Piece;
        Assert.Contains(liar.Requests, r => r.Piece == piece);
        for (bool any = true; !_disk.ToHash.Contains(piece);)
        {
            Assert.True(any);
            any = false;
            foreach (Stranger peer in (Stranger[])[liar, other])
                foreach (BlockRef block in Answered(peer, r => r.Piece == piece))
                    any = peer.Give(block, block.Length, peer == other || isRight(block));
        }
        return piece;
    }

    /// <summary>The peer sends what it is asked for, right, until the piece is complete.</summary>
    void Fetch(Stranger from, int piece)
    {
        while (!_disk.ToHash.Contains(piece))
        {
            BlockRef[] asked = Answered(from, _ => true);
            Assert.NotEmpty(asked);
            foreach (BlockRef block in asked) from.Give(block, block.Length);
        }
    }

    void Hash()
    {
        while (_disk.ToHash.TryDequeue(out int piece))
            _torrent.OnPieceHashed(piece, !_disk.Content.AsSpan((int)s_geometry.OffsetOf(piece), s_geometry.LengthOf(piece)).ContainsAnyExcept((byte)0), default);
        _picker.CheckInvariants();
    }

    [Fact]
    public void APeerThatSentAWholeBadPieceIsBannedAtOnceWithAllItsConnections()
    {
        Stranger liar = Seed(1), again = Seed(1, port: 2);
        int piece = liar.Requests.First().Piece;
        Assert.Equal(piece, again.Requests.First().Piece);
        Assert.Equal(piece, Share(liar, again, _ => false)); // right blocks beside wrong ones of the same address
        Stranger other = Seed(2);
        Hash();
        Assert.True(IsBanned(1) && liar.IsHungUpOn && again.IsHungUpOn);
        Assert.False(IsBanned(2) || other.IsHungUpOn);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void ALiarInCompanyIsFoundOnceThePieceIsRight(bool leaves, bool oneBlockOnly)
    {
        Stranger liar = Seed(1), other = Seed(2);
        BlockRef bad = liar.Requests.First();
        int piece = Share(liar, other, block => oneBlockOnly && block != bad);
        Stranger third = Seed(3);
        if (leaves) liar.Leave();
        Hash();
        Assert.False(IsBanned(1) || IsBanned(2));
        Fetch(third, piece);
        Hash();
        Assert.True(_picker.Have[piece]);
        Assert.Equal((true, false, false), (IsBanned(1), IsBanned(2), IsBanned(3)));
        Assert.Equal((true, false, false), (leaves || liar.IsHungUpOn, other.IsHungUpOn, third.IsHungUpOn));
        Assert.Equal(1, _torrent.Stats.FailedPieces);
    }

    [Fact]
    public void ALiarThatSendsTheRightBlocksTheSecondTimeIsFoundByTheFirst()
    {
        Stranger liar = Seed(1), other = Seed(2);
        int piece = Share(liar, other, _ => false);
        other.Leave();
        Hash();
        Fetch(liar, piece);
        Hash();
        Assert.Equal((true, false), (IsBanned(1), IsBanned(2)));
    }

    [Fact]
    public void WhatALiarSentOfOtherPiecesIsFetchedAgainBeforeItSpoilsThem()
    {
        Stranger liar = Seed(1), other = Seed(2);
        int piece = Share(liar, other, _ => false);
        Stranger third = Seed(3);
        BlockRef[] more = [.. liar.Requests.Where(r => r.Piece != piece)];
        Assert.NotEmpty(more);
        foreach (BlockRef block in more) liar.Give(block, block.Length, isRight: false);
        Hash();
        Fetch(third, piece);
        Hash();
        Assert.DoesNotContain(_picker.WrittenBlocks(), w => more.Any(b => b.Piece == w.Piece && w.Blocks[b.Begin / Block]));
        long downloaded = _torrent.Stats.Downloaded;
        Assert.False(liar.Give(liar.Requests.Last(), Block)); // and nothing more is taken from it
        Assert.Equal(downloaded, _torrent.Stats.Downloaded);
    }

    [Fact]
    public void AFailedPieceIsAskedOfPeersThatHadNoPartInItAndOfAllWhenThatTakesTooLong()
    {
        Stranger liar = Seed(1), other = Seed(2);
        int piece = Share(liar, other, _ => false), before = Asked(liar) + Asked(other);
        Stranger third = Seed(3), fourth = Seed(4);
        Hash();
        foreach (Stranger peer in (Stranger[])[third, fourth, other, liar, other, liar])
            foreach (BlockRef block in Answered(peer, r => r.Piece != piece).Take(4)) peer.Give(block, block.Length);
        Assert.True(Asked(third) > 0);
        Assert.True(Asked(fourth) > 0);
        third.Leave();
        fourth.Leave();
        other.Wait();
        Assert.Equal(before, Asked(liar) + Asked(other));
        for (int i = 0; i < 30; i++) other.Wait();
        for (int i = 0; i < Pieces * Blocks && Asked(liar) + Asked(other) == before; i++)
            foreach (BlockRef block in Answered(other, r => r.Piece != piece)) other.Give(block, block.Length);
        Assert.True(Asked(liar) + Asked(other) > before);

        int Asked(Stranger peer) => peer.Requests.Count(r => r.Piece == piece);
    }

    [Fact]
    public void AFailedPieceThatOnePeerIsDoneWithSoonIsSentByThatPeerAlone()
    {
        var geometry = new Geometry(20 * 2 * Block, 2 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces[] peers = [.. Enumerable.Range(1, 4).Select(i => picker.Add(null, origin: At((byte)i)))];
        foreach (PeerPieces peer in peers) picker.OnHaveAll(peer);
        foreach (PeerPieces peer in peers) PiecePicker.OnUnchoke(peer);
        BlockRef first = Ask(0), second = geometry.Block(first.Piece, 1);
        Answer(0, first);
        picker.Remove(peers[0]);
        Assert.Equal(second, Ask(1));
        Answer(1, second);
        var guilty = new List<IPEndPoint>();
        picker.OnHashFailed(first.Piece, new byte[2 * Sha1.Size], guilty);
        Assert.Empty(guilty);
        Assert.Equal(first, Ask(2));
        Assert.NotEqual(first.Piece, Ask(1).Piece);
        Assert.NotEqual(first.Piece, Ask(3).Piece);
        Assert.Equal(second, Ask(2));
        Answer(2, first);
        Answer(2, second);
        picker.OnHashFailed(first.Piece, null, guilty);
        Assert.Equal([At(3)], guilty);

        BlockRef Ask(int peer)
        {
            var into = new BlockRef[1];
            Assert.Equal(1, picker.Pick(peers[peer], into, TimeSpan.FromSeconds(1)));
            picker.CheckInvariants();
            return into[0];
        }

        void Answer(int peer, BlockRef block)
        {
            Assert.Equal(BlockVerdict.Accepted, picker.OnBlock(peers[peer], block, TimeSpan.FromSeconds(1), [], out _));
            picker.OnWritten(block);
        }
    }

    [Fact]
    public void BlocksOfAnEarlierRunAreHeldAgainstNobody()
    {
        _disk.Content[0] = 1;
        var blocks = new Bitfield(Blocks);
        for (int b = 0; b < Blocks / 2; b++) blocks.Set(b);
        _picker.MarkBlocks(0, blocks);
        Fetch(Seed(1), 0);
        Hash();
        Assert.Equal(1, _torrent.Stats.FailedPieces);
        Fetch(Seed(2), 0);
        Hash();
        Assert.True(_picker.Have[0]);
        Assert.False(IsBanned(1) || IsBanned(2));
    }

    [Fact]
    public void APeerThatIsSlowWithAFailedPieceKeepsItFromTheOthersForSecondsOnly()
    {
        var geometry = new Geometry(20 * 2 * Block, 2 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces gone = Peer(picker, 1), liar = Peer(picker, 2), slow = Peer(picker, 3), other = Peer(picker, 4);
        BlockRef[] first = Take(picker, gone, 1);
        Answer(picker, gone, first);
        picker.Remove(gone);
        BlockRef[] second = Take(picker, liar, 1);
        Answer(picker, liar, second);
        picker.OnHashFailed(first[0].Piece, new byte[2 * Sha1.Size], []);
        Assert.Equal(first, Take(picker, slow, 1));
        Assert.DoesNotContain(second[0], Pick(other, 1));
        Assert.Contains(second[0], Pick(other, 30));

        BlockRef[] Pick(PeerPieces peer, int second)
        {
            var into = new BlockRef[40];
            return into[..picker.Pick(peer, into, TimeSpan.FromSeconds(second))];
        }
    }

    [Fact]
    public void ABlockOfAnEarlierRunHasNoSenderInARecordThatIsUsedAgainEither()
    {
        var geometry = new Geometry(20 * 2 * Block, 2 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces peer = Peer(picker, 1);
        BlockRef[] asked = Take(picker, peer, 2);
        Answer(picker, peer, asked);
        int next = (asked[0].Piece + 1) % 20;
        picker.OnVerified(asked[0].Piece);
        var blocks = new Bitfield(2);
        blocks.Set(0);
        picker.MarkBlocks(next, blocks);
        asked = Take(picker, peer, 1);
        Assert.Equal([geometry.Block(next, 1)], asked);
        Answer(picker, peer, asked);
        var guilty = new List<IPEndPoint>();
        picker.OnHashFailed(next, null, guilty);
        Assert.Empty(guilty);
    }

    static PeerPieces Peer(PiecePicker picker, byte number)
    {
        PeerPieces peer = picker.Add(null, origin: At(number));
        picker.OnHaveAll(peer);
        PiecePicker.OnUnchoke(peer);
        return peer;
    }

    static void Answer(PiecePicker picker, PeerPieces peer, BlockRef[] blocks)
    {
        foreach (BlockRef block in blocks)
        {
            Assert.Equal(BlockVerdict.Accepted, picker.OnBlock(peer, block, TimeSpan.FromSeconds(1), [], out _));
            picker.OnWritten(block);
        }
    }

    static BlockRef[] Take(PiecePicker picker, PeerPieces peer, int count)
    {
        var asked = new BlockRef[count];
        Assert.Equal(count, picker.Pick(peer, asked, TimeSpan.FromSeconds(1)));
        return asked;
    }

    [Fact]
    public void FewFailuresAreKeptAndTheOldestIsDroppedFirst()
    {
        var failed = new FailedPieces();
        for (int piece = 0; piece < 1000; piece++) failed.Add(piece, new byte[2 * Sha1.Size], [At(1), At(2)]);
        Assert.Equal((64, false, true), (failed.Count, failed.Contains(1000 - 65), failed.Contains(1000 - 64)));
        const int longest = (512 << 20) / Block;
        failed.Add(2000, new byte[longest * Sha1.Size], new IPEndPoint?[longest]);
        Assert.Equal((1, true), (failed.Count, failed.Contains(2000)));
        failed.Add(2001, new byte[2 * Sha1.Size], [At(1), At(2)]);
        Assert.Equal((1, 2001), (failed.Count, failed[0]));
        var guilty = new List<IPEndPoint>();
        failed.Compare(2001, [.. new byte[Sha1.Size], .. Enumerable.Repeat((byte)1, Sha1.Size)], guilty);
        Assert.Equal([At(2)], guilty);
        Assert.Equal(0, failed.Count);
    }
}
