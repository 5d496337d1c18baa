using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Net;

public class PeerProbeTests
{
    static readonly InfoHash Hash = FakeTrackers.Self.InfoHash;
    static readonly Handshake Us = new(Hash, PeerId.Create(new Random(1)), SupportsFast: true, SupportsExtensions: true);
    static readonly Handshake Them = new(Hash, new PeerId("-TR4060-abcdefghijkl"u8), SupportsFast: true, SupportsExtensions: true);

    /// <summary>Probes a peer that answers our handshake with these bytes and then waits for us to leave.</summary>
    static async Task<PeerFacts> ProbeAsync(byte[] answer, int pieces = 12, bool hangUp = false)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = ServeAsync();
        PeerFacts facts = await PeerProbe.AskAsync((IPEndPoint)listener.LocalEndpoint, Us, "tinytorrent 1", pieces, CancellationToken.None);
        await serving;
        return facts;

        async Task ServeAsync()
        {
            using Socket socket = await listener.AcceptSocketAsync();
            byte[] buffer = new byte[1000];
            int got = 0;
            while (got < Handshake.Size) got += await socket.ReceiveAsync(buffer.AsMemory(got));
            await socket.SendAsync(answer);
            try
            {
                while (!hangUp && await socket.ReceiveAsync(buffer) > 0) { }
            }
            catch (SocketException)
            {
                // The probe left with bytes of ours unread.
            }
        }
    }

    static byte[] Answer(Handshake handshake, params byte[][] messages)
    {
        byte[] hello = new byte[Handshake.Size];
        handshake.Write(hello);
        return [.. hello, .. messages.SelectMany(m => m)];
    }

    static byte[] Message(MessageId id, params byte[] body) => [0, 0, 0, (byte)(body.Length + 1), (byte)id, .. body];

    /// <summary>As an IPv6 peer is on a host without IPv6.</summary>
    sealed class PeerOfNoFamily() : IPEndPoint(IPAddress.Loopback, 1)
    {
        public override AddressFamily AddressFamily => AddressFamily.Ipx;
    }

    [Fact]
    public async Task APeerOfAFamilyThisHostDoesNotHaveIsAPeerThatCannotBeReached()
    {
        PeerFacts facts = await PeerProbe.AskAsync(new PeerOfNoFamily(), Us, "tinytorrent 1", 12, CancellationToken.None);
        Assert.NotNull(facts.Problem);
    }

    [Fact]
    public async Task APeerIsDescribedByWhatItSays()
    {
        PeerFacts facts = await ProbeAsync(Answer(
            Them,
            Message(MessageId.Bitfield, 0xFF, 0x80),
            Message(MessageId.Have, 0, 0, 0, 11),
            Message(MessageId.Extended, [0, .. "d1:md11:ut_metadatai3e6:ut_pexi1e4:nonei0ee1:v8:Good 1.0e"u8])));
        Assert.Null(facts.Problem);
        Assert.Equal(("Good 1.0", 10, Them.PeerId), (facts.Client, facts.Pieces, facts.PeerId));
        Assert.Equal(["fast", "ut_metadata", "ut_pex"], facts.Extensions);
    }

    [Fact]
    public async Task APeerWithoutExtensionsIsKnownByItsId()
    {
        PeerFacts facts = await ProbeAsync(Answer(Them with { SupportsExtensions = false, SupportsFast = false }, Message(MessageId.Bitfield, 0, 0)));
        Assert.Equal(("Transmission 4.0.6", 0, 0), (facts.Client, facts.Pieces, facts.Extensions.Count));
    }

    [Fact]
    public async Task AllOrNothingIsUnderstood()
    {
        byte[] extended = Message(MessageId.Extended, [0, .. "d1:mdee"u8]);
        Assert.Equal(12, (await ProbeAsync(Answer(Them, Message(MessageId.HaveAll), extended))).Pieces);
        Assert.Equal(0, (await ProbeAsync(Answer(Them, Message(MessageId.HaveNone), extended))).Pieces);
    }

    [Theory]
    [InlineData(MessageId.Bitfield, new byte[] { 0xFF, 0x80 })]
    [InlineData(MessageId.HaveAll, new byte[0])]
    [InlineData(MessageId.Have, new byte[] { 0, 0, 0, 7 })]
    internal async Task WithoutTheDescriptionThePiecesStayUnknownInWhateverOrderAPeerSpeaks(MessageId id, byte[] body)
    {
        byte[] pieces = Message(id, body), extended = Message(MessageId.Extended, [0, .. "d1:mde1:v1:xe"u8]);
        foreach (byte[][] order in (byte[][][])[[extended, pieces], [pieces, extended]])
        {
            PeerFacts facts = await ProbeAsync(Answer(Them, order), pieces: 0);
            Assert.Equal((null, "x", null), (facts.Problem, facts.Client, facts.Pieces));
        }
    }

    [Fact]
    public async Task NonsenseEndsTheProbe()
    {
        Assert.Equal("closed the connection instead of shaking hands", (await ProbeAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray())).Problem);
        Assert.Equal("closed the connection instead of shaking hands", (await ProbeAsync([], hangUp: true)).Problem);
        Assert.NotNull((await ProbeAsync(Answer(Them with { InfoHash = default }))).Problem);
        PeerFacts partial = await ProbeAsync(Answer(Them, Message(MessageId.Bitfield, 1, 2, 3, 4)));
        Assert.Equal((null, null, "Transmission 4.0.6"), (partial.Problem, partial.Pieces, partial.Client));
    }

    [Fact]
    public async Task NobodyThereIsAProblem()
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.Contains("refused", (await PeerProbe.AskAsync((IPEndPoint)bound.LocalEndPoint!, Us, "x", 1, CancellationToken.None)).Problem, StringComparison.Ordinal);
    }
}
