using System.Buffers.Binary;
using System.Text;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

/// <summary>Properties of the peer stream that must hold for any input. Seeds are fixed; a failure names its seed.</summary>
public class PeerSessionTests
{
    const int PieceCount = 70;

    /// <summary>Writes down every event, and what the kept blocks held when they were stored.</summary>
    sealed class Recorder : IPeerEvents
    {
        public readonly StringBuilder Log = new();
        public bool KeepBlocks = true;

        public int PieceCount { get; init; } = PeerSessionTests.PieceCount;

        public bool OnMessage(in PeerMessage m, TimeSpan now)
        {
            Log.Append(m.Id).Append(' ').Append(m.Piece).Append(' ').Append(m.Begin).Append(' ').Append(m.Length).Append(' ').Append(Convert.ToHexString(m.Payload)).Append('\n');
            return true;
        }

        public bool OnBlock(in BlockRef block, TimeSpan now, out bool keep)
        {
            keep = KeepBlocks;
            Log.Append(block).Append('\n');
            return true;
        }

        public bool OnReceived(TimeSpan now) => true;

        public void StoreBlocks(IReadOnlyList<ReceivedBlock> blocks)
        {
            foreach (ReceivedBlock b in blocks) Stored.Append(b.Block).Append(' ').Append(Convert.ToHexString(b.Data.Span)).Append('\n');
        }

        public readonly StringBuilder Stored = new();

        public bool ReadBlocks(ReadOnlySpan<BlockRef> blocks, Memory<byte> into, int stride)
        {
            for (int i = 0; i < blocks.Length; i++) into.Slice(i * stride, blocks[i].Length).Span.Fill((byte)blocks[i].Piece);
            return true;
        }

        public void OnSent(int bytes, int blockBytes, TimeSpan now) => Log.Append("sent ").Append(bytes).Append(' ').Append(blockBytes).Append('\n');
        public void OnClosed(TimeSpan now) => Log.Append("closed\n");
    }

    static readonly Handshake s_hello = new(new InfoHash(new byte[20]), new PeerId("-XX0001-abcdefghijkl"u8), SupportsFast: true, SupportsExtensions: true);

