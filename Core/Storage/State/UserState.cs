namespace TinyTorrent.Storage;

/// <summary>Where the program keeps what it remembers for a user between starts: where the XDG rules put state.</summary>
static class UserState
{
    /// <summary>What HOME is set to where there is no home: nothing can exist beneath it.</summary>
    public const string NoHome = "/dev/null";

    /// <summary>A folder there, which may not exist yet; null if the user has no home.</summary>
    public static string? Folder(string name)
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (!Path.IsPathRooted(state)) // relative ones are to be ignored
        {
            string home = Environment.GetFolderPath(OperatingSystem.IsWindows() ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile);
            if (home is "" or NoHome) return null;
            state = OperatingSystem.IsWindows() ? home : Path.Combine(home, ".local", "state");
        }
        // What is not UTF-8 comes in with U+FFFD in it, and would have another folder made.
        return state!.Contains('\uFFFD', StringComparison.Ordinal) ? null : Path.Combine(state, "tinytorrent", name);
    }
}
