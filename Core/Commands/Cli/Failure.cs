// The only place that turns an exception into an exit code and a line on stderr: `tinytorrent: what failed: why`.
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class Failure
{
    /// <summary>As a program that SIGPIPE ended: the reader of stdout had enough, which deserves no message.</summary>
    const ExitCode OutputClosed = (ExitCode)141;

    /// <summary>Reports it. Without memory or threads this is the end of the process: an orderly one would wait for what cannot start.</summary>
    public static ExitCode End(Exception exception, Command? command = null, Arguments? arguments = null)
    {
        ExitCode code = Report(exception, command, arguments);
        if (exception.GetBaseException() is OutOfMemoryException) ProcessLimits.ExitAtOnce(code);
        return code;
    }

    /// <summary>What the framework has wrapped.</summary>
    static Exception Cause(Exception exception)
    {
        while (exception is AggregateException or TypeInitializationException && exception.InnerException is { } inner) exception = inner;
        return exception;
    }

    /// <param name="command">The command that ran, or null if it did not come so far.</param>
    /// <param name="arguments">Its arguments, or null if they could not be read.</param>
    public static ExitCode Report(Exception exception, Command? command = null, Arguments? arguments = null)
    {
        exception = Cause(exception);
        if (exception is OutputException { Closed: true }) return OutputClosed;

        (ExitCode code, string message) = Explain(exception);
        message = Display.Safe(message);
        Console.Error.WriteLine("tinytorrent: " + (code, command) switch
        {
            (ExitCode.Usage, null) => $"{message} (see 'tinytorrent help')",
            (ExitCode.Usage, _) => $"{command.Name}: {message} (see 'tinytorrent help {command.Name}')",
            _ => message,
        });
        if (arguments?.Count("--verbose") >= 2) Console.Error.WriteLine(Display.SafeLines(exception.ToString()));
        if (arguments?.Has("--json") == true && exception is not OutputException) WriteEvent(code, message);
        return code;
    }

    /// <summary>What the user should read of it.</summary>
    public static (ExitCode Code, string Message) Explain(Exception exception) => exception switch
    {
        CommandException e => (e.Code, e.Message),
        FormatException e => (ExitCode.BadInput, e.Message),
        OutputException e => (ExitCode.Disk, e.Message),
        IOException or UnauthorizedAccessException => (ExitCode.Disk, Disk(exception, PathIn(exception.Message)).Message),
        OperationCanceledException { InnerException: not TimeoutException } => (ExitCode.Interrupted, "interrupted"),
        OutOfMemoryException => (ExitCode.Failed, "the system gives no more memory or threads (ulimit -v and -u, or a container's limits)"),
        _ => (ExitCode.Failed, $"unexpected failure: {exception.Message} (-vv shows where)"),
    };

    /// <summary>A fault of the file system as the user should read it: <c>photos/a.jpg: permission denied</c>.</summary>
    public static CommandException Disk(Exception fault, string path)
    {
        string reason = fault switch
        {
            DirectoryNotFoundException => "no such folder",
            // opening a folder as a file is reported as a lack of permission
            UnauthorizedAccessException when Directory.Exists(path) && !File.Exists(path) => "a folder, or permission denied",
            _ => SystemMessage.Phrase(fault.Message),
        };
        return new CommandException(ExitCode.Disk, path.Length == 0 ? reason : $"{path}: {reason}");
    }

    public static CommandException Disk(DiskResult fault) => new(ExitCode.Disk, fault.ToString());

    /// <summary>The path the framework put between quotes, or "".</summary>
    static string PathIn(string message)
    {
        int open = message.IndexOf('\'', StringComparison.Ordinal), close = message.LastIndexOf('\'');
        return open < close ? message[(open + 1)..close] : "";
    }

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
