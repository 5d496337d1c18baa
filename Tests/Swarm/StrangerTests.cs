// What a peer may say to a torrent, message by message: what ends the connection, what is endured, and that nothing else suffers.
using System.Net;
using System.Text;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

public class StrangerTests
{
    const int KiB = 1024, Block = Geometry.BlockLength, Pieces = 5;

    static readonly Geometry s_geometry = new(Pieces * 2 * Block, 2 * Block);

    readonly PiecePicker _picker = new(s_geometry, new Random(1));
    readonly Torrent _torrent;

    public StrangerTests() => _torrent = TorrentOf(_picker);

    static Torrent TorrentOf(PiecePicker picker, int length = Pieces * 2 * Block, int pieceLength = 2 * Block)
    {
        var geometry = new Geometry(length, pieceLength);
        return new Torrent(default, geometry, picker, new MemoryDisk(new byte[length], geometry), new PeerId("-TT0100-abcdefghijkl"u8), 0, new Random(1));
    }

    [Theory]
    [InlineData((int)MessageId.Have)]
    [InlineData((int)MessageId.SuggestPiece)]
    [InlineData((int)MessageId.AllowedFast)]
    public void APeerThatNamesAPieceThatDoesNotExistIsHungUpOn(int id)
    {
        foreach (int piece in (int[])[-1, Pieces, int.MinValue, int.MaxValue]) Assert.False(new Stranger(_torrent).Say((MessageId)id, piece));
        Assert.True(new Stranger(_torrent).Say((MessageId)id, Pieces - 1));
    }

    [Theory]
    [InlineData((int)MessageId.Request)]
    [InlineData((int)MessageId.Cancel)]
    [InlineData((int)MessageId.RejectRequest)]
    [InlineData((int)MessageId.Piece)]
    public void APeerThatNamesABlockThatDoesNotExistIsHungUpOn(int kind)
    {
        var id = (MessageId)kind;
        foreach ((int piece, int begin) in ((int, int)[])[(-1, 0), (Pieces, 0), (int.MaxValue, 0), (0, -1), (0, 32 * KiB), (0, 32 * KiB - 1), (0, int.MaxValue)])
            Assert.False(Says(new BlockRef(piece, begin, 2)), $"{id} of piece {piece} at {begin}");
        Assert.True(Says(new BlockRef(4, 0, Block)));
        if (id == MessageId.Piece) return; // its length is that of the frame
        foreach ((int begin, int length) in ((int, int)[])[(0, 0), (0, -1), (1, int.MaxValue), (int.MaxValue, int.MaxValue), (0, Block + 1)])
            Assert.False(Says(new BlockRef(4, begin, length)), $"{id} of {length} bytes at {begin}");

        bool Says(BlockRef block)
        {
            var stranger = new Stranger(_torrent);
            bool alive = id == MessageId.Piece ? stranger.Give(block, block.Length) : stranger.Say(id, block);
            stranger.Leave();
            return alive;
        }
    }

    [Fact]
    public void RejectingNothingEndsNoMoreThanTheConnection()
    {
        var stranger = new Stranger(_torrent);
        stranger.Say(MessageId.HaveAll);
        stranger.Say(MessageId.Unchoke);
        BlockRef[] asked = [.. stranger.Requests];
        Assert.True(stranger.Say(MessageId.RejectRequest, asked[1]));
        Assert.False(stranger.Say(MessageId.RejectRequest, new BlockRef(0, 0, 0)));
        Assert.Equal((0, 0), (_picker.Outstanding, _torrent.Stats.Peers));
        _picker.CheckInvariants();
    }

    public static TheoryData<string> Useless => ["cancel", "reject", "interested", "not interested", "choke", "unchoke", "bitfield", "extended", "broken", "block"];

    [Theory, MemberData(nameof(Useless))]
    public void MessagesThatChangeNothingAreEnduredNowAndThenAndNoLonger(string what)
    {
        Assert.InRange(SaidBeforeTheEnd(what, perSecond: int.MaxValue), 30, 5000);
        int patience = what is "extended" or "broken" or "block" ? 0 : 4;
        if (patience > 0) Assert.Equal(20_000, SaidBeforeTheEnd(what, patience));
    }

