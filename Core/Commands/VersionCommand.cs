using System.Reflection;

namespace TinyTorrent.Commands;

static class VersionCommand
{
    public static readonly Command Command = new("version", "", "print the version", MaxOperands: 0, [], Run);

    static ExitCode Run(Arguments arguments)
    {
        Console.Out.WriteLine($"tinytorrent {typeof(VersionCommand).Assembly.GetName().Version!.ToString(3)}");
        return ExitCode.Done;
    }
}
