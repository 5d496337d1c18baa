using System.Buffers;
using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

/// <summary>Requests go in batches: each send costs a system call here and a wake-up there, however few it holds.</summary>
public class RequestBatchTests
{
    const int PieceLength = 1 << 20, Blocks = 3000;
    const int MostWaited = 64; // blocks of room that are asked for at the latest

    sealed class NullDisk : IDisk
    {
        public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers) => true;
        public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers) => true;
        public void Verify(int piece) { }
        public byte[]? HashBlocks(int piece) => null;
    }

    readonly Queue<BlockRef> _asked = new();
    readonly byte[] _piece = new byte[PeerMessage.PieceHeaderLength + Geometry.BlockLength];
    readonly PeerSession _session;
    TimeSpan _now;

    public RequestBatchTests()
    {
        var geometry = new Geometry(2L * Blocks * Geometry.BlockLength, PieceLength);
        var torrent = new Torrent(default, geometry, new PiecePicker(geometry, new Random(1)), new NullDisk(), PeerId.Create(new Random(1)), 0, new Random(1));
        _session = new PeerSession((PeerSession s, in Handshake h) => torrent.Admit(s, h, new IPEndPoint(IPAddress.Loopback, 1), dialled: true, _now));
        var hello = new byte[Handshake.Size];
        new Handshake(default, PeerId.Create(new Random(2)), SupportsFast: true, SupportsExtensions: false).Write(hello);
        Receive(hello);
    }

    void Receive(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Memory<byte> buffer = _session.ReceiveBuffer;
            int count = Math.Min(bytes.Length, buffer.Length);
            bytes[..count].CopyTo(buffer.Span);
            bytes = bytes[count..];
            Assert.True(_session.Received(count, _now));
            if (_session.HasBlocks) _session.StoreBlocks();
        }
    }

    void Receive(MessageId id)
    {
        Span<byte> message = stackalloc byte[5];
        PeerMessage.Write(message, id);
        Receive(message);
    }

    /// <summary>Requests in what the session sends at this moment.</summary>
    int TakeRequests()
    {
        int before = _asked.Count;
        ReadOnlyMemory<byte> output = _session.NextOutput();
        for (ReadOnlySpan<byte> rest = output.Span; !rest.IsEmpty;)
        {
            Assert.Equal(OperationStatus.Done, PeerMessage.TryReadFrameLength(rest, 1, out int frame));
            PeerMessage message = PeerMessage.Read(rest[..frame]);
            if (message.Id == MessageId.Request) _asked.Enqueue(message.Block);
            rest = rest[frame..];
        }
        if (!output.IsEmpty) _session.Sent(output.Length, _now);
        return _asked.Count - before;
    }

    [Fact]
    public void AQuarterOfThePipelineOr64RequestsAreSentAtATimeAndItNeverRunsDry()
    {
        Receive(MessageId.HaveAll);
        Receive(MessageId.Unchoke);
        int depth = TakeRequests(), refills = 0, deepest = 0;
        Assert.True(depth > 0);
        for (int block = 1; block <= Blocks; block++)
        {
            _now += TimeSpan.FromMilliseconds(1);
            PeerMessage.WritePieceHeader(_piece, _asked.Dequeue());
            Receive(_piece);
            int left = _asked.Count, asked = TakeRequests();
            if (asked == 0)
            {
                // Twice: the pipeline grows while it waits.
                Assert.True(left > depth - 2 * Math.Clamp(depth / 4, 1, MostWaited), $"block {block}: {left} of {depth} left and none asked for");
                continue;
            }
            refills++;
            depth = _asked.Count;
            deepest = Math.Max(deepest, depth);
            Assert.True(asked >= Math.Clamp(depth / 4, 1, MostWaited), $"block {block}: {asked} asked for, {depth} under way");
        }
        Assert.True(deepest > 4 * MostWaited / 2, $"a pipeline of {deepest} says nothing of large batches");
        Assert.InRange(refills, Blocks / MostWaited / 2, Blocks / 16);
    }
}
