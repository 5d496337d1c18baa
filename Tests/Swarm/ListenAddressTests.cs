using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

/// <summary>A peer that has connected to us is not dialled as well, once it is known where it listens.</summary>
public class ListenAddressTests
{
    static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    static readonly IPEndPoint From = new(IPAddress.Parse("10.0.0.9"), 50_000), Listens = new(From.Address, 7000);
    static readonly PeerId Them = new("-XX0001-abcdefghijkl"u8);

    readonly Torrent _torrent;

    public ListenAddressTests()
    {
        var geometry = new Geometry(5 * 32 * 1024, 32 * 1024);
        _torrent = new Torrent(default, geometry, new PiecePicker(geometry, new Random(1)), new MemoryDisk(new byte[geometry.TotalLength], geometry), new PeerId("-TT0100-abcdefghijkl"u8), 0, new Random(1));
    }

    PeerSession Connect(IPEndPoint address, bool dialled, Action? refused = null)
    {
        var session = new PeerSession((PeerSession s, in Handshake h) => _torrent.Admit(s, h, address, dialled, default));
        byte[] hello = new byte[Handshake.Size];
        new Handshake(default, Them, SupportsFast: false, SupportsExtensions: true).Write(hello);
        if (!Hear(session, hello)) refused?.Invoke();
        return session;
    }

    static bool Hear(PeerSession session, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(session.ReceiveBuffer.Span);
        return session.Received(bytes.Length, default);
    }

    static byte[] Extended(int port)
    {
        byte[] frame = new byte[200];
        return frame[..PeerMessage.Write(frame, MessageId.Extended, new ExtendedHandshake("x", port, 500, UploadOnly: false).Write())];
    }

    [Fact]
    public void TheExtendedHandshakeTellsWhereAPeerListens()
    {
        PeerSession session = Connect(From, dialled: false);
        Assert.True(Hear(session, Extended(Listens.Port)));
        _torrent.AddCandidates([Listens]);
        Assert.Null(_torrent.NextToDial(3600 * Second));
        session.Closed(default);
        Assert.Equal(Listens, _torrent.NextToDial(3600 * Second));
    }

    [Fact]
    public void ADialThatFindsAPeerWeHaveIsTheLast()
    {
        PeerSession session = Connect(From, dialled: false);
        _torrent.AddCandidates([Listens]);
        Assert.Equal(Listens, _torrent.NextToDial(default));
        bool wasRefused = false;
        Connect(Listens, dialled: true, refused: () =>
        {
            wasRefused = true;
            _torrent.OnDialFailed(Listens, default);
        });
        Assert.True(wasRefused);
        Assert.Null(_torrent.NextToDial(3600 * Second));
        session.Closed(default);
        Assert.Equal(Listens, _torrent.NextToDial(3600 * Second));
    }

    [Fact]
    public void TwoPeersThatClaimOneAddressLeaveItToTheFirst()
    {
        Connect(Listens, dialled: true);
        var session = new PeerSession((PeerSession s, in Handshake h) => _torrent.Admit(s, h, From, dialled: false, default));
        byte[] hello = new byte[Handshake.Size];
        new Handshake(default, new PeerId("-XX0001-mnopqrstuvwx"u8), SupportsFast: false, SupportsExtensions: true).Write(hello);
        Assert.True(Hear(session, hello));
        Assert.True(Hear(session, Extended(Listens.Port)));
        session.Closed(default);
        Assert.Null(_torrent.NextToDial(3600 * Second)); // the first is still here
    }

    [Fact]
    public void ADialGivenUpForWantOfRoomIsNoFailure()
    {
        _torrent.AddCandidates([Listens]);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(Listens, _torrent.NextToDial(i * 60 * Second)); // never later than half a minute
            _torrent.OnDialGivenUp(Listens, i * 60 * Second);
        }
        Assert.False(_torrent.IsStranded);
    }
}
