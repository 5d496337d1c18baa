// Which files a download has made, noted when each is made and before its first byte: after a crash the resume file is older
// than they are, and nothing else tells a file of ours that has no whole piece from one that the user has put there since.
//   index of the file 4 bytes | inode 8 | time of birth 8, big-endian, a record each; appended, never changed
// Untrusted input like every state file: a record that names another file on disk makes nothing ours. One writer at a time.
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

/// <param name="root">The output folder.</param>
/// <param name="beneath">The record's path beneath it; links on the way are not followed.</param>
sealed class MadeFiles(string root, string beneath, Disk disk)
{
    const int RecordSize = 20;

    /// <summary>Bytes. More records than a torrent can have files; a file that grew without bound is not read.</summary>
    const int MaxSize = 64 << 20;

    readonly Dictionary<int, FileMark> _known = [];
    bool _noted; // since the last Sync

    /// <summary>What an earlier run has noted. Nothing is known where it cannot be read.</summary>
    public void Load()
    {
        if (!disk.Open(root, beneath, OpenFor.Reading, out SafeFileHandle? file).IsOk) return;
        using (file)
        {
            try
            {
                byte[] bytes = new byte[Math.Min(RandomAccess.GetLength(file!), MaxSize)];
                ReadOnlySpan<byte> records = bytes.AsSpan(0, RandomAccess.Read(file!, bytes, 0));
                for (; records.Length >= RecordSize; records = records[RecordSize..])
                {
                    _known[BinaryPrimitives.ReadInt32BigEndian(records)] =
                        new FileMark(BinaryPrimitives.ReadUInt64BigEndian(records[4..]), BinaryPrimitives.ReadInt64BigEndian(records[12..]));
                }
            }
            catch (Exception e) when (DiskResult.IsDisk(e)) { } // what is not known to be ours is not touched
        }
    }

    /// <summary>True if the file at the path is the one that was made.</summary>
    public bool Holds(int file, string path) => _known.TryGetValue(file, out FileMark mark) && mark == disk.MarkOf(path);

    public DiskResult Note(int file, FileMark mark)
    {
        DiskResult result = disk.Open(root, beneath, OpenFor.Writing | OpenFor.Creating, out SafeFileHandle? record);
        if (!result.IsOk) return result;
        using (record)
        {
            Span<byte> bytes = stackalloc byte[RecordSize];
            BinaryPrimitives.WriteInt32BigEndian(bytes, file);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[4..], mark.Inode);
            BinaryPrimitives.WriteInt64BigEndian(bytes[12..], mark.Born);
            try
            {
                // A full disk may have left a part of a record.
                RandomAccess.Write(record!, bytes, RandomAccess.GetLength(record!) / RecordSize * RecordSize);
            }
            catch (Exception e) when (DiskResult.IsDisk(e))
            {
                return DiskResult.From(e, Path.Combine(root, beneath));
            }
        }
        _known[file] = mark;
        Volatile.Write(ref _noted, true);
        return DiskResult.Ok;
    }

    /// <summary>Returns when what was noted would survive a power cut. Any thread.</summary>
    public DiskResult Sync()
    {
        if (!Interlocked.Exchange(ref _noted, false)) return DiskResult.Ok;
        DiskResult result = disk.Open(root, beneath, OpenFor.Writing, out SafeFileHandle? record);
        if (result.Fault == DiskFault.Missing) return DiskResult.Ok; // somebody took it away: what is made later is noted again
        using (record) return result.IsOk ? disk.Sync(record!) with { Path = Path.Combine(root, beneath) } : result;
    }
}
