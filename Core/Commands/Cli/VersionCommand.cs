namespace TinyTorrent.Commands;

static class VersionCommand
{
    public static readonly Command Command = new("version", "", "print the version", MaxOperands: 0, [], Run);

    public static string Version => typeof(VersionCommand).Assembly.GetName().Version!.ToString(3);

    static ExitCode Run(Arguments arguments)
    {
        Console.Out.WriteLine($"tinytorrent {Version}");
        return ExitCode.Done;
    }
}
