// State files are replaced, never changed: written beside, synced, renamed over, the folder synced. Whatever stops the
// program in between, the old file or the new one is there whole; a full disk costs only the new one.
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

static class AtomicFile
{
    /// <summary>What is appended to the name while the new file is written. A leftover is harmless and replaced.</summary>
    public const string BesideSuffix = ".new";

    /// <param name="isPrivate">Nobody but the owner may read it.</param>
    /// <param name="isUsers">The folder is the user's: a file of the name beside is no leftover of ours, and stays.</param>
    public static DiskResult Write(string path, ReadOnlySpan<byte> content, bool isPrivate = false, bool isUsers = false)
    {
        byte[] bytes = content.ToArray();
        return Write(path, file => RandomAccess.Write(file, bytes, 0), isPrivate, isUsers);
    }

    /// <summary>Makes the folder if it is absent. Two writers of one path must not run at once.</summary>
    /// <param name="write">Writes the content; what it throws for the disk's sake becomes the result.</param>
    /// <param name="isPrivate">Nobody but the owner may read it.</param>
    public static DiskResult Write(string path, Action<SafeFileHandle> write, bool isPrivate = false, bool isUsers = false)
    {
        string beside = Beside(path, isUsers);
        bool isMade = false;
        try
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            Directory.CreateDirectory(folder);
            if (!isUsers) File.Delete(beside); // so that CreateNew holds: a link planted there is not written through
            using (SafeFileHandle file = File.OpenHandle(beside, FileMode.CreateNew, FileAccess.Write))
            {
                isMade = true;
                if (isPrivate && !OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                write(file);
                RandomAccess.FlushToDisk(file);
            }
            File.Move(beside, path, overwrite: true);
            return Disk.Native.SyncFolder(folder);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            if (isMade || !isUsers) TryDelete(beside);
            return DiskResult.From(e, path);
        }
    }

    /// <summary>Whether <see cref="Write(string, ReadOnlySpan{byte}, bool)"/> could make a file there, for a caller with much to do before.</summary>
    public static DiskResult Try(string path, bool isUsers = false)
    {
        try
        {
            string beside = Beside(path, isUsers);
            if (!isUsers) File.Delete(beside);
            using SafeFileHandle file = File.OpenHandle(beside, FileMode.CreateNew, FileAccess.Write, FileShare.Read, FileOptions.DeleteOnClose);
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, path);
        }
    }

    static string Beside(string path, bool isUsers)
    {
        string beside = path + BesideSuffix;
        for (int next = 2; isUsers && (Path.Exists(beside) || Disk.IsLink(beside)); next++) beside = path + BesideSuffix + next;
        return beside;
    }

    static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            // The caller hears of the fault that came first; a leftover does no harm.
        }
    }
}
