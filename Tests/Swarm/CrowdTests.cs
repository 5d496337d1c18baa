using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

/// <summary>What hundreds of peers at once must not cost.</summary>
public class CrowdTests
{
    sealed class NoDisk : IDisk
    {
        public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers) => true;
        public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers) => true;
        public void Verify(int piece) { }
        public byte[]? HashBlocks(int piece) => null;
    }

    static readonly Geometry s_geometry = new(8000L * Geometry.BlockLength, Geometry.BlockLength);

    readonly PiecePicker _picker = new(s_geometry, new Random(1));
    readonly Torrent _torrent;
    TimeSpan _now = TimeSpan.FromSeconds(1);
    int _woken;

    public CrowdTests() => _torrent = new Torrent(default, s_geometry, _picker, new NoDisk(), PeerId.Create(new Random(1)), 6881, new Random(1));

    /// <summary>A peer with the fast extension that has nothing, or all and lets us ask.</summary>
    PeerSession Join(int number, bool seed)
    {
        var address = new IPEndPoint(new IPAddress([10, 0, (byte)(number >> 8), (byte)number]), 6881);
        var session = new PeerSession((PeerSession s, in Handshake h) => _torrent.Admit(s, h, address, dialled: false, _now));
        session.Outbox.Attach(() => _woken++, () => { });
        new Handshake(default, new PeerId(System.Text.Encoding.ASCII.GetBytes($"-XX0001-{number:D12}")), SupportsFast: true, SupportsExtensions: false).Write(session.ReceiveBuffer.Span);
        Assert.True(session.Received(Handshake.Size, _now));
        byte[] hello = seed ? [0, 0, 0, 1, (byte)MessageId.HaveAll, 0, 0, 0, 1, (byte)MessageId.Unchoke] : [0, 0, 0, 1, (byte)MessageId.HaveNone];
        hello.CopyTo(session.ReceiveBuffer);
        Assert.True(session.Received(hello.Length, _now));
        return session;
    }

    void Offer(PeerSession session, int piece)
    {
        int length = PeerMessage.Write(session.ReceiveBuffer.Span, MessageId.Have, piece);
        length += PeerMessage.Write(session.ReceiveBuffer.Span[length..], MessageId.Unchoke);
        Assert.True(session.Received(length, _now));
    }

    void Reject(PeerSession session, BlockRef block) =>
        Assert.True(session.Received(PeerMessage.Write(session.ReceiveBuffer.Span, MessageId.RejectRequest, block), _now));

    /// <summary>The messages of this kind that wait for the peer; a writer that finds nothing more is to be woken.</summary>
    int Sent(PeerSession session, MessageId kind)
    {
        int count = 0;
        for (ReadOnlyMemory<byte> output; !(output = session.NextOutput()).IsEmpty; session.Sent(output.Length, _now))
        {
            ReadOnlySpan<byte> rest = output.Span;
            if (rest[0] == 19) rest = rest[Handshake.Size..];
            for (int length; !rest.IsEmpty; rest = rest[length..])
            {
                length = 4 + System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(rest);
                if (length > 4 && rest[4] == (byte)kind) count++;
            }
        }
        return count;
    }

    void Verify(int pieces)
    {
        for (int piece = _picker.Have.Count; pieces > 0; pieces--, piece++)
        {
            PeerPieces alone = _picker.Add(null);
            _picker.OnHave(alone, piece);
            PiecePicker.OnUnchoke(alone);
            var block = new BlockRef[1];
            Assert.Equal(1, _picker.Pick(alone, block, _now));
            _picker.OnBlock(alone, block[0], _now, [], out _);
            Assert.True(_picker.OnWritten(block[0]));
            _picker.Remove(alone);
            _torrent.OnPieceHashed(block[0].Piece, matches: true, _now);
        }
    }

    [Fact]
    public void WhoLacksAPieceHearsOfItAtOnceAndOfManySoonButNotWithASendForEach()
    {
        PeerSession leecher = Join(1, seed: false), seed = Join(2, seed: true);
        Sent(leecher, MessageId.Have);
        Sent(seed, MessageId.Have);
        _woken = 0;
        Verify(1);
        Assert.Equal((1, 1, 0), (_woken, Sent(leecher, MessageId.Have), Sent(seed, MessageId.Have)));
        Verify(20);
        Assert.Equal((1, 0), (_woken, Sent(leecher, MessageId.Have)));
        _now += TimeSpan.FromMilliseconds(300);
        Verify(1);
        Assert.Equal((2, 21), (_woken, Sent(leecher, MessageId.Have)));
        Verify(5);
        _torrent.Tick(_now);
        Assert.Equal((5, 27), (Sent(leecher, MessageId.Have), Sent(seed, MessageId.Have)));
    }

    [Fact]
    public void NewsOfManyPiecesFillNoBufferAndAllArrive()
    {
        PeerSession leecher = Join(1, seed: false);
        Sent(leecher, MessageId.Have);
        Verify(1);
        Sent(leecher, MessageId.Have);
        Verify(1200);
        _torrent.Tick(_now);
        _torrent.Tick(_now);
        PeerSession late = Join(2, seed: false); // its bitfield tells it
        ReadOnlyMemory<byte> first = leecher.NextOutput();
        Assert.InRange(first.Length, 9, 10_000);
        leecher.Sent(first.Length, _now);
        Assert.Equal(1200 - first.Length / 9, Sent(leecher, MessageId.Have));
        Assert.Equal(0, Sent(late, MessageId.Have));
        _torrent.Tick(_now += TimeSpan.FromSeconds(1));
        Verify(1);
        Assert.Equal((1, 1), (Sent(leecher, MessageId.Have), Sent(late, MessageId.Have)));
    }

    [Fact]
    public void WhoCouldSendAtOnceIsAskedForWhatASlowPeerOwesOnceThatPeerSaysThatItWillNot()
    {
        PeerSession slow = Join(1, seed: false), idle = Join(2, seed: false);
        Offer(slow, piece: 5);
        Assert.Equal(1, Sent(slow, MessageId.Request));
        Offer(idle, piece: 5);
        Assert.Equal((0, 0), (Sent(idle, MessageId.Request), Sent(slow, MessageId.Cancel))); // both may be as fast
        _now += TimeSpan.FromSeconds(3);
        Offer(idle, piece: 5);
        Assert.Equal((0, 1, 1), (Sent(idle, MessageId.Request), Sent(slow, MessageId.Cancel), _picker.Outstanding));
        Reject(slow, new BlockRef(5, 0, Geometry.BlockLength));
        Assert.Equal((1, 0, 1), (Sent(idle, MessageId.Request), Sent(slow, MessageId.Request), _picker.Outstanding));
    }

    [Fact]
    public void WhoDoesNotSayWhetherItSendsWhatItWasToldNotToKeepsItFromThenOn()
    {
        PeerSession slow = Join(1, seed: false), idle = Join(2, seed: false);
        Offer(slow, piece: 5);
        _now += TimeSpan.FromSeconds(3);
        Offer(idle, piece: 5);
        Assert.Equal((0, 1), (Sent(idle, MessageId.Request), Sent(slow, MessageId.Cancel)));
        _now += TimeSpan.FromSeconds(60);
        _torrent.Tick(_now);
        Assert.Equal(1, Sent(idle, MessageId.Request) + Sent(slow, MessageId.Request));

        PeerSession third = Join(3, seed: false);
        Offer(slow, piece: 6);
        Sent(slow, MessageId.Request);
        _now += TimeSpan.FromSeconds(3);
        Offer(third, piece: 6);
        Assert.Equal(0, Sent(slow, MessageId.Cancel));
    }

    [Fact]
    public void OfOneNetworkOnlyTheFirstIsGrantedPiecesWhileChokedOrAllWouldHaveTheSame()
    {
        Verify(1500);
        PeerSession first = Join(1, seed: false), second = Join(2, seed: false), elsewhere = Join(256, seed: false);
        int granted = Sent(first, MessageId.AllowedFast); // of ten, those we have
        Assert.InRange(granted, 1, 10);
        Assert.Equal(0, Sent(second, MessageId.AllowedFast));
        Assert.InRange(Sent(elsewhere, MessageId.AllowedFast), 1, 10);
        first.Closed(_now);
        Assert.Equal(granted, Sent(Join(3, seed: false), MessageId.AllowedFast));
    }

    [Fact]
    public void AllPipelinesTogetherAreBoundedAndEverybodyHasAShare()
    {
        int[] asked = [.. Enumerable.Range(0, 1400).Select(i => Sent(Join(i, seed: true), MessageId.Request))];
        Assert.Equal(4, asked[0]);
        Assert.All(asked, a => Assert.True(a >= 2)); // 64 MiB among 1,400
        Assert.Equal(2, asked[^1]);
        Assert.Equal(asked.Sum(), _picker.Outstanding);
        Assert.True(_picker.Outstanding < 7000); // 64 MiB, and the shares of those who came later
    }
}
