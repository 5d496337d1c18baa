// `bench`: what this machine does with this program.
namespace TinyTorrent.Commands;

static class BenchCommand
{
    public static readonly Command Command = new(
        "bench", "hash|loopback [options]", "measure what this machine does with this program", MaxOperands: 1,
        [
            new("--size", "SIZE", "loopback: how much to transfer (default 256M)"),
            new("--engine", "async|sync", "loopback: only this peer engine (default: one after the other)"),
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            'bench hash' prints how fast SHA-1 and SHA-256 are on one core and in memory for each number of vector lanes.

            'bench loopback' downloads a random file from a seeder in the same process over 127.0.0.1, and prints how fast and
            for how much CPU time of both ends together. It takes twice the size in the folder for temporary files.
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        switch (arguments.Operand(0, "hash|loopback"))
        {
            case "hash":
                foreach (string option in (string[])["--size", "--engine"])
                    if (arguments.Has(option)) throw Arguments.Usage($"{option} is for 'bench loopback'");
                HashBenchmark.Run(JsonEvents.Create(arguments));
                return ExitCode.Done;
            case "loopback":
                RunLoopback(arguments);
                return ExitCode.Done;
            case var other:
                throw Arguments.Usage($"there is no benchmark '{other}'; there are hash and loopback");
        }
    }

    static void RunLoopback(Arguments arguments)
    {
        long size = arguments.Bytes("--size") ?? LoopbackBenchmark.DefaultSize;
        bool[] synchronous = TransferOptions.ReadEngine(arguments) is { } one ? [one] : [false, true];
        using var interrupt = new Interrupt();
        using Progress progress = Progress.StatusOnly(arguments);
        LoopbackBenchmark.RunAsync(size, synchronous, progress, JsonEvents.Create(arguments), interrupt.Token).GetAwaiter().GetResult();
    }
}
