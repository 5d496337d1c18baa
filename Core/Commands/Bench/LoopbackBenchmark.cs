// `bench loopback`: one download from a seeder to a downloader, both in this process, over 127.0.0.1. No tracker, no wire:
// what is left is the program, the system's sockets and its page cache. CPU time is the process's, so it holds both ends.
// The folder is of this run's own and gone at its end, however it ends, unless a second Ctrl-C cuts that short.
using System.Globalization;
using System.Net;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class LoopbackBenchmark(MetainfoFile metainfo, string content, string output, Progress progress, CancellationToken interrupt)
{
    public const long DefaultSize = 256 << 20;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60); // for the next byte

    /// <param name="size">Bytes to transfer; on disk they take twice that.</param>
    /// <param name="synchronous">One row each.</param>
    /// <param name="progress">Shows how far it is; it must write nothing to stdout.</param>
    /// <param name="events">Null to print text.</param>
    public static async Task RunAsync(long size, bool[] synchronous, Progress progress, JsonEvents? events, CancellationToken interrupt)
    {
        string folder = Directory.CreateTempSubdirectory("tinytorrent-").FullName;
        try
        {
            string content = Path.Combine(folder, "random");
            WriteRandom(content, size, interrupt);
            MetainfoFile metainfo = MetainfoFile.Parse(TreeHasher.Build(
                ContentTree.Read(content, (_, _) => { }), content, new MetainfoOptions { Name = "random" }, pieceLength: null, MetainfoFile.MaxFileBytes, cache: null, progress, interrupt));
            var benchmark = new LoopbackBenchmark(metainfo, content, Path.Combine(folder, "out"), progress, interrupt);
            progress.Clear();
            if (events is null) Console.Out.WriteLine("  engine      MiB/s   CPU s   MiB per CPU s   both ends in one process");
            foreach (bool engine in synchronous)
            {
                (TimeSpan wall, TimeSpan cpu) = await benchmark.MeasureAsync(engine).ConfigureAwait(false);
                progress.Clear();
                Report(engine ? "sync" : "async", size, wall.TotalSeconds, cpu.TotalSeconds, events);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static void WriteRandom(string path, long size, CancellationToken interrupt)
    {
        var random = new Random();
        byte[] bytes = new byte[1 << 20];
        using FileStream file = File.Create(path, bufferSize: 0);
        for (long left = size; left > 0; left -= bytes.Length)
        {
            interrupt.ThrowIfCancellationRequested();
            random.NextBytes(bytes);
            file.Write(bytes, 0, (int)Math.Min(bytes.Length, left));
        }
    }

    /// <summary>From the first dial to the last verified piece. Leaves nothing of the download behind.</summary>
    async Task<(TimeSpan Wall, TimeSpan Cpu)> MeasureAsync(bool synchronous)
    {
        var options = new EngineOptions(synchronous, IPAddress.Loopback, Port: 0, ExactPort: true);
        await using Engine seeder = TransferOptions.Start(options), downloader = TransferOptions.Start(options);
        var whole = new PiecePicker(metainfo.Geometry, new Random());
        for (int piece = 0; piece < metainfo.Geometry.PieceCount; piece++) whole.MarkHave(piece); // hashed a moment ago
        var seed = new ActiveTorrent(seeder, metainfo, PieceStore.ForContent(metainfo.Files, content), resume: null, whole, []);
        seeder.Add(seed);
        var empty = new PiecePicker(metainfo.Geometry, new Random());
        var download = new ActiveTorrent(downloader, metainfo, new PieceStore(metainfo.Files, output), resume: null, empty, []);

        TimeSpan start = downloader.Clock.Now, cpu = Environment.CpuUsage.TotalTime;
        var transfer = new Transfer(downloader, download, [new HostPort(IPAddress.Loopback.ToString(), seeder.Port)], progress, interrupt);
        await transfer.DownloadAsync(s_patience, () => Transfer.Require(seed.Fault)).ConfigureAwait(false);
        (TimeSpan wall, cpu) = (downloader.Clock.Now - start, Environment.CpuUsage.TotalTime - cpu);
        interrupt.ThrowIfCancellationRequested();

        await downloader.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(output, recursive: true);
        return (wall, cpu);
    }

    static void Report(string engine, long size, double seconds, double cpuSeconds, JsonEvents? events)
    {
        double rate = size / Math.Max(seconds, 1e-6), perCpuSecond = size / Math.Max(cpuSeconds, 1e-6);
        if (events is null)
        {
            const double mib = 1 << 20;
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {engine,-6}   {rate / mib,8:0}   {cpuSeconds,5:0.00}   {perCpuSecond / mib,13:0}"));
            return;
        }
        events.Write("loopback", json =>
        {
            json.WriteString("engine", engine);
            json.WriteNumber("length", size);
            json.WriteNumber("seconds", Math.Round(seconds, 3));
            json.WriteNumber("cpu_seconds", Math.Round(cpuSeconds, 3));
            json.WriteNumber("rate", Math.Round(rate));
            json.WriteNumber("bytes_per_cpu_second", Math.Round(perCpuSecond));
        });
    }
}
