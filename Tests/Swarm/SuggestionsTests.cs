using System.Buffers;
using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

public class SuggestionsTests
{
    const int Pieces = 20;

    static readonly Geometry s_geometry = new(Pieces * (long)Geometry.BlockLength, Geometry.BlockLength);

    readonly PiecePicker _picker = new(s_geometry, new Random(1));
    readonly List<PeerSession> _joined = [];
    Torrent _torrent = null!;
    TimeSpan _now = TimeSpan.FromSeconds(1);

    void Begin(bool seed)
    {
        for (int piece = 0; seed && piece < Pieces; piece++) _picker.MarkHave(piece);
        _torrent = new Torrent(default, s_geometry, _picker, new MemoryDisk(new byte[s_geometry.TotalLength], s_geometry), PeerId.Create(new Random(1)), 6881, new Random(1));
    }

    PeerSession Join(bool fast = true)
    {
        int number = _joined.Count;
        var address = new IPEndPoint(new IPAddress([10, 0, 0, (byte)number]), 6881);
        var session = new PeerSession((PeerSession s, in Handshake h) => _torrent.Admit(s, h, address, dialled: false, _now));
        new Handshake(default, new PeerId(System.Text.Encoding.ASCII.GetBytes($"-XX0001-{number:D12}")), fast, SupportsExtensions: false).Write(session.ReceiveBuffer.Span);
        Assert.True(session.Received(Handshake.Size, _now));
        session.NextOutput(); // what the greeting says is for other tests
        session.Sent(0, _now);
        _joined.Add(session);
        return session;
    }

    bool Say(PeerSession session, MessageId id, int? piece = null)
    {
        Span<byte> into = session.ReceiveBuffer.Span;
        int length = id == MessageId.Request ? PeerMessage.Write(into, id, new BlockRef(piece!.Value, 0, Geometry.BlockLength))
            : piece is { } p ? PeerMessage.Write(into, id, p) : PeerMessage.Write(into, id);
        return session.Received(length, _now);
    }

    /// <summary>The pieces that messages of this kind name, of all that wait for the peer.</summary>
    List<int> Heard(PeerSession session, MessageId kind)
    {
        var pieces = new List<int>();
        for (ReadOnlyMemory<byte> output; !(output = session.NextOutput()).IsEmpty; session.Sent(output.Length, _now))
        {
            ReadOnlySpan<byte> rest = output.Span;
            while (PeerMessage.TryReadFrameLength(rest, Pieces, out int frame) == OperationStatus.Done)
            {
                PeerMessage message = PeerMessage.Read(rest[..frame]);
                if (message.Id == kind) pieces.Add(message.Piece);
                rest = rest[frame..];
            }
        }
        return pieces;
    }

    List<int> Advised(PeerSession session) => Heard(session, MessageId.SuggestPiece);

    [Fact]
    public void ASeedAdvisesEveryPeerToTakeOtherPiecesThatNobodyHas()
    {
        Begin(seed: true);
        PeerSession one = Join(), other = Join(), holder = Join();
        Say(holder, MessageId.Have, 7);
        Say(one, MessageId.Interested);
        Say(other, MessageId.Interested);
        List<int> first = Advised(one), second = Advised(other);
        Assert.Equal((4, 4), (first.Count, second.Count));
        Assert.Equal(8, first.Union(second).Count());
        Assert.DoesNotContain(7, first.Union(second));

        Assert.True(Say(one, MessageId.Request, first[2]));
        Assert.Single(Advised(one));
        Assert.True(Say(one, MessageId.Request, first[2])); // again, and that is no reason for another
        Assert.Empty(Advised(one));
    }

    [Fact]
    public void WhatAPeerThatLeftDidNotTakeIsAdvisedToOthers()
    {
        Begin(seed: true);
        PeerSession[] peers = [.. Enumerable.Range(0, 5).Select(_ => Join())];
        foreach (PeerSession peer in peers) Say(peer, MessageId.Interested);
        Assert.Equal(Enumerable.Range(0, Pieces), peers.SelectMany(Advised).Order());
        PeerSession late = Join();
        Say(late, MessageId.Interested);
        Assert.Empty(Advised(late)); // everything is promised
        peers[0].Closed(_now);
        Say(late, MessageId.Request, 0);
        Assert.NotEmpty(Advised(late));
    }

    [Fact]
    public void NobodyIsAdvisedWhoDoesNotSpeakTheExtensionOrOfWhatOthersHave()
    {
        Begin(seed: true);
        PeerSession old = Join(fast: false), holder = Join(), peer = Join();
        Say(old, MessageId.Interested);
        Assert.Empty(Advised(old));
        for (int piece = 1; piece < Pieces; piece++) Say(holder, MessageId.Have, piece);
        Say(peer, MessageId.Interested);
        Assert.Equal([0], Advised(peer));
    }

    [Fact]
    public void ASeedGrantsNobodyPiecesWhileChokedAsLongAsItHasSomeThatNobodyElseHas()
    {
        Begin(seed: true);
        PeerSession one = Join(), other = Join();
        for (int piece = 1; piece < Pieces; piece++) Say(one, MessageId.Have, piece);
        PeerSession early = Join();
        Say(other, MessageId.Have, 0);
        PeerSession late = Join();
        int granted = AllowedFast.Pieces(new IPAddress([10, 0, 0, 0]), default, Pieces)[0];
        foreach ((PeerSession peer, int rejects) in ((PeerSession, int)[])[(early, 1), (late, 0)])
        {
            Assert.True(Say(peer, MessageId.Request, granted));
            Assert.Equal(rejects, Heard(peer, MessageId.RejectRequest).Count);
        }
    }

    [Fact]
    public void WhatAPeerSuggestsIsAskedOfItFirst()
    {
        Begin(seed: false);
        PeerSession seed = Join();
        Say(seed, MessageId.HaveAll);
        foreach (int piece in (int[])[13, 4]) Assert.True(Say(seed, MessageId.SuggestPiece, piece));
        Say(seed, MessageId.Unchoke);
        Assert.Equal([13, 4], Heard(seed, MessageId.Request).Take(2));
        Assert.False(Say(seed, MessageId.SuggestPiece, Pieces)); // there is no such piece
    }

    [Fact]
    public void SuggestionsOfAPeerThatChokesUsAgainAreForgotten()
    {
        int kept = 0;
        for (int run = 0; run < 20; run++)
        {
            var picker = new PiecePicker(s_geometry, new Random(run));
            PeerPieces peer = picker.Add(null);
            picker.OnHaveAll(peer);
            peer.Suggest(3);
            picker.OnChoke(peer, rejects: true);
            PiecePicker.OnUnchoke(peer);
            var first = new BlockRef[1];
            picker.Pick(peer, first, _now);
            if (first[0].Piece == 3) kept++;
        }
        Assert.True(kept < 20);
    }
}
