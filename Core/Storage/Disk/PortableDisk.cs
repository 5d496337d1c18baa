// File calls through the BCL alone, for every system LinuxDisk does not serve. Components are checked for links before
// the file is opened: somebody who can exchange a folder for a link at that very moment is not stopped here.
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

sealed unsafe class PortableDisk : Disk
{
    public override DiskResult Open(string root, string path, OpenFor purpose, out SafeFileHandle? handle)
    {
        handle = null;
        bool creating = (purpose & (OpenFor.Creating | OpenFor.New)) != 0;
        string at = root;
        try
        {
            if (creating) Directory.CreateDirectory(root);
            for (int from = 0, slash; ; from = slash + 1)
            {
                slash = path.IndexOf('/', from);
                at = Path.Combine(at, slash < 0 ? path[from..] : path[from..slash]);
                if (!purpose.HasFlag(OpenFor.FollowLinks) && IsLink(at)) return new(DiskFault.Permission, at, DiskResult.LinkRefused);
                if (slash < 0) break;
                if (creating) Directory.CreateDirectory(at);
            }
            // Opened for reading, a named pipe would hold this thread for ever. It has no length; opened for writing too it
            // does not wait, and fails where the first positional call is tried.
            if (!purpose.HasFlag(OpenFor.Writing) && FileStamp.Of(at).Length == 0) return EndsEarly(0) with { Path = at };
            handle = File.OpenHandle(
                at,
                purpose.HasFlag(OpenFor.New) ? FileMode.CreateNew : creating ? FileMode.OpenOrCreate : FileMode.Open,
                purpose.HasFlag(OpenFor.Writing) ? FileAccess.ReadWrite : FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete);
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e, at);
        }
    }

    public override DiskResult Read(SafeFileHandle file, Span<Stretch> into, long offset)
    {
        try
        {
            foreach (Stretch stretch in into)
            {
                var span = new Span<byte>(stretch.At, (int)stretch.Length);
                while (!span.IsEmpty)
                {
                    int got = RandomAccess.Read(file, span, offset);
                    if (got == 0) return EndsEarly(offset);
                    offset += got;
                    span = span[got..];
                }
            }
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e);
        }
    }

    public override DiskResult Write(SafeFileHandle file, Span<Stretch> from, long offset)
    {
        try
        {
            foreach (Stretch stretch in from)
            {
                RandomAccess.Write(file, new ReadOnlySpan<byte>(stretch.At, (int)stretch.Length), offset);
                offset += stretch.Length;
            }
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e);
        }
    }

    public override DiskResult Sync(SafeFileHandle file)
    {
        try
        {
            RandomAccess.FlushToDisk(file);
            return DiskResult.Ok;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return DiskResult.From(e);
        }
    }

    // The BCL cannot open a folder for this; NTFS journals renames by itself.
    public override DiskResult SyncFolder(string folder) => DiskResult.Ok;
}
