// Keeps two processes out of one folder: a file in it that is open and locked for as long as one of them uses the folder. The
// lock is the system's (flock; on Windows the open file itself), so it goes with the process however that ends. The file
// stays behind: who removed it could remove one that another process has locked by then. A file system that knows no locks
// keeps nobody apart.
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

/// <summary>Holds the folder until it is disposed.</summary>
sealed class FolderLock : IDisposable
{
    const string Name = "lock";

    /// <summary>What a lock of somebody else's is reported as: EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION.</summary>
    const int LinuxBusy = 11, MacBusy = 35, WindowsBusy = unchecked((int)0x80070020);

    readonly SafeFileHandle _file;

    FolderLock(SafeFileHandle file) => _file = file;

    /// <summary>Makes the folder if it is absent; changes nothing in it that another process uses.</summary>
    /// <param name="busy">What to say of a folder that is in use.</param>
    /// <param name="held">Null unless the result is fine.</param>
    public static DiskResult Take(string folder, string busy, out FolderLock? held)
    {
        held = null;
        try
        {
            Directory.CreateDirectory(folder);
            held = new FolderLock(File.OpenHandle(Path.Combine(folder, Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            return DiskResult.Ok;
        }
        catch (IOException e) when (e.HResult == (OperatingSystem.IsWindows() ? WindowsBusy : OperatingSystem.IsLinux() ? LinuxBusy : MacBusy))
        {
            return new DiskResult(DiskFault.Permission, folder, busy);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, folder);
        }
    }

    public void Dispose() => _file.Dispose();
}
