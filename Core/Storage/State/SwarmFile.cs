// The file `swarms` in a tracker's state folder: the last complete snapshot, replaced as a whole (AtomicFile), so that a
// kill or a full disk leaves the one before. Read and written a block at a time: memory does not grow with the tracker.
// Time between saving and loading is taken from the wall clock, the only one that outlives a process; one that was set
// back counts as no time. Save is for one thread at a time; announces go on meanwhile.
using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TinyTorrent.Tracker;

namespace TinyTorrent.Storage;

/// <param name="folder">The state folder.</param>
sealed class SwarmFile(string folder)
{
    const string Name = "swarms", BrokenSuffix = ".broken";

    /// <summary>A block is written once it has this many bytes.</summary>
    const int BlockSize = 128 * 1024;

    /// <summary>Kept, because a new one every minute would be garbage of this size every minute.</summary>
    readonly ArrayBufferWriter<byte> _records = new();

    readonly string _path = System.IO.Path.Combine(folder, Name);

    /// <param name="clock">The tracker's time.</param>
    /// <param name="wall">The wall clock's.</param>
    public DiskResult Save(SwarmStore store, Func<TimeSpan> clock, DateTimeOffset wall) =>
        AtomicFile.Write(_path, file => Write(file, store, clock, wall.ToUnixTimeMilliseconds(), _records), isPrivate: true); // which address downloads what

    static void Write(SafeFileHandle file, SwarmStore store, Func<TimeSpan> clock, long savedAt, ArrayBufferWriter<byte> records)
    {
        Span<byte> header = stackalloc byte[SwarmSnapshot.HeaderSize];
        SwarmSnapshot.WriteHeader(header, new SnapshotHeader(savedAt, store.AgeUnit));
        RandomAccess.Write(file, header, 0);
        long at = header.Length;
        int block = 0;
        records.ResetWrittenCount();
        var walk = new SwarmStore.Walk(store);
        while (walk.Step(clock(), records))
        {
            if (records.WrittenCount < BlockSize) continue;
            WriteBlock(records.WrittenSpan);
            records.ResetWrittenCount();
        }
        if (records.WrittenCount > 0) WriteBlock(records.WrittenSpan);
        WriteBlock(default);

        void WriteBlock(ReadOnlySpan<byte> content)
        {
            Span<byte> number = stackalloc byte[SwarmSnapshot.CheckSize];
            BinaryPrimitives.WriteInt32LittleEndian(number, content.Length);
            RandomAccess.Write(file, number[..SwarmSnapshot.LengthSize], at);
            RandomAccess.Write(file, content, at += SwarmSnapshot.LengthSize);
            BinaryPrimitives.WriteUInt64LittleEndian(number, SwarmSnapshot.Check(savedAt, block++, content));
            RandomAccess.Write(file, number, at += content.Length);
            at += SwarmSnapshot.CheckSize;
        }
    }

    /// <summary>
    /// Fills the store with what was saved. Makes the folder if it is absent. A broken file is set aside; what stands in front of
    /// the fault is used. Tries whether a file can be made beside it, so that a folder where nothing can be saved is found at
    /// the start and not when the first minute is lost.
    /// </summary>
    /// <param name="warning">What was wrong with the file, or null.</param>
    /// <returns>A fault of the disk: then nothing may be saved over what could not be read. A full disk is none, as it may have room later.</returns>
    public DiskResult Load(SwarmStore store, TimeSpan now, DateTimeOffset wall, out string? warning)
    {
        warning = null;
        try
        {
            Directory.CreateDirectory(folder);
            if (TryWrite() is { IsOk: false, Fault: not DiskFault.Full } unwritable) return unwritable;
            if (!File.Exists(_path)) return DiskResult.Ok;
            using (FileStream file = new(_path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
                if (Read(file, store, now, wall.ToUnixTimeMilliseconds()) is not { } reason) return DiskResult.Ok;
                else warning = $"{_path}: {reason}; set aside as {Name}{BrokenSuffix}";
            File.Move(_path, _path + BrokenSuffix, overwrite: true);
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, _path);
        }
    }

    DiskResult TryWrite() => Directory.Exists(_path) ? new DiskResult(DiskFault.Io, _path, "it is a folder, and the swarms are to be saved there") : AtomicFile.Try(_path);

    /// <returns>What is wrong with the file, or null.</returns>
    static string? Read(FileStream file, SwarmStore store, TimeSpan now, long wall)
    {
        const string cut = "it ends too early";
        byte[] buffer = new byte[SwarmSnapshot.HeaderSize];
        if (!TryFill(file, buffer)) return cut;
        if (!SwarmSnapshot.TryReadHeader(buffer, out SnapshotHeader header, out string? reason)) return reason;
        double since = Math.Max(0, (double)wall - header.SavedAt); // as numbers of any size: the file names one of them
        TimeSpan silence = TimeSpan.FromMilliseconds(Math.Min(since, TimeSpan.FromDays(3650).TotalMilliseconds));
        for (int block = 0; ; block++)
        {
            if (!TryFill(file, buffer.AsSpan(0, SwarmSnapshot.LengthSize))) return cut;
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(buffer);
            if (length > SwarmSnapshot.MaxBlock) return "a block is too long";
            int whole = (int)length + SwarmSnapshot.CheckSize;
            if (buffer.Length < whole) buffer = new byte[whole];
            if (!TryFill(file, buffer.AsSpan(0, whole))) return cut;
            ReadOnlySpan<byte> records = buffer.AsSpan(0, (int)length);
            if (BinaryPrimitives.ReadUInt64LittleEndian(buffer.AsSpan((int)length)) != SwarmSnapshot.Check(header.SavedAt, block, records)) return "a block is damaged";
            if (length == 0) return file.Position == file.Length ? null : "it goes on behind its end";
            while (records.Length > 0)
            {
                if (!SwarmSnapshot.TryReadRecord(ref records, out SwarmRecord record)) return "a record is wrong";
                store.Restore(record, header.AgeUnit, silence, now);
            }
        }
    }

    static bool TryFill(FileStream file, Span<byte> buffer) => file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) == buffer.Length;
}
