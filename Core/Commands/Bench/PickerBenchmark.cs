// `bench picker`: what choosing a request and hearing of a piece cost, by the number of pieces. Each piece is one block, so
// every request is the choice of a piece, the dearest there is. What grows a little with the number of pieces is not the work
// but the misses of the processor's caches.
using System.Diagnostics;
using System.Globalization;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class PickerBenchmark
{
    const int Seeds = 10, Leechers = 20;
    const int Batch = 16; // requests, as after a few blocks that came together
    const int Sample = 100_000; // requests, and haves, for a figure

    static readonly int[] s_sizes = [1_000, 10_000, 100_000, 1_000_000, 2_000_000];

    readonly Geometry _geometry;
    readonly Random _random = new(1);
    long _requestTicks, _haveTicks;
    int _requests, _haves;

    PickerBenchmark(int pieces) => _geometry = new Geometry((long)pieces * Geometry.BlockLength, Geometry.BlockLength);

    /// <param name="events">Null to print text.</param>
    public static void Run(JsonEvents? events, CancellationToken interrupt)
    {
        if (events is null) Console.Out.WriteLine("     pieces   ns per request   ns per have");
        foreach (int pieces in s_sizes)
        {
            var benchmark = new PickerBenchmark(pieces);
            while (benchmark._requests < Sample) benchmark.Download(interrupt);
            double request = Nanoseconds(benchmark._requestTicks, benchmark._requests), have = Nanoseconds(benchmark._haveTicks, benchmark._haves);
            if (events is null)
            {
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{pieces,11:N0}   {request,14:0}   {have,11:0}"));
                continue;
            }
            events.Write("picker", json =>
            {
                json.WriteNumber("pieces", pieces);
                json.WriteNumber("request_nanoseconds", Math.Round(request, 1));
                json.WriteNumber("have_nanoseconds", Math.Round(have, 1));
            });
        }
    }

    static double Nanoseconds(long ticks, int count) => ticks * 1e9 / Stopwatch.Frequency / count;

    /// <summary>Up to half of a torrent, or a sample of it, from seeds and from leechers with every other piece.</summary>
    void Download(CancellationToken interrupt)
    {
        var picker = new PiecePicker(_geometry, _random);
        var peers = new List<PeerPieces>();
        for (int i = 0; i < Seeds + Leechers; i++) peers.Add(Join(picker, seed: i < Seeds));
        int count = Math.Min(Sample, _geometry.PieceCount / 2);
        Announce(picker, peers, count);

        var blocks = new BlockRef[Batch];
        var cancel = new List<PeerPieces>();
        TimeSpan now = TimeSpan.FromSeconds(1);
        for (int done = 0, turn = 0; done < count; turn++)
        {
            interrupt.ThrowIfCancellationRequested();
            PeerPieces peer = peers[turn % peers.Count];
            long start = Stopwatch.GetTimestamp();
            int picked = picker.Pick(peer, blocks, now);
            _requestTicks += Stopwatch.GetTimestamp() - start;
            done += picked;
            _requests += picked;
            foreach (BlockRef block in blocks.AsSpan(0, picked))
            {
                picker.OnBlock(peer, block, now, cancel, out _);
                if (picker.OnWritten(block)) picker.OnVerified(block.Piece);
            }
        }
    }

    PeerPieces Join(PiecePicker picker, bool seed)
    {
        PeerPieces peer = picker.Add(null);
        if (seed)
        {
            picker.OnHaveAll(peer);
        }
        else
        {
            byte[] bitfield = new byte[Bitfield.BytesFor(_geometry.PieceCount)];
            _random.NextBytes(bitfield);
            if ((_geometry.PieceCount & 7) != 0) bitfield[^1] &= (byte)(0xFF00 >> (_geometry.PieceCount & 7));
            picker.OnBitfield(peer, bitfield);
        }
        PiecePicker.OnUnchoke(peer);
        return peer;
    }

    void Announce(PiecePicker picker, List<PeerPieces> peers, int count)
    {
        int[] pieces = new int[count];
        for (int i = 0; i < count; i++) pieces[i] = _random.Next(_geometry.PieceCount);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++) picker.OnHave(peers[Seeds + i % Leechers], pieces[i]);
        _haveTicks += Stopwatch.GetTimestamp() - start;
        _haves += count;
    }
}
