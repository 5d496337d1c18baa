using Microsoft.Win32.SafeHandles;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

/// <summary>The system's disk, which can be told to fail to sync the content.</summary>
sealed class UnsyncedDisk : Disk
{
    public bool Fails { get; set; }

    /// <summary>Syncs that succeeded.</summary>
    public int Syncs { get; private set; }

    public override DiskResult Open(string root, string path, OpenFor purpose, out SafeFileHandle? handle) => Native.Open(root, path, purpose, out handle);
    public override DiskResult Read(SafeFileHandle file, Span<Stretch> into, long offset) => Native.Read(file, into, offset);
    public override DiskResult Write(SafeFileHandle file, Span<Stretch> from, long offset) => Native.Write(file, from, offset);
    public override DiskResult SyncFolder(string folder) => Native.SyncFolder(folder);

    public override DiskResult Sync(SafeFileHandle file)
    {
        if (Fails) return new DiskResult(DiskFault.Io, null, "it was told to fail");
        Syncs++;
        return Native.Sync(file);
    }
}