    int SaidBeforeTheEnd(string what, int perSecond)
    {
        var stranger = new Stranger(TorrentOf(new PiecePicker(s_geometry, new Random(1))));
        stranger.Say(MessageId.HaveNone);
        if (what == "unchoke") stranger.Say(MessageId.Unchoke);
        int said = 0;
        while (said < 20_000 && stranger.IsConnected)
        {
            said++;
            _ = what switch
            {
                "cancel" => stranger.Say(MessageId.Cancel, new BlockRef(1, 0, Block)),
                "reject" => stranger.Say(MessageId.RejectRequest, new BlockRef(1, 0, Block)),
                "interested" => stranger.Say(MessageId.Interested),
                "not interested" => stranger.Say(MessageId.NotInterested),
                "choke" => stranger.Say(MessageId.Choke),
                "unchoke" => stranger.Say(MessageId.Unchoke),
                "bitfield" => stranger.Say(MessageId.Bitfield, [0]),
                "extended" => stranger.Say(MessageId.Extended, "\0de"u8.ToArray()),
                "broken" => stranger.Say(MessageId.Extended, "\0junk"u8.ToArray()),
                _ => stranger.Give(new BlockRef(1, 0, 1), 1),
            };
            if (said % perSecond == 0) stranger.Wait();
        }
        return said;
    }

    [Theory]
    [InlineData("junk")]
    [InlineData("d1:pi-0ee")]
    [InlineData("d1:md6:ut_pexi1e6:ut_pexi1eee")]
    [InlineData("")]
    public void ABrokenExtensionHandshakeIsNoneAndThePeerAsGoodAsOthers(string handshake)
    {
        var stranger = new Stranger(_torrent);
        Assert.True(stranger.Say(MessageId.Extended, Encoding.ASCII.GetBytes("\0" + handshake)));
        stranger.Say(MessageId.HaveAll);
        Assert.True(stranger.Say(MessageId.Unchoke));
        Assert.NotEmpty(stranger.Requests);
    }

    [Fact]
    public void AChokeRejectsWhatWaitsButNotWhatAChokedPeerMayHave()
    {
        const int all = 60;
        var picker = new PiecePicker(new Geometry(all * Block, Block), new Random(1));
        for (int piece = 1; piece < all; piece++) picker.MarkHave(piece);
        var stranger = new Stranger(TorrentOf(picker, all * Block, Block), new IPEndPoint(new IPAddress([10, 1, 2, 3]), 1));
        stranger.Say(MessageId.HaveNone);
        int[] granted = [.. stranger.Heard.Where(m => m.Id == MessageId.AllowedFast).Select(m => m.Block.Piece)];
        int other = Enumerable.Range(1, all - 1).First(p => !granted.Contains(p));
        stranger.Say(MessageId.Interested);
        Assert.Contains(stranger.Heard, m => m.Id == MessageId.Unchoke);

        stranger.Reads = false;
        stranger.Say(MessageId.Request, new BlockRef(other, 0, Block));
        stranger.Say(MessageId.Request, new BlockRef(granted[0], 0, Block));
        stranger.Say(MessageId.NotInterested);
        for (int i = 0; i < 20; i++) stranger.Wait(); // for the next round
        stranger.Reads = true;
        stranger.Wait();
        Assert.Contains(stranger.Heard, m => m.Id == MessageId.Choke);
        Assert.Equal([other], stranger.Heard.Where(m => m.Id == MessageId.RejectRequest).Select(m => m.Block.Piece));
        Assert.Equal([granted[0]], stranger.Heard.Where(m => m.Id == MessageId.Piece).Select(m => m.Block.Piece));
    }

