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

    /// <summary>What exists is ours to write.</summary>
    private protected static PieceStore Adopted(PieceStore store)
    {
        for (int file = 0; file < store.Files.Files.Count; file++) store.Adopt(file);
        return store;
    }

    private protected static void Succeeds(DiskResult result) => Assert.True(result.IsOk, result.ToString());
}