    [Fact]
    public void SplittingTheStreamNeverChangesTheEvents()
    {
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            byte[] stream = RandomStream(random);
            string whole = Feed(stream, () => int.MaxValue);
            Assert.True(Feed(stream, () => 1) == whole, $"byte by byte differs, seed {seed}");
            Assert.True(Feed(stream, () => random.Next(1, 60)) == whole, $"random cuts differ, seed {seed}");
            Assert.True(Feed(stream, () => random.Next(1, 60), release: true) == whole, $"random cuts differ when the buffer is given back, seed {seed}");
        }
    }

    [Fact]
    public void LargeBlocksArriveIntactHoweverTheyAreCut()
    {
        var random = new Random(7);
        byte[] stream = LargeBlocks(random);
        string whole = Feed(stream, () => int.MaxValue);
        Assert.Equal(40 * 2, whole.Split('\n').Count(line => line.StartsWith("BlockRef", StringComparison.Ordinal)));
        Assert.Equal(whole, Feed(stream, () => random.Next(1, 50_000)));
    }

    static byte[] LargeBlocks(Random random)
    {
        using var stream = new MemoryStream();
        stream.Write(HandshakeBytes());
        byte[] frame = new byte[PeerMessage.PieceHeaderLength + Geometry.BlockLength];
        for (int i = 0; i < 40; i++)
        {
            random.NextBytes(frame);
            PeerMessage.WritePieceHeader(frame, new BlockRef(i, 0, Geometry.BlockLength));
            stream.Write(frame);
        }
        return stream.ToArray();
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0x7F, 0xFF, 0xFF, 0xFF, 20 })] // extended, 2 GiB
    [InlineData(new byte[] { 0x00, 0x01, 0x00, 0x02, 20 })] // extended, one past 64 KiB
    [InlineData(new byte[] { 0x00, 0x10, 0x00, 0x02, 21 })] // an unknown id, one past 1 MiB
    [InlineData(new byte[] { 0x00, 0x10, 0x00, 0x02, 255 })] // the id that stands for a keep-alive among us
    [InlineData(new byte[] { 0x00, 0x00, 0x40, 0x0A, 7 })] // a block one byte too long
    [InlineData(new byte[] { 0x00, 0x00, 0x00, 0x09, 7 })] // a block of no bytes
    [InlineData(new byte[] { 0x00, 0x00, 0x00, 0x0B, 5 })] // a bitfield one byte too long
    [InlineData(new byte[] { 0x00, 0x00, 0x00, 0x09, 5 })] // and one too short
    [InlineData(new byte[] { 0x00, 0x00, 0x00, 0x02, 0 })] // choke with a body
    [InlineData(new byte[] { 0x00, 0x00, 0x00, 0x04, 4 })] // have of three bytes
    public void AWrongLengthEndsTheConnectionBeforeTheBodyIsBuffered(byte[] frame)
    {
        var peer = Connected(out _);
        frame.CopyTo(peer.ReceiveBuffer);
        Assert.False(peer.Received(frame.Length, default));
    }

    [Theory]
    [InlineData(new byte[] { 0x00, 0x01, 0x00, 0x01, 20 }, 64 << 10)] // extended, 64 KiB
    [InlineData(new byte[] { 0x00, 0x00, 0x40, 0x09, 7 }, 16384)] // a whole block
    [InlineData(new byte[] { 0x00, 0x00, 0x00, 0x0A, 5 }, 9)] // 70 pieces in 9 bytes
    public void TheLongestFrameOfAKindIsWaitedForAndTaken(byte[] head, int payload)
    {
        var peer = Connected(out Recorder recorder);
        byte[] frame = new byte[BinaryPrimitives.ReadInt32BigEndian(head) + 4];
        head.CopyTo(frame, 0);
        Feed(peer, frame, () => 10_000);
        Assert.True(recorder.Log.ToString().Contains($" {payload} ", StringComparison.Ordinal) || recorder.Log.ToString().Contains($"Length = {payload}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(10, 0)]
    [InlineData(21, 0)]
    [InlineData(255, 0)]
    [InlineData(20, 1)] // an extended message of a kind we did not ask for
    [InlineData(20, 255)]
    public void AMessageNobodyReadsIsSkippedAndNeverBuffered(byte id, byte extendedId)
    {
        var slabs = new Slabs();
        var recorder = new Recorder();
        var peer = new PeerSession((PeerSession _, in Handshake _) => recorder, slabs);
        Feed(peer, HandshakeBytes(), () => int.MaxValue);
        byte[] frame = new byte[4 + 60_000];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        (frame[4], frame[5]) = (id, extendedId);
        Feed(peer, frame[..6], () => 1, release: true);
        for (int at = 6; at < frame.Length; at += 1)
        {
            Assert.Equal(0, slabs.Lent);
            Feed(peer, frame[at..(at + 1)], () => 1, release: true);
        }
        Assert.Equal("", recorder.Log.ToString());
        Feed(peer, [0, 0, 0, 1, 0], () => 1);
        Assert.StartsWith("Choke", recorder.Log.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0x00, 0x01, 0x00, 0x01, 20, 0 })] // an extended handshake of 64 KiB
    [InlineData(new byte[] { 0x00, 0x04, 0x00, 0x01, 5 })] // a bitfield of 2,097,152 pieces
    public void ALongFrameGetsItsRoomAsItComesAndIsMovedFewTimes(byte[] head)
    {
        foreach (bool release in (bool[])[false, true])
        {
            var slabs = new Slabs();
            var recorder = new Recorder { PieceCount = Geometry.MaxPieceCount };
            var peer = new PeerSession((PeerSession _, in Handshake _) => recorder, slabs);
            Feed(peer, HandshakeBytes(), () => int.MaxValue);
            byte[] frame = new byte[4 + BinaryPrimitives.ReadInt32BigEndian(head)];
            head.CopyTo(frame, 0);
            int moves = 0;
            (byte[]? Array, int At) last = default;
            for (int at = 0; at < frame.Length; at++)
            {
                Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(peer.ReceiveBuffer, out ArraySegment<byte> buffer));
                Assert.True(buffer.Count <= Math.Max(Slabs.Smallest, 3 * at), $"{buffer.Count} bytes for {at} that have come");
                if (last != (buffer.Array, buffer.Offset)) moves++;
                Feed(peer, frame[at..(at + 1)], () => 1, release);
                last = (buffer.Array, buffer.Offset + 1);
            }
            Assert.InRange(moves, 1, 60);
            Assert.Contains($" {frame.Length - 5} ", recorder.Log.ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("\u0013BitTorrent protocoL")]
    public void AnotherProtocolIsDroppedAtItsFirstWrongByte(string hello)
    {
        var peer = new PeerSession((PeerSession _, in Handshake _) => throw new InvalidOperationException("never admitted"));
        Encoding.Latin1.GetBytes(hello).CopyTo(peer.ReceiveBuffer);
        Assert.False(peer.Received(hello.Length, default));
    }

    [Fact]
    public void APeerThatClosesItsSideIsDroppedWhateverItHasBegun()
    {
        var peer = Connected(out _);
        Feed(peer, [0, 0, 0, 5, 4], () => 5);
        Assert.False(peer.Received(0, default));
    }

    [Fact]
    public void AnExtendedMessageOfNoKindSaysNothing()
    {
        var peer = Connected(out Recorder recorder);
        Feed(peer, [0, 0, 0, 1, 20, 0, 0, 0, 1, 0], () => 1);
        Assert.Contains("Choke", recorder.Log.ToString(), StringComparison.Ordinal);
        Assert.False(ExtendedHandshake.TryRead(ExtendedHandshake.DictionaryIn([]), out _));
    }

    [Fact]
    public void TheHandshakeRoundTrips()
    {
        var random = new Random(3);
        byte[] bytes = new byte[40];
        foreach (bool fast in new[] { false, true })
        {
            random.NextBytes(bytes);
            var sent = new Handshake(new InfoHash(bytes.AsSpan(0, 20)), new PeerId(bytes.AsSpan(20)), fast, !fast);
            byte[] wire = new byte[Handshake.Size];
            sent.Write(wire);
            Assert.Equal(System.Buffers.OperationStatus.Done, Handshake.TryRead(wire, out Handshake read));
            Assert.Equal(sent, read);
        }
    }

    /// <summary>One bit promises BitTorrent 2, others nothing anybody has named: what we do not speak changes nothing.</summary>
    [Fact]
    public void EveryReservedBitMayBeSet()
    {
        byte[] wire = HandshakeBytes();
        wire.AsSpan(20, 8).Fill(0xFF);
        Assert.Equal(System.Buffers.OperationStatus.Done, Handshake.TryRead(wire, out Handshake read));
        Assert.True(read.SupportsFast && read.SupportsExtensions);
        var peer = new PeerSession((PeerSession _, in Handshake _) => new Recorder());
        wire.CopyTo(peer.ReceiveBuffer);
        Assert.True(peer.Received(wire.Length, default));
        Assert.True(peer.IsEstablished);
    }

    [Fact]
    public void TheExtendedHandshakeRoundTripsAndGarbageIsRefused()
    {
        var sent = new ExtendedHandshake("tinytorrent/1", 6881, 500, UploadOnly: true);
        ReadOnlySpan<byte> wire = sent.Write();
        Assert.Equal(ExtendedHandshake.Id, wire[0]);
        Assert.True(ExtendedHandshake.TryRead(wire[1..], out ExtendedHandshake read));
        Assert.Equal(sent, read);
        Assert.False(ExtendedHandshake.TryRead("le"u8, out _));
        Assert.True(ExtendedHandshake.TryRead("d1:pi70000e4:reqqi-5ee"u8, out read));
        Assert.Equal(default, read);
    }

    [Fact]
    public void SmallMessagesOvertakeBlocksAndTheOutputCanBeReadBack()
    {
        var peer = Connected(out Recorder recorder);
        for (int i = 0; i < 40; i++) Assert.True(peer.Outbox.QueueBlock(new BlockRef(i, 0, i % 7 == 6 ? 100 : Geometry.BlockLength)));
        peer.Outbox.Send(MessageId.Have, 5);
        Assert.True(peer.Outbox.CancelBlock(new BlockRef(1, 0, Geometry.BlockLength)));
        Assert.False(peer.Outbox.CancelBlock(new BlockRef(1, 0, Geometry.BlockLength)));

        var other = Connected(out Recorder read);
        for (ReadOnlyMemory<byte> output = peer.NextOutput(); !output.IsEmpty; output = peer.NextOutput())
        {
            Feed(other, output.ToArray(), () => 1 << 20);
            peer.Sent(output.Length, default);
        }
        string[] lines = read.Log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("Have 5", lines[0], StringComparison.Ordinal);
        Assert.Equal(40, lines.Length);
        Assert.DoesNotContain("BlockRef { Piece = 1, ", read.Log.ToString(), StringComparison.Ordinal);
        Assert.Contains("Piece = 13, Begin = 0, Length = 100 } " + string.Concat(Enumerable.Repeat("0D", 100)), read.Stored.ToString(), StringComparison.Ordinal);
        Assert.Contains("sent", recorder.Log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheWriterIsWokenOnceForManyMessagesAndNeverBeforeAFlush()
    {
        var peer = Connected(out _);
        int woken = 0, aborted = 0;
        peer.Outbox.Attach(() => woken++, () => aborted++);
        Assert.True(peer.NextOutput().IsEmpty);
        for (int i = 0; i < 10; i++) peer.Outbox.Send(MessageId.Have, i);
        Assert.Equal(0, woken);
        peer.Outbox.Flush();
        peer.Outbox.Flush();
        Assert.Equal(1, woken);
        peer.Outbox.Close();
        Assert.Equal((2, 1), (woken, aborted));
        Assert.True(peer.NextOutput().IsEmpty);
    }

    [Fact]
    public void APeerThatNeverReadsIsClosedInsteadOfFillingMemory()
    {
        var peer = Connected(out _);
        for (int i = 0; i < 1_000_000 && !peer.Outbox.IsClosed; i++) peer.Outbox.Send(MessageId.Have, i);
        Assert.True(peer.Outbox.IsClosed);
    }

    [Fact]
    public void AReceiveBufferGivenBackLosesNothingOfAFrameThatHasBegun()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            byte[] stream = LargeBlocks(random);
            Assert.Equal(Feed(stream, () => int.MaxValue), Feed(stream, () => random.Next(1, 50_000), release: true));
        }
    }

    [Fact]
    public void AConnectionThatHasEndedHasGivenEveryBufferBackAndAnIdleOneHoldsNone()
    {
        var slabs = new Slabs();
        var events = new Recorder();
        var peer = new PeerSession((PeerSession _, in Handshake _) => events, slabs);
        HandshakeBytes().CopyTo(peer.ReceiveBuffer);
        Assert.True(peer.Received(Handshake.Size, default));
        for (int i = 0; i < 100; i++) peer.Outbox.Send(MessageId.Have, i);
        ReadOnlyMemory<byte> output = peer.NextOutput();
        peer.Sent(output.Length, default);
        peer.ReleaseReceiveBuffer();
        Assert.Equal(0, slabs.Lent);

        for (int i = 0; i < 100; i++) peer.Outbox.Send(MessageId.Have, i);
        peer.NextOutput();
        new byte[] { 0, 0, 0, 5, (byte)MessageId.Have }.CopyTo(peer.ReceiveBuffer);
        Assert.True(peer.Received(5, default));
        peer.Outbox.Send(MessageId.Have, 1);
        peer.Closed(default);
        Assert.Equal(0, slabs.Lent);
    }

    static PeerSession Connected(out Recorder recorder)
    {
        var events = recorder = new Recorder();
        var peer = new PeerSession((PeerSession _, in Handshake _) => events);
        HandshakeBytes().CopyTo(peer.ReceiveBuffer);
        Assert.True(peer.Received(Handshake.Size, default));
        return peer;
    }

    static byte[] HandshakeBytes()
    {
        byte[] bytes = new byte[Handshake.Size];
        s_hello.Write(bytes);
        return bytes;
    }

    static string Feed(byte[] stream, Func<int> step, bool release = false)
    {
        var recorder = new Recorder();
        var peer = new PeerSession((PeerSession _, in Handshake h) => h == s_hello ? recorder : null);
        Feed(peer, stream, step, release);
        return recorder.Log.Append(recorder.Stored).ToString();
    }

    static void Feed(PeerSession peer, byte[] stream, Func<int> step, bool release = false)
    {
        for (int at = 0; at < stream.Length;)
        {
            Memory<byte> buffer = peer.ReceiveBuffer;
            Assert.False(buffer.IsEmpty);
            int count = Math.Min(Math.Min(step(), stream.Length - at), buffer.Length);
            stream.AsSpan(at, count).CopyTo(buffer.Span);
            at += count;
            bool alive = peer.Received(count, default);
            if (peer.HasBlocks) peer.StoreBlocks();
            if (release) peer.ReleaseReceiveBuffer(); // as the asynchronous driver does, alive or not
            if (!alive) return;
        }
    }

    // Mostly right frames, sometimes a wrong length: the interesting edge is between the two.
    static byte[] RandomStream(Random random)
    {
        using var stream = new MemoryStream();
        stream.Write(HandshakeBytes());
        for (int i = random.Next(1, 15); i > 0; i--)
        {
            var id = (MessageId)random.Next(0, 24);
            int body = random.Next(20) == 0 ? random.Next(30) : id switch
            {
                MessageId.Have or MessageId.SuggestPiece or MessageId.AllowedFast => 4,
                MessageId.Request or MessageId.Cancel or MessageId.RejectRequest => 12,
                MessageId.Port => 2,
                MessageId.Bitfield => Bitfield.BytesFor(PieceCount),
                MessageId.Piece => 8 + random.Next(1, 300),
                MessageId.Extended => random.Next(1, 200),
                <= MessageId.NotInterested or MessageId.HaveAll or MessageId.HaveNone => 0,
                _ => random.Next(0, 50),
            };
            if (id is (MessageId)21 && random.Next(20) == 0) body = random.Next(100_000); // longer than any buffer
            byte[] frame = new byte[5 + body];
            random.NextBytes(frame);
            BinaryPrimitives.WriteInt32BigEndian(frame, 1 + body);
            frame[4] = (byte)id;
            if (id == MessageId.Extended && body > 0) frame[5] = (byte)random.Next(2);
            stream.Write(random.Next(15) == 0 ? new byte[4] : frame);
        }
        return stream.ToArray();
    }
}
