// What a block costs: no memory, and no more time however many pieces there are.
using System.Diagnostics;
using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Swarm;

public class PiecePickerCostTests(ITestOutputHelper output) : PiecePickerFixture
{
    [Fact]
    public void ARunningDownloadAllocatesNothingPerBlock()
    {
        var geometry = new Geometry(1000L * 32 * Block, 32 * Block);
        var picker = new PiecePicker(geometry, new Random(1));
        PeerPieces[] peers = [.. Enumerable.Range(0, 8).Select(_ => Seed(picker))];
        var into = new BlockRef[40];
        var complete = new List<int>();
        TimeSpan now = Second;
        long before = 0;
        for (int round = 0; round < 3000; round++)
        {
            if (round == 1000) before = GC.GetAllocatedBytesForCurrentThread();
            PeerPieces peer = peers[round % peers.Length];
            now += TimeSpan.FromMilliseconds(1);
            picker.Pick(peer, into.AsSpan(0, 40 - peer.Requests.Count), now);
            for (int i = 0; i < 5; i++)
            {
                BlockRef block = peer.Requests[0].Block;
                picker.OnBlock(peer, block, now, Cancel, out _);
                if (picker.OnWritten(block)) picker.OnVerified(block.Piece);
            }
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void ThePriceOfARequestDoesNotGrowWithTheNumberOfPieces()
    {
        foreach (int pieces in (int[])[1_000, 1_000, 10_000, 100_000, 2_000_000])
        {
            long memory = GC.GetAllocatedBytesForCurrentThread();
            var picker = new PiecePicker(new Geometry((long)pieces * Block, Block), new Random(1));
            memory = GC.GetAllocatedBytesForCurrentThread() - memory;
            var random = new Random(2);
            PeerPieces[] seeds = [.. Enumerable.Range(0, 4).Select(_ => Seed(picker))];
            PeerPieces[] sparse = [.. Enumerable.Range(0, 20).Select(_ => With(picker, [.. Enumerable.Range(0, 200).Select(_ => random.Next(pieces))]))];
            var half = new Bitfield(pieces);
            for (int i = 0; i < pieces; i++) if (random.Next(2) == 0) half.Set(i);
            PeerPieces leecher = picker.Add(null);
            long start = Stopwatch.GetTimestamp();
            picker.OnBitfield(leecher, half.Bytes);
            double bitfield = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            PiecePicker.OnUnchoke(leecher);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{pieces,9} pieces: {(double)memory / pieces:0.0} bytes each, bitfield {bitfield:0.000} ms; ns a block: sparse peers {Drive(picker, sparse, Math.Min(100, pieces / 100)):0}, seeds {Drive(picker, seeds, Math.Min(5000, pieces / 20)):0}, leecher {Drive(picker, [leecher], Math.Min(5000, pieces / 20)):0}"));
            Assert.True((double)memory / pieces < 16 || pieces < 100_000);
        }

        // Pick, receive, write and verify one-block pieces: every step of a piece's life for every block.
        double Drive(PiecePicker picker, PeerPieces[] peers, int rounds)
        {
            var into = new BlockRef[1];
            // The median of rounds: a busy machine takes the processor away now and then.
            var times = new List<double>();
            for (int round = 0; round < rounds; round++)
            {
                long start = Stopwatch.GetTimestamp();
                int blocks = 0;
                foreach (PeerPieces peer in peers)
                {
                    if (picker.Pick(peer, into, Second) == 0) continue;
                    blocks++;
                    picker.OnBlock(peer, into[0], Second, Cancel, out _);
                    if (picker.OnWritten(into[0])) picker.OnVerified(into[0].Piece);
                }
                if (blocks > 0) times.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / blocks);
            }
            times.Sort();
            return times.Count == 0 ? 0 : times[times.Count / 2];
        }
    }
}
