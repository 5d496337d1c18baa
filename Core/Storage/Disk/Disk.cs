// The few file calls the store needs, under two implementations: LinuxDisk (system calls, one per vectored transfer,
// nothing allocated, a walk that cannot be raced) and PortableDisk (the BCL alone). Both pass the same tests.
// Stateless; any thread may call. Results carry no path when only a handle is known: the store adds it.
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

[Flags]
enum OpenFor
{
    Reading = 0,
    /// <summary>Also for reading.</summary>
    Writing = 1,
    /// <summary>For state: the file and the folders above it are made when absent, and a hard link to a file of somebody's is a
    /// fault where the system tells; with <see cref="Writing"/>.</summary>
    Creating = 2,
    /// <summary>Links beneath the root are the user's own and are followed.</summary>
    FollowLinks = 4,
    /// <summary>As <see cref="Creating"/>, and <see cref="DiskFault.Occupied"/> if anything of that name exists.</summary>
    New = 8,
}

/// <summary>One stretch of pinned memory; laid out like <c>struct iovec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
readonly unsafe struct Stretch(byte* at, nint length)
{
    public readonly byte* At = at;
    public readonly nint Length = length;

    public Stretch From(nint skip) => new(At + skip, Length - skip);
    public Stretch Upto(nint length) => new(At, length);
    public void Clear() => new Span<byte>(At, (int)Length).Clear();
}

/// <summary>Device and inode.</summary>
readonly record struct FileIdentity(ulong Device, ulong Inode);

/// <summary>What tells a file from a later one of the same name: the device's number may change when it is mounted again, and
/// an inode is used again, but not with the same time of birth.</summary>
/// <param name="Born">In ns since 1970; 0 where the file system does not note it.</param>
readonly record struct FileMark(ulong Inode, long Born);

abstract class Disk
{
    public static Disk Portable { get; } = new PortableDisk();

    // 32-bit systems have two sizes of off_t and two names for each call; the portable calls know which.
    public static Disk Native { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess ? new LinuxDisk() : Portable;

    /// <summary>Opens <paramref name="path"/> one component at a time beneath <paramref name="root"/>.</summary>
    /// <param name="root">Trusted: the user named it, links in it are followed.</param>
    /// <param name="path">Untrusted, '/' between components, none of them empty, "." or "..".</param>
    public abstract DiskResult Open(string root, string path, OpenFor purpose, out SafeFileHandle? handle);

    /// <summary>Fills all of <paramref name="into"/>; <see cref="DiskFault.Missing"/> if the file ends before.
    /// The stretches are used up on the way.</summary>
    public abstract DiskResult Read(SafeFileHandle file, Span<Stretch> into, long offset);

    /// <summary>Writes all of <paramref name="from"/>; the stretches are used up on the way.</summary>
    public abstract DiskResult Write(SafeFileHandle file, Span<Stretch> from, long offset);

    /// <summary>Returns when the file's bytes and length would survive a power cut.</summary>
    public abstract DiskResult Sync(SafeFileHandle file);

    /// <summary>What the file at the path is, whatever it is called; null if there is none, if it has several names by the
    /// user's will (hard links) or if the system does not tell.</summary>
    public virtual FileIdentity? IdentityOf(string path) => null;

    /// <summary>The mark of the file at the path itself; where the system does not tell, all files have the same.</summary>
    public virtual FileMark MarkOf(string path) => default;

    public virtual FileMark MarkOf(SafeFileHandle file) => default;

    /// <summary>The regular file the path leads to, with links followed; null if it leads to none, or if the system does not tell.</summary>
    public static FileIdentity? FileBehind(string path) => OperatingSystem.IsLinux() ? LinuxDisk.RegularFileBehind(path) : null;

    /// <summary>False if the path, with links followed, is a pipe, a socket, a device or a folder, as far as the system tells.</summary>
    public virtual bool IsRegular(string path) => true;

    /// <summary>Returns when a rename in this folder would survive a power cut, where the system can promise it.</summary>
    public abstract DiskResult SyncFolder(string folder);

    // A dangling link has attributes too; an absent file is not a link.
    public static bool IsLink(string path)
    {
        var info = new FileInfo(path);
        return (int)info.Attributes != -1 && info.Attributes.HasFlag(FileAttributes.ReparsePoint);
    }

    protected static DiskResult EndsEarly(long at) => new(DiskFault.Missing, null, $"the file ends at or before byte {at}");
}
