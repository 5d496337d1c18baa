// `bench`: what this machine does with this program.
namespace TinyTorrent.Commands;

static class BenchCommand
{
    static readonly string[] s_loopbackOptions = ["--size", "--engine"];

    public static readonly Command Command = new(
        "bench", "hash|loopback|picker|tracker [URL] [options]", "measure what this machine does with this program, or what a tracker answers", MaxOperands: 2,
        [
            new("--size", "SIZE", "loopback: how much to transfer (default 256M)"),
            new("--engine", "async|sync", "loopback: only this peer engine (default: one after the other)"),
            .. TrackerBenchmark.Options,
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            'bench hash' prints how fast SHA-1 and SHA-256 are on one core and in memory for each number of vector lanes.

            'bench loopback' downloads a random file from a seeder in the same process over 127.0.0.1, and prints how fast and
            for how much CPU time of both ends together. It takes twice the size in the folder for temporary files.

            'bench picker' prints what it costs to choose a request, and to hear that a peer has a piece, by the number of pieces.

            'bench tracker URL' announces to the tracker at an http or udp URL as fast as it answers, or at a given rate, and
            prints the pace, the answers that were errors, broken or missing, and how long half and 99 % of them took at
            most. The peers are the same in every run; torrent N, from 0, has the SHA-1 of 'tinytorrent bench N' as its
            info-hash. Use it on trackers of your own only: it is meant to be a flood.

              tinytorrent bench tracker udp://127.0.0.1:6969 --peers 1000000 --once
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        string which = arguments.Operand(0, "hash|loopback|picker|tracker");
        if (which is not ("hash" or "loopback" or "picker" or "tracker"))
            throw Arguments.Usage($"there is no benchmark '{which}'; there are hash, loopback, picker and tracker");
        if (which != "tracker" && arguments.Operands.Count > 1) throw Arguments.Usage($"unexpected argument '{arguments.Operands[1]}'");
        if (which != "loopback") Refuse(arguments, "loopback", s_loopbackOptions);
        if (which != "tracker") Refuse(arguments, "tracker", TrackerBenchmark.Options.Select(option => option.Name));
        if (which == "tracker") return TrackerBenchmark.Run(arguments);
        if (which == "hash") HashBenchmark.Run(JsonEvents.Create(arguments));
        else if (which == "picker") RunPicker(arguments);
        else RunLoopback(arguments);
        return ExitCode.Done;
    }

    static void Refuse(Arguments arguments, string benchmark, IEnumerable<string> options)
    {
        foreach (string option in options)
            if (arguments.Has(option)) throw Arguments.Usage($"{option} is for 'bench {benchmark}'");
    }

    static void RunPicker(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        PickerBenchmark.Run(JsonEvents.Create(arguments), interrupt.Token);
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
