using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Wire;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

/// <summary>A block costs no allocation, in either direction: at 300 MB/s that would be the collector's whole work.</summary>
public class AllocationPerBlockTests
{
    const int PieceLength = 4 << 20, Pieces = 32;

    sealed class NullDisk : IDisk
    {
        public readonly Queue<int> ToHash = new(Pieces);
        public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers) => true;
        public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers) => true;
        public void Verify(int piece) => ToHash.Enqueue(piece);
        public byte[]? HashBlocks(int piece) => throw new InvalidOperationException("no piece has failed");
    }

    [Fact]
    public void ABlockSentOrReceivedAllocatesNothing()
    {
        var geometry = new Geometry((long)Pieces * PieceLength, PieceLength);
        NullDisk seedDisk = new(), getDisk = new();
        Torrent seed = Make(geometry, seedDisk, complete: true, 1), get = Make(geometry, getDisk, complete: false, 2);
        TimeSpan now = default;
        var slabs = new Slabs(); // others share the usual ones
        var here = new PeerSession((PeerSession s, in Handshake h) => get.Admit(s, h, new IPEndPoint(IPAddress.Loopback, 1), dialled: true, now), slabs);
        var there = new PeerSession((PeerSession s, in Handshake h) => seed.Admit(s, h, new IPEndPoint(IPAddress.Loopback, 2), dialled: false, now), slabs);
        here.Outbox.SendHandshake(get.Hello);

        long blocksAtStart = 0;
        var stretches = new List<long>(); // bytes allocated until each next piece was there
        for (int round = 0; !get.Stats.IsComplete; round++)
        {
            Assert.True(round < 100_000);
            now += TimeSpan.FromMilliseconds(1);
            if (round % 1000 == 0)
            {
                get.Tick(now);
                seed.Tick(now);
            }
            long allocated = Move(here, there, now) + Move(there, here, now);
            long left = get.Stats.Left, measured = geometry.TotalLength / 2;
            if (left < measured && blocksAtStart == 0) blocksAtStart = get.Stats.Downloaded;
            else if (left < measured)
            {
                while (stretches.Count < (measured - left) / PieceLength) stretches.Add(0);
                stretches[^1] += allocated;
            }
            while (getDisk.ToHash.TryDequeue(out int piece)) get.OnPieceHashed(piece, matches: true, now);
        }
        long blocks = (get.Stats.Downloaded - blocksAtStart) / Geometry.BlockLength;
        Assert.True(blocks > 1000);
        Assert.Equal(Pieces / 2 - 1, stretches.Count);
        // What the runtime makes once for code that runs the first time is charged to whatever thread that is: all in one stretch.
        // The smallest object has 24 bytes: one for every forty blocks would be seen.
        Assert.True(stretches.Sum() - stretches.Max() < blocks / 2, $"{blocks} blocks, bytes a piece: {string.Join(' ', stretches)}");
    }

    /// <summary>Moves what waits from one session to the other and returns the bytes allocated on the way.</summary>
    static long Move(PeerSession from, PeerSession to, TimeSpan now)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadOnlyMemory<byte> output = from.NextOutput();
        for (ReadOnlyMemory<byte> rest = output; !rest.IsEmpty;)
        {
            Memory<byte> buffer = to.ReceiveBuffer;
            int count = Math.Min(rest.Length, buffer.Length);
            rest[..count].CopyTo(buffer);
            rest = rest[count..];
            if (!to.Received(count, now)) break;
            if (to.HasBlocks) to.StoreBlocks();
        }
        if (!output.IsEmpty) from.Sent(output.Length, now);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    static Torrent Make(Geometry geometry, IDisk disk, bool complete, int number)
    {
        var picker = new PiecePicker(geometry, new Random(number));
        if (complete) for (int i = 0; i < geometry.PieceCount; i++) picker.MarkHave(i);
        return new Torrent(default, geometry, picker, disk, PeerId.Create(new Random(number)), 6881, new Random(number));
    }
}
