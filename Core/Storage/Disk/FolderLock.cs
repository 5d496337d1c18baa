// Keeps two processes out of one folder, or out of one download in it: a file that is open and locked for as long as one of
// them uses it. The lock is the system's (flock; on Windows the open file itself), so it goes with the process however that
// ends. A file system that knows no locks keeps nobody apart.
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

/// <summary>Holds the folder until it is disposed.</summary>
sealed class FolderLock : IDisposable
{
    const string Name = "lock";

    /// <summary>What a lock of somebody else's is reported as: EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION.</summary>
    const int LinuxBusy = 11, MacBusy = 35, WindowsBusy = unchecked((int)0x80070020);

    readonly SafeFileHandle _file;
    readonly string? _removed; // when it is let go

    FolderLock(SafeFileHandle file, string? removed) => (_file, _removed) = (file, removed);

    /// <summary>Makes the folder if it is absent; changes nothing in it that another process uses.</summary>
    /// <param name="busy">What to say of a folder that is in use.</param>
    /// <param name="held">Null unless the result is fine.</param>
    public static DiskResult Take(string folder, string busy, out FolderLock? held) =>
        Take(folder, Path.Combine(folder, Name), busy, removes: false, out held);

    /// <summary>The same for a part of the folder that has a lock file of its own, which goes when it is let go, and the folder
    /// with it if nothing else is there.</summary>
    public static DiskResult TakeFile(string path, string busy, out FolderLock? held) =>
        Take(Path.GetDirectoryName(path)!, path, busy, removes: true, out held);

    static DiskResult Take(string folder, string path, string busy, bool removes, out FolderLock? held)
    {
        held = null;
        try
        {
            if (removes && Disk.IsLink(folder)) return new DiskResult(DiskFault.Permission, folder, DiskResult.LinkRefused);
            while (true)
            {
                Directory.CreateDirectory(folder);
                if (removes && Disk.IsLink(path)) return new DiskResult(DiskFault.Permission, path, DiskResult.LinkRefused);
                SafeFileHandle file;
                try
                {
                    file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                }
                catch (DirectoryNotFoundException) when (removes)
                {
                    continue; // another process has removed the folder meanwhile
                }
                // Its last holder may have removed it after it was opened here: then it keeps nobody out.
                if (!removes || Disk.Native.MarkOf(file) == Disk.Native.MarkOf(path))
                {
                    held = new FolderLock(file, removes ? path : null);
                    return DiskResult.Ok;
                }
                file.Dispose();
            }
        }
        catch (IOException e) when (e.HResult == (OperatingSystem.IsWindows() ? WindowsBusy : OperatingSystem.IsLinux() ? LinuxBusy : MacBusy))
        {
            return new DiskResult(DiskFault.Busy, folder, busy);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, folder);
        }
    }

    public void Dispose()
    {
        if (_file.IsClosed) return;
        try
        {
            if (_removed is not null) // while it is locked: nobody else can hold it
            {
                File.Delete(_removed);
                Directory.Delete(Path.GetDirectoryName(_removed)!);
            }
        }
        catch (Exception e) when (DiskResult.IsDisk(e)) { } // others use the folder, and a leftover keeps nobody out
        _file.Dispose();
    }
}
