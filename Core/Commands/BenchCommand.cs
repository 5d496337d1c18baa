// `bench`: what this machine does with this program.
namespace TinyTorrent.Commands;

static class BenchCommand
{
    public static readonly Command Command = new(
        "bench", "hash", "measure what this machine does with this program", MaxOperands: 1, [JsonEvents.Option], Run)
    {
        Details = "'bench hash' prints how fast SHA-1 and SHA-256 are on one core and in memory for each number of vector lanes.",
    };

    static ExitCode Run(Arguments arguments)
    {
        switch (arguments.Operand(0, "hash"))
        {
            case "hash":
                HashBenchmark.Run(JsonEvents.Create(arguments));
                return ExitCode.Done;
            case var other:
                throw Arguments.Usage($"there is no benchmark '{other}'; there is hash");
        }
    }
}
