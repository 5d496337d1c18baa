// What the disk said, as a value: inside the engine no disk fault is an exception, so none can be lost on a worker's
// thread. A command that ends because of one exits with 6 and prints ToString().
using System.Runtime.InteropServices;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

enum DiskFault : byte
{
    None,
    /// <summary>No space or quota left.</summary>
    Full,
    /// <summary>The file system is read-only, or the store was opened for reading.</summary>
    ReadOnly,
    /// <summary>Not allowed; also a link met where links are not followed.</summary>
    Permission,
    /// <summary>The file is absent, or ends before the bytes asked for.</summary>
    Missing,
    /// <summary>Something that is not ours has the name.</summary>
    Occupied,
    /// <summary>Another process uses it.</summary>
    Busy,
    /// <summary>Everything else; <see cref="DiskResult.Reason"/> has the system's words.</summary>
    Io,
}

/// <param name="Path">The file it happened to; null when all went well.</param>
/// <param name="Reason">The operating system's text, or ours.</param>
readonly record struct DiskResult(DiskFault Fault, string? Path, string? Reason)
{
    // errno values every Linux architecture shares.
    const int NotPermitted = 1, NoEntry = 2, AccessDenied = 13, AlreadyExists = 17, NotADirectory = 20, NoSpace = 28, ReadOnlyFileSystem = 30,
        TooManyLinks = 40, OverQuota = 122;

    public static DiskResult Ok => default;

    public bool IsOk => Fault == DiskFault.None;

    public static DiskResult FromErrno(int errno, string? path = null) => new(
        errno switch
        {
            NoSpace or OverQuota => DiskFault.Full,
            ReadOnlyFileSystem => DiskFault.ReadOnly,
            NotPermitted or AccessDenied or TooManyLinks => DiskFault.Permission,
            NoEntry or NotADirectory => DiskFault.Missing,
            AlreadyExists => DiskFault.Occupied,
            _ => DiskFault.Io,
        },
        path,
        errno == TooManyLinks ? LinkRefused : Marshal.GetPInvokeErrorMessage(errno));

    /// <summary>Maps what the BCL throws for files. Call it from a filtered catch: <c>when (DiskResult.IsDisk(e))</c>.</summary>
    public static DiskResult From(Exception e, string? path = null) => new(
        e switch
        {
            UnauthorizedAccessException => DiskFault.Permission,
            FileNotFoundException or DirectoryNotFoundException or EndOfStreamException => DiskFault.Missing,
            _ => FromHResult(e.HResult),
        },
        path,
        e.Message);

    /// <summary>True for what a file call throws for the disk's sake, false for what means a bug.</summary>
    public static bool IsDisk(Exception e) =>
        // The BCL turns EFBIG (a file over FAT's 4 GiB) into ArgumentOutOfRange, and a pipe in a file's place into NotSupported.
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentOutOfRangeException;

    /// <summary>The kind of fault in words for anybody: no path, nothing of the system's.</summary>
    public string Kind => Fault switch
    {
        DiskFault.None => "ok",
        DiskFault.Full => "the disk is full",
        DiskFault.ReadOnly => "the disk is read-only",
        DiskFault.Permission => "permission denied",
        DiskFault.Missing => "the folder is gone",
        _ => "the disk reports an error",
    };

    public const string LinkRefused = "it is a symbolic link, and links beneath the output folder are not followed";

    public override string ToString() => IsOk ? "ok" : $"{Path}: {SystemMessage.Phrase(Reason ?? "")}";

    // On Unix an IOException carries errno itself, on Windows a Win32 code under facility 7.
    static DiskFault FromHResult(int hresult)
    {
        if (!OperatingSystem.IsWindows()) return FromErrno(hresult).Fault;
        const int win32 = unchecked((int)0x80070000);
        return hresult switch
        {
            win32 | 112 or win32 | 39 or win32 | 1295 => DiskFault.Full,
            win32 | 19 => DiskFault.ReadOnly,
            win32 | 5 => DiskFault.Permission,
            _ => DiskFault.Io,
        };
    }
}
