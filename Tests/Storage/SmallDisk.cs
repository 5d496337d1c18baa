// A tmpfs of a given size, for tests of full and read-only disks; only root may mount one.
using System.Diagnostics;

namespace TinyTorrent.Tests.Storage;

sealed class SmallDisk : IDisposable
{
    SmallDisk(string path) => Path = path;

    public string Path { get; }

    /// <summary>Null, and the reason, where it cannot be had.</summary>
    public static SmallDisk? TryMount(string path, int size, out string reason)
    {
        reason = "mounting a tmpfs needs root on Linux";
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root") return null;
        Directory.CreateDirectory(path);
        reason = Run("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", path);
        return reason.Length == 0 ? new SmallDisk(path) : null;
    }

    public void MakeReadOnly() => Assert.Equal("", Run("mount", "-o", "remount,ro", Path));

    public void Dispose() => Run("umount", "-l", Path);

    static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? "" : $"{program}: {error.Trim()} (exit {process.ExitCode})";
    }
}
