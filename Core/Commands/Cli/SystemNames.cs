// Arguments and paths as the system hands them over are bytes; a string holds only those that are UTF-8. Others come in with
// U+FFFD in place of what does not fit, and would name another file, or a folder to be made. They are refused.
using System.Text.Unicode;

namespace TinyTorrent.Commands;

static class SystemNames
{
    const char Replacement = '\uFFFD';

    /// <summary>True unless the text stands for bytes that are not UTF-8.</summary>
    public static bool IsFaithful(string text) => !text.Contains(Replacement, StringComparison.Ordinal);

    /// <summary>Refuses arguments that are not UTF-8.</summary>
    public static void RequireArguments(string[] arguments)
    {
        string? doubtful = Array.Find(arguments, argument => !IsFaithful(argument));
        // U+FFFD may also be what was typed; the system knows.
        if (doubtful is not null && !AreUtf8("/proc/self/cmdline"))
            throw Arguments.Usage($"the argument '{doubtful}' is not UTF-8: rename the file or folder, or use a link to it with another name");
    }

    /// <summary>Refuses to work in a folder whose name is not UTF-8, where a relative path would lead somewhere else.</summary>
    public static void RequireCurrentFolder()
    {
        if (!IsFaithful(Environment.CurrentDirectory))
            throw new CommandException(ExitCode.Disk, $"the current folder, {Environment.CurrentDirectory}, has a name that is not UTF-8: start it in another folder, and give the paths in full");
    }

    static bool AreUtf8(string path)
    {
        try { return Utf8.IsValid(File.ReadAllBytes(path)); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return false; } // not on this system: rather refused
    }
}
