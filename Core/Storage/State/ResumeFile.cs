// The file that ResumeCodec writes and reads, one for each torrent. Saved at a checkpoint, after PieceStore.Flush.
// A file whose length or time differs at loading is not trusted: all pieces that touch it are left out and must be hashed
// again, not fetched again. That is also what becomes of a file that went on being written after the last checkpoint when
// the program is killed: it costs time, never data. Not thread-safe.
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class ResumeFile(string path, InfoHash infoHash, Geometry geometry, PieceStore store)
{
    /// <summary>Bytes. Over what the largest torrent needs; a file that grew without bound is not read.</summary>
    const int MaxSize = 64 << 20;

    readonly ResumeCodec _codec = new(infoHash, geometry, store.Files);

    /// <summary>Replaces the file.</summary>
    /// <param name="state">As it stood before a <see cref="PieceStore.Flush"/> that has succeeded since: what is listed
    /// must be on disk.</param>
    /// <param name="stamps">Of the files, older than <paramref name="state"/>: a piece that came in between is found again
    /// because its files have changed.</param>
    public DiskResult Save(ResumeState state, FileStamp[] stamps)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Disk.IsLink(folder)
            ? new DiskResult(DiskFault.Permission, folder, DiskResult.LinkRefused)
            : AtomicFile.Write(path, _codec.Write(state, stamps).Span);
    }

    /// <summary>Null if there is nothing to go by; <paramref name="reason"/> says why, for the log.</summary>
    public ResumeState? Load(out string? reason)
    {
        byte[] bytes;
        try
        {
            long length = FileStamp.Of(path).Length;
            if (length <= 0) // a named pipe has no length, and would be waited for
            {
                reason = "there is no resume file";
                return null;
            }
            if (length > MaxSize)
            {
                reason = "the resume file is too large";
                return null;
            }
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            reason = e.Message;
            return null;
        }
        return _codec.Parse(bytes, store.Stamps(), out reason);
    }
}
