namespace TinyTorrent.Commands;

static class HelpCommand
{
    public static readonly Command Command = new("help", "[COMMAND]", "explain a command, or list them all", MaxOperands: 1, [], Run);

    static ExitCode Run(Arguments arguments)
    {
        Console.Out.Write(arguments.Operands.Count == 0 ? HelpText.Overview() : HelpText.For(CommandTable.Find(arguments.Operands[0])));
        return ExitCode.Done;
    }
}
