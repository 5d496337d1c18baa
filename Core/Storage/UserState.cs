namespace TinyTorrent.Storage;

/// <summary>Where the program keeps what it remembers for a user between starts: where the XDG rules put state.</summary>
static class UserState
{
    /// <summary>A folder there, which may not exist yet; null if the user has no home.</summary>
    public static string? Folder(string name)
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (!Path.IsPathRooted(state)) // relative ones are to be ignored
        {
            string home = Environment.GetFolderPath(OperatingSystem.IsWindows() ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile);
            if (home.Length == 0 || home.Contains('\uFFFD', StringComparison.Ordinal)) return null; // not UTF-8: another folder would be made
            state = OperatingSystem.IsWindows() ? home : Path.Combine(home, ".local", "state");
        }
        return Path.Combine(state!, "tinytorrent", name);
    }
}
