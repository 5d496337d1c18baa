// argv -> command -> exit code.
using TinyTorrent.Commands;
using TinyTorrent.Net;
using TinyTorrent.Storage;

StandardStreams.Install();
ProcessLimits.IgnoreSignals();
LinuxSockets.RaiseDescriptorLimit();
// The BCL reads certificates a user trusts from under the home folder; if nobody can tell where that is, as in an empty root
// without /etc/passwd, every TLS connection fails. Services and cron have no HOME, but a user
// who is in the password database has one there.
if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("HOME")))
    Environment.SetEnvironmentVariable("HOME", Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 1 } home ? home : UserState.NoHome); // "/": it does not know
// A fault on another thread would end the process with a stack trace and a core dump.
AppDomain.CurrentDomain.UnhandledException += (_, fault) => Environment.Exit((int)Failure.End((Exception)fault.ExceptionObject));

if (args.Length == 0)
{
    Console.Error.Write(HelpText.Usage());
    return (int)ExitCode.Usage;
}

Command? command = null;
Arguments? arguments = null;
try
{
    SystemNames.RequireArguments(args);
    command = args[0] switch
    {
        "--help" or "-h" => HelpCommand.Command,
        "--version" or "-V" => VersionCommand.Command,
        var name => CommandTable.Find(name),
    };
    if (!Arguments.AskForHelp(args.AsSpan(1))) arguments = Arguments.Parse(command, args.AsSpan(1));
    if (arguments?.Has("--help") == false)
    {
        if (command.TakesPaths) SystemNames.RequireCurrentFolder();
        ProcessLimits.Require();
        return (int)command.Run(arguments);
    }
    Console.Out.Write(HelpText.For(command));
    return (int)ExitCode.Done;
}
catch (Exception e) // every kind has its exit code
{
    return (int)Failure.End(e, command, arguments);
}
