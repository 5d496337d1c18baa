// State files are replaced, never changed: written beside, synced, renamed over, the folder synced. Whatever stops the
// program in between, the old file or the new one is there whole; a full disk costs only the new one.
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

static class AtomicFile
{
    /// <summary>What is appended to the name while the new file is written. A leftover is harmless and replaced.</summary>
    public const string BesideSuffix = ".new";

    /// <summary>Makes the folder if it is absent. Two writers of one path must not run at once.</summary>
    public static DiskResult Write(string path, ReadOnlySpan<byte> content)
    {
        string beside = path + BesideSuffix;
        try
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            Directory.CreateDirectory(folder);
            File.Delete(beside); // so that CreateNew holds: a link planted there is not written through
            using (SafeFileHandle file = File.OpenHandle(beside, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, content, 0);
                RandomAccess.FlushToDisk(file);
            }
            File.Move(beside, path, overwrite: true);
            return Disk.Native.SyncFolder(folder);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            TryDelete(beside);
            return DiskResult.From(e, path);
        }
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
