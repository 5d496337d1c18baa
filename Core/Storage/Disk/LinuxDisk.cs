// File calls straight to Linux (64-bit): openat for a walk beneath the root in which no component can be exchanged for a
// link between check and use, preadv/pwritev for many blocks in one call without allocating, fdatasync.
// Modes are 0777 and 0666 less the umask, like any other program's files.
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

sealed unsafe partial class LinuxDisk : Disk
{
    const int ReadOnly = 0, ReadWrite = 2, Create = 0x40, Exclusive = 0x80, NonBlocking = 0x800, CloseOnExec = 0x80000, PathOnly = 0x200000;
    const int Here = -100; // AT_FDCWD
    // statx, unlike stat, has one layout on all architectures: links at 16, mode at 28, inode at 32, birth at 80, device at 136.
    const int StatusSize = 256, NoFollowStatus = 0x100, ThisFile = 0x1000;
    const uint StatusType = 1, StatusLinks = 4, StatusInode = 0x100, StatusBirth = 0x800;
    const int Interrupted = 4, NoEntry = 2, AlreadyExists = 17, NotADirectory = 20, NameTooLong = 36;
    const int LongestPath = 4096; // with the slash between and the NUL at the end

    // Linux lets each architecture number these two its own way.
    static readonly bool OldArmNumbers = RuntimeInformation.ProcessArchitecture is
        Architecture.Arm or Architecture.Arm64 or Architecture.Armv6 or Architecture.Ppc64le;
    static readonly int Folder = OldArmNumbers ? 0x4000 : 0x10000;
    static readonly int NoFollow = OldArmNumbers ? 0x8000 : 0x20000;

    public override DiskResult Open(string root, string path, OpenFor purpose, out SafeFileHandle? handle)
    {
        handle = null;
        bool creating = (purpose & (OpenFor.Creating | OpenFor.New)) != 0;
        int noFollow = purpose.HasFlag(OpenFor.FollowLinks) ? 0 : NoFollow;

        // The walk could go deeper than any path reaches, to a file nobody could open afterwards.
        if (Encoding.UTF8.GetByteCount(root) + Encoding.UTF8.GetByteCount(path) + 2 > LongestPath)
            return DiskResult.FromErrno(NameTooLong, Join(root, path, 0));
        DiskResult result = OpenRoot(root, creating, out int folder);
        if (!result.IsOk) return result;
        try
        {
            ReadOnlySpan<char> rest = path;
            for (int slash; (slash = rest.IndexOf('/')) >= 0; rest = rest[(slash + 1)..])
            {
                int next = OpenFolder(folder, rest[..slash].ToString(), noFollow, creating, out result);
                if (next < 0) return result with { Path = Join(root, path, rest[slash..].Length) };
                _ = Close(folder);
                folder = next;
            }

            string name = rest.ToString();
            // Non-blocking, or a named pipe in the file's place would hold this thread for ever.
            int flags = noFollow | CloseOnExec | NonBlocking | (purpose.HasFlag(OpenFor.Writing) ? ReadWrite : ReadOnly)
                | (creating ? Create : 0) | (purpose.HasFlag(OpenFor.New) ? Exclusive : 0);
            int file = OpenAt(folder, name, flags, 0x1B6); // 0666
            if (file < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                return error == AlreadyExists && IsLinkAt(folder, name)
                    ? new DiskResult(DiskFault.Permission, Join(root, path, 0), DiskResult.LinkRefused)
                    : DiskResult.FromErrno(error, Join(root, path, 0));
            }
            if (!IsRegular(file, "", ThisFile))
            {
                _ = Close(file);
                return new(DiskFault.Io, Join(root, path, 0), "it is not a regular file");
            }
            if (purpose.HasFlag(OpenFor.Creating) && HasOtherNames(file))
            {
                _ = Close(file);
                return new(DiskFault.Permission, Join(root, path, 0), "it has another name (a hard link), and what is kept there would be written to that file, too");
            }
            handle = new SafeFileHandle(file, ownsHandle: true);
            return DiskResult.Ok;
        }
        finally
        {
            _ = Close(folder);
        }
    }

    public override DiskResult Read(SafeFileHandle file, Span<Stretch> into, long offset)
    {
        while (!into.IsEmpty)
        {
            nint done;
            fixed (Stretch* first = into) done = ReadV(file, first, into.Length, offset);
            if (done < 0)
            {
                if (Marshal.GetLastPInvokeError() == Interrupted) continue;
                return DiskResult.FromErrno(Marshal.GetLastPInvokeError());
            }
            if (done == 0) return EndsEarly(offset);
            offset += done;
            into = Advance(into, done);
        }
        return DiskResult.Ok;
    }

    public override DiskResult Write(SafeFileHandle file, Span<Stretch> from, long offset)
    {
        while (!from.IsEmpty)
        {
            nint done;
            fixed (Stretch* first = from) done = WriteV(file, first, from.Length, offset);
            if (done < 0)
            {
                if (Marshal.GetLastPInvokeError() == Interrupted) continue;
                return DiskResult.FromErrno(Marshal.GetLastPInvokeError());
            }
            offset += done;
            from = Advance(from, done);
        }
        return DiskResult.Ok;
    }

    public override DiskResult Sync(SafeFileHandle file) =>
        FDataSync(file) == 0 ? DiskResult.Ok : DiskResult.FromErrno(Marshal.GetLastPInvokeError());

