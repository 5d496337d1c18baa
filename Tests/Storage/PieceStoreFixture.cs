// A store in a folder of its own, over one of the implementations of the file calls. Each class of tests runs over all.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public abstract class PieceStoreFixture : IDisposable
{
    private protected PieceStoreFixture(Disk disk) => Disk = disk;

    private protected Disk Disk { get; }

    private protected TemporaryFolder Folder { get; } = new();

    private protected string Root => Folder["out"];

    public void Dispose()
    {
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected PieceStore Open(FileMap map, string? root = null, int limit = 3) => new(map, root ?? Root, selection: null, limit, Disk);

    private protected static void Succeeds(DiskResult result) => Assert.True(result.IsOk, result.ToString());
}
