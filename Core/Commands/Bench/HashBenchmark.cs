// `bench hash`: bytes hashed per second by one thread, in memory, for each width of the kernels. What `verify` and `create`
// reach is this, less the copy from the page cache, times the cores.
using System.Diagnostics;
using System.Globalization;
using TinyTorrent.Hashing;

namespace TinyTorrent.Commands;

static unsafe class HashBenchmark
{
    const int StreamLength = 16 * 1024; // 32 of them stay in the second-level cache, as freshly read pieces do
    const int StreamDistance = StreamLength + BlockHash.BlockSize;
    const double SecondsPerRound = 0.002; // short enough to be undisturbed now and then on a busy machine
    const int Rounds = 100;

    /// <param name="events">Null to print text.</param>
    public static void Run(JsonEvents? events)
    {
        if (events is null) Console.Out.WriteLine("  lanes   SHA-1 GB/s   SHA-256 GB/s");
        foreach (int width in SideBySide.Widths)
        {
            double sha1 = Measure<Sha1>(width), sha256 = Measure<Sha256>(width);
            if (events is null)
            {
                string mark = (width == ShaInstructions.Count ? "   SHA extensions" : "") + (width == SideBySide.Width ? "   used here" : "");
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{width,7}   {sha1 / 1e9,10:0.00}   {sha256 / 1e9,12:0.00}{mark}"));
                continue;
            }
            events.Write("hash", json =>
            {
                json.WriteNumber("lanes", width);
                json.WriteNumber("sha1_rate", Math.Round(sha1));
                json.WriteNumber("sha256_rate", Math.Round(sha256));
                json.WriteBoolean("used", width == SideBySide.Width);
            });
        }
    }

    /// <summary>Bytes per second, the best of a few rounds: what disturbs a round only makes it slower.</summary>
    static double Measure<THash>(int width) where THash : IBlockHash
    {
        int count = SideBySide.StreamsFor(width);
        byte[] data = GC.AllocateArray<byte>(count * StreamDistance, pinned: true);
        uint** states = stackalloc uint*[count];
        byte** streams = stackalloc byte*[count];
        fixed (byte* first = data)
        {
            for (int i = 0; i < count; i++)
            {
                states[i] = (uint*)(first + i * StreamDistance);
                streams[i] = first + i * StreamDistance + BlockHash.BlockSize;
            }

            double best = 0;
            for (int round = 0; round < Rounds; round++)
            {
                long bytes = 0;
                long start = Stopwatch.GetTimestamp();
                double seconds;
                do
                {
                    SideBySide.Compress<THash>(states, streams, count, StreamLength / BlockHash.BlockSize, width);
                    bytes += count * StreamLength;
                    seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
                while (seconds < SecondsPerRound);
                best = Math.Max(best, bytes / seconds);
            }
            return best;
        }
    }
}