    [Fact]
    public void WhatWeDoNotHaveIsRejectedAndACancelToo()
    {
        _picker.MarkHave(1);
        var stranger = new Stranger(_torrent);
        stranger.Say(MessageId.HaveNone);
        stranger.Say(MessageId.Interested);
        Assert.Contains(stranger.Heard, m => m.Id == MessageId.Unchoke);
        BlockRef missing = new(0, 0, Block), there = new(1, 0, Block);
        stranger.Say(MessageId.Request, missing);
        stranger.Reads = false;
        stranger.Say(MessageId.Request, there);
        stranger.Say(MessageId.Cancel, there);
        stranger.Reads = true;
        stranger.Wait();
        Assert.Equal([missing, there], stranger.Heard.Where(m => m.Id == MessageId.RejectRequest).Select(m => m.Block));
        Assert.DoesNotContain(stranger.Heard, m => m.Id == MessageId.Piece);
    }

    [Fact]
    public void AChokedPeerWithoutAGrantIsRejectedEvenWhatWeHave()
    {
        _picker.MarkHave(1);
        var stranger = new Stranger(_torrent, new IPEndPoint(IPAddress.IPv6Loopback, 1)); // IPv6 has no grants
        stranger.Say(MessageId.HaveNone);
        stranger.Say(MessageId.Request, new BlockRef(1, 0, Block));
        Assert.Contains(stranger.Heard, m => m.Id == MessageId.RejectRequest);
        Assert.DoesNotContain(stranger.Heard, m => m.Id == MessageId.Piece);
    }

    [Fact]
    public void APeerThatRejectsARequestIsNotAskedAgainAtOnce()
    {
        var stranger = new Stranger(_torrent);
        stranger.Say(MessageId.HaveAll);
        stranger.Say(MessageId.Unchoke);
        BlockRef[] asked = [.. stranger.Requests];
        stranger.Say(MessageId.RejectRequest, asked[0]);
        Assert.Equal(asked, stranger.Requests);
        stranger.Wait();
        Assert.Equal(asked.Length + 1, stranger.Requests.Count());
    }

    [Fact]
    public void APeerThatLetsItsRequestsPassIsAskedForOneBlockAtATime()
    {
        var stranger = new Stranger(_torrent);
        stranger.Say(MessageId.HaveAll);
        stranger.Say(MessageId.Unchoke);
        int asked = stranger.Requests.Count();
        Assert.True(asked > 1);
        for (int i = 0; i < 20; i++) stranger.Wait();
        Assert.Equal(asked + 1, stranger.Requests.Count());
    }

    [Fact]
    public void AQuietPeerHearsThatWeAreThereAndIsHungUpOnAfterMinutes()
    {
        var stranger = new Stranger(_torrent);
        for (int i = 0; i < 110; i++) stranger.Wait();
        Assert.Equal(1, stranger.Heard.Count(m => m.Id == MessageId.KeepAlive));
        Assert.True(stranger.Say(MessageId.NotInterested));
        for (int i = 0; i < 160; i++) stranger.Wait();
        Assert.False(stranger.Say(MessageId.NotInterested));
    }

    [Fact]
    public void PeersAreToldAgainWhenWeWantNothingMore()
    {
        var stranger = new Stranger(_torrent);
        stranger.Say(MessageId.HaveNone);
        Assert.False(Told().UploadOnly);
        for (int piece = 0; piece < Pieces - 1; piece++) _picker.SetPriority(piece, PiecePriority.Skip);
        var seed = new Stranger(_torrent, new IPEndPoint(IPAddress.Loopback, 2), extensions: false, id: "-XX0001-bcdefghijklm");
        seed.Say(MessageId.HaveAll);
        seed.Say(MessageId.Unchoke);
        foreach (BlockRef block in seed.Requests.ToArray()) seed.Give(block, block.Length);
        _torrent.OnPieceHashed(Pieces - 1, true, default);
        stranger.Say(MessageId.Interested);
        Assert.True(Told().UploadOnly);
        Assert.DoesNotContain(seed.Heard, m => m.Id == MessageId.Extended);

        ExtendedHandshake Told()
        {
            Assert.True(ExtendedHandshake.TryRead(stranger.Heard.Last(m => m.Id == MessageId.Extended).Payload.AsSpan(1), out ExtendedHandshake told));
            return told;
        }
    }
}
