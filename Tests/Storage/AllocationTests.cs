// Blocks pass through the store by the hundred thousand: once the files are open nothing may be allocated for them.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class AllocationTests
{
    [Fact]
    public void ReadsAndWritesAllocateNothingOnceTheFilesAreOpen()
    {
        const int block = 16 * 1024, blocks = 16;
        using var folder = new TemporaryFolder();
        FileMap map = Maps.Of(("t/a", 100_000), ("t/b", 5), ("t/c", blocks * block));
        using var store = new PieceStore(map, folder.Path);
        ReadOnlyMemory<byte>[] from = [.. Enumerable.Range(0, blocks).Select(_ => new ReadOnlyMemory<byte>(new byte[block]))];
        Memory<byte>[] into = [.. Enumerable.Range(0, blocks).Select(_ => new Memory<byte>(new byte[block]))];
        var single = new byte[block];

        long before = 0;
        bool ok = true;
        for (int round = 0; round < 200; round++)
        {
            if (round == 100) before = GC.GetAllocatedBytesForCurrentThread();
            ok &= store.Write(0, from).IsOk & store.Read(0, into).IsOk & store.Write(90_000, single).IsOk & store.Read(90_000, single).IsOk;
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(ok);
        Assert.Equal(0, allocated);
    }
}
