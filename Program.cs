// argv -> command -> exit code. The only place that turns an exception into a line on stderr.
using TinyTorrent.Commands;

StandardStreams.Install();
string name = args.Length == 0 ? "help" : args[0];
Command? command = Array.Find(CommandTable.All, c => c.Name == name);
try
{
    if (command is null) throw Arguments.Usage($"unknown command '{name}'");
    return (int)command.Run(Arguments.Parse(command, args.AsSpan(1)));
}
catch (CommandException e)
{
    Console.Error.WriteLine($"tinytorrent: {e.Message}");
    return (int)e.Code;
}
