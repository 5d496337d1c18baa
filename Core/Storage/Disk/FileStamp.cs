// How we recognise that a file is as we left it. A change that keeps both length and time of modification goes unseen,
// as in every program that trusts them (make, rsync).
namespace TinyTorrent.Storage;

/// <param name="Length">Bytes; -1 if there is no such file.</param>
/// <param name="Modified">Time of modification in ticks of 100 ns, UTC.</param>
readonly record struct FileStamp(long Length, long Modified)
{
    public static FileStamp Absent => new(-1, 0);

    /// <summary>The stamp of a path; absent if it is no regular file or cannot be looked at.</summary>
    public static FileStamp Of(string path)
    {
        try
        {
            var info = new FileInfo(path);
            return info.Exists && !info.Attributes.HasFlag(FileAttributes.ReparsePoint)
                ? new FileStamp(info.Length, info.LastWriteTimeUtc.Ticks)
                : Absent;
        }
        catch (Exception e) when (DiskResult.IsDisk(e)) // a file that vanished between two looks, a folder without permission
        {
            return Absent;
        }
    }
}
