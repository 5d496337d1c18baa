// argv -> command -> exit code.
using TinyTorrent.Commands;

StandardStreams.Install();
// A fault on another thread would end the process with a stack trace and a core dump.
AppDomain.CurrentDomain.UnhandledException += (_, fault) => Environment.Exit((int)Failure.Report((Exception)fault.ExceptionObject));

if (args.Length == 0)
{
    Console.Error.Write(HelpText.Usage());
    return (int)ExitCode.Usage;
}

Command? command = null;
Arguments? arguments = null;
try
{
    command = args[0] switch
    {
        "--help" or "-h" => HelpCommand.Command,
        "--version" or "-V" => VersionCommand.Command,
        var name => CommandTable.Find(name),
    };
    if (!Arguments.AskForHelp(args.AsSpan(1))) arguments = Arguments.Parse(command, args.AsSpan(1));
    if (arguments?.Has("--help") == false) return (int)command.Run(arguments);
    Console.Out.Write(HelpText.For(command));
    return (int)ExitCode.Done;
}
catch (Exception e) // every kind has its exit code
{
    return (int)Failure.Report(e, command, arguments);
}
