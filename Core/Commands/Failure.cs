// The only place that turns an exception into an exit code and a line on stderr: `tinytorrent: what failed: why`.
namespace TinyTorrent.Commands;

static class Failure
{
    /// <summary>As a program that SIGPIPE ended: the reader of stdout had enough, which deserves no message.</summary>
    const ExitCode OutputClosed = (ExitCode)141;

    /// <param name="command">The command that ran, or null if it did not come so far.</param>
    /// <param name="arguments">Its arguments, or null if they could not be read.</param>
    public static ExitCode Report(Exception exception, Command? command = null, Arguments? arguments = null)
    {
        if (exception is AggregateException { InnerException: { } inner }) exception = inner;
        if (exception is OutputException { Closed: true }) return OutputClosed;

        (ExitCode code, string message) = Explain(exception);
        message = Display.Safe(message);
        if (code == ExitCode.Usage)
            message = command is null ? $"{message} (see 'tinytorrent help')" : $"{command.Name}: {message} (see 'tinytorrent help {command.Name}')";
        Console.Error.WriteLine($"tinytorrent: {message}");
        if (arguments?.Count("--verbose") >= 2) Console.Error.WriteLine(exception);
        if (arguments?.Has("--json") == true && exception is not OutputException) WriteEvent(code, message);
        return code;
    }

    static (ExitCode Code, string Message) Explain(Exception exception) => exception switch
    {
        CommandException e => (e.Code, e.Message),
        FormatException e => (ExitCode.BadInput, e.Message),
        FileNotFoundException { FileName: { } file } => (ExitCode.Disk, $"{file}: no such file"),
        IOException or UnauthorizedAccessException => (ExitCode.Disk, exception.Message.TrimEnd('.')),
        OperationCanceledException { InnerException: not TimeoutException } => (ExitCode.Interrupted, "interrupted"),
        _ => (ExitCode.Failed, $"unexpected failure: {exception.GetType().Name}: {exception.Message} (-vv shows where)"),
    };

    static void WriteEvent(ExitCode code, string message)
    {
        try
        {
            new JsonEvents(StandardStreams.Output).Write("error", json =>
            {
                json.WriteNumber("code", (int)code);
                json.WriteString("message", message);
            });
        }
        catch (OutputException)
        {
            // The line on stderr has said it already.
        }
    }
}