    public override DiskResult SyncFolder(string folder)
    {
        int opened = OpenAt(Here, folder, Folder | CloseOnExec | ReadOnly, 0);
        if (opened < 0) return DiskResult.FromErrno(Marshal.GetLastPInvokeError(), folder);
        using var handle = new SafeFileHandle(opened, ownsHandle: true);
        return FSync(handle) == 0 ? DiskResult.Ok : DiskResult.FromErrno(Marshal.GetLastPInvokeError(), folder);
    }

    public override FileIdentity? IdentityOf(string path)
    {
        byte* status = stackalloc byte[StatusSize];
        if (StatX(Here, path, NoFollowStatus, StatusInode | StatusLinks, status) < 0) return null;
        uint links = *(uint*)(status + 16);
        return links > 1 ? null : new FileIdentity(*(ulong*)(status + 136), *(ulong*)(status + 32));
    }

    public override FileMark MarkOf(string path) => MarkOf(Here, path, NoFollowStatus);

    public override FileMark MarkOf(SafeFileHandle file) => MarkOf((int)file.DangerousGetHandle(), "", ThisFile);

    static FileMark MarkOf(int folder, string path, int flags)
    {
        byte* status = stackalloc byte[StatusSize];
        if (StatX(folder, path, flags, StatusInode | StatusBirth, status) < 0) return default;
        bool hasBirth = (*(uint*)status & StatusBirth) != 0;
        return new FileMark(*(ulong*)(status + 32), hasBirth ? *(long*)(status + 80) * 1_000_000_000 + *(uint*)(status + 88) : 0);
    }

    /// <summary>See <see cref="Disk.FileBehind"/>.</summary>
    public static FileIdentity? RegularFileBehind(string path)
    {
        byte* status = stackalloc byte[StatusSize];
        bool isRegular = StatX(Here, path, 0, StatusType | StatusInode, status) == 0 && (*(ushort*)(status + 28) & 0xF000) == 0x8000;
        return isRegular ? new FileIdentity(*(ulong*)(status + 136), *(ulong*)(status + 32)) : null;
    }

    // A pipe or a device that lies where content should be: written to, it would swallow every piece and fail each.
    public override bool IsRegular(string path) => IsRegular(Here, path, 0);

    static bool IsRegular(int folder, string path, int flags)
    {
        byte* status = stackalloc byte[StatusSize];
        // A sandbox may forbid the question; then the calls to come must tell.
        return StatX(folder, path, flags, StatusType, status) < 0 || (*(ushort*)(status + 28) & 0xF000) == 0x8000;
    }

    static bool HasOtherNames(int file)
    {
        byte* status = stackalloc byte[StatusSize];
        return StatX(file, "", ThisFile, StatusLinks, status) == 0 && *(uint*)(status + 16) > 1;
    }

    // The root and what is above it are the user's: made if absent, reached through links if need be.
    static DiskResult OpenRoot(string root, bool create, out int folder)
    {
        folder = OpenAt(Here, root, Folder | CloseOnExec | PathOnly, 0);
        if (folder < 0 && create && Marshal.GetLastPInvokeError() == NoEntry)
        {
            try
            {
                Directory.CreateDirectory(root);
            }
            catch (Exception e) when (DiskResult.IsDisk(e))
            {
                return DiskResult.From(e, root);
            }
            folder = OpenAt(Here, root, Folder | CloseOnExec | PathOnly, 0);
        }
        return folder < 0 ? DiskResult.FromErrno(Marshal.GetLastPInvokeError(), root) : DiskResult.Ok;
    }

    static int OpenFolder(int parent, string name, int noFollow, bool create, out DiskResult result)
    {
        result = DiskResult.Ok;
        int flags = Folder | CloseOnExec | PathOnly | noFollow;
        int opened = OpenAt(parent, name, flags, 0);
        if (opened >= 0) return opened;
        int error = Marshal.GetLastPInvokeError();
        if (error == NoEntry && create)
        {
            // Another thread may have made it meanwhile; what counts is that it can be opened as a folder afterwards.
            if (MakeFolderAt(parent, name, 0x1FF) < 0 && Marshal.GetLastPInvokeError() != AlreadyExists) // 0777
            {
                result = DiskResult.FromErrno(Marshal.GetLastPInvokeError());
                return -1;
            }
            opened = OpenAt(parent, name, flags, 0);
            if (opened >= 0) return opened;
            error = Marshal.GetLastPInvokeError();
        }

        // O_DIRECTORY wins over O_NOFOLLOW in what the kernel reports, so a link looks like any other non-folder.
        result = error == NotADirectory && IsLinkAt(parent, name)
            ? new DiskResult(DiskFault.Permission, null, DiskResult.LinkRefused)
            : DiskResult.FromErrno(error);
        return -1;
    }

    static bool IsLinkAt(int parent, string name)
    {
        byte target;
        return ReadLinkAt(parent, name, &target, 1) >= 0;
    }

    static Span<Stretch> Advance(Span<Stretch> stretches, nint done)
    {
        while (!stretches.IsEmpty && done >= stretches[0].Length)
        {
            done -= stretches[0].Length;
            stretches = stretches[1..];
        }
        if (done > 0) stretches[0] = stretches[0].From(done);
        return stretches;
    }

    static string Join(string root, string path, int without) => Path.Combine(root, path[..^without]);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int folder, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFolderAt(int folder, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint ReadLinkAt(int folder, string path, byte* target, nint size);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "preadv", SetLastError = true)]
    private static partial nint ReadV(SafeFileHandle file, Stretch* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    private static partial nint WriteV(SafeFileHandle file, Stretch* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
