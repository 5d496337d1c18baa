// What may stand where a file or folder of the content should be, and is not followed, opened or overwritten.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public abstract class PieceStorePathTests : PieceStoreFixture
{
    private protected PieceStorePathTests(Disk disk) : base(disk) { }

    [Theory]
    [InlineData("t/a")]
    [InlineData("t/sub/b")]
    public void ALinkInAFilesPlaceIsRefused(string path)
    {
        string outside = Folder["outside"];
        File.WriteAllText(outside, "precious");
        Directory.CreateDirectory(Path.Combine(Root, "t/sub"));
        File.CreateSymbolicLink(Path.Combine(Root, path), outside);
        RefusesLink(Maps.Of((path, 8)));
        Assert.Equal("precious", File.ReadAllText(outside));
    }

    [Fact]
    public void ADanglingLinkIsRefusedAndItsTargetNotMade()
    {
        Directory.CreateDirectory(Root);
        File.CreateSymbolicLink(Path.Combine(Root, "a"), Folder["target"]);
        RefusesLink(Maps.Of(("a", 8)));
        Assert.False(File.Exists(Folder["target"]));
    }

    [Theory]
    [InlineData("t")]
    [InlineData("t/sub")]
    public void ALinkInAFoldersPlaceIsRefused(string link)
    {
        string outside = Folder["outside"];
        Directory.CreateDirectory(Path.Combine(outside, "sub"));
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Root, link))!);
        Directory.CreateSymbolicLink(Path.Combine(Root, link), outside);
        RefusesLink(Maps.Of(("t/sub/a", 8)));
        Assert.Empty(Directory.GetFiles(outside, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void ALinkPlantedUnderWayIsRefused()
    {
        Directory.CreateDirectory(Folder["outside"]);
        File.WriteAllText(Folder["outside/b"], "precious");
        FileMap map = Maps.Of(("t/sub/a", 8), ("t/sub/b", 8), ("t/c", 8));
        using PieceStore store = Open(map);
        Succeeds(store.Write(0, new byte[8])); // the folders are there and were walked
        Directory.Move(Path.Combine(Root, "t/sub"), Folder["moved"]);
        Directory.CreateSymbolicLink(Path.Combine(Root, "t/sub"), Folder["outside"]);
        File.CreateSymbolicLink(Path.Combine(Root, "t/c"), Folder["outside/b"]);
        foreach (long offset in (long[])[8, 16])
        {
            DiskResult result = store.Write(offset, new byte[8]);
            Assert.Equal(DiskFault.Permission, result.Fault);
            Assert.Contains("link", result.Reason);
        }
        Assert.Equal("precious", File.ReadAllText(Folder["outside/b"]));
        Assert.Single(Directory.GetFileSystemEntries(Folder["outside"]));
    }

    [Fact]
    public void ALinkInPlaceOfTheStatesFolderIsRefused()
    {
        Directory.CreateDirectory(Folder["outside"]);
        Directory.CreateDirectory(Root);
        Directory.CreateSymbolicLink(Path.Combine(Root, "state"), Folder["outside"]);
        FileMap map = Maps.Of(("a", 8), ("b", 8));
        var selection = new FileSelection(map, [true, false], 16, Path.Combine(Root, "state/edges"));
        using var store = new PieceStore(map, Root, selection, disk: Disk);
        Assert.Equal(DiskFault.Permission, store.Write(0, new byte[16]).Fault);
        Assert.Empty(Directory.GetFiles(Folder["outside"]));
    }

    [Fact]
    public void APathLongerThanAnyCallTakesIsAFaultAndNotAFileNobodyCanOpen()
    {
        if (OperatingSystem.IsWindows()) return; // there it is a setting
        string deep = string.Join('/', Enumerable.Repeat(new string('d', 250), 17));
        using PieceStore store = Open(Maps.Of((deep + "/a", 8)));
        Assert.Equal(DiskFault.Io, store.Write(0, new byte[8]).Fault);
        Assert.False(store.Read(0, new byte[8]).IsOk);
        Assert.Empty(Directory.Exists(Root) ? Directory.GetFiles(Root, "*", SearchOption.AllDirectories) : []);
    }

    [Fact]
    public async Task ANamedPipeInAFilesPlaceDoesNotHang()
    {
        if (OperatingSystem.IsWindows()) return;
        Directory.CreateDirectory(Root);
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", Path.Combine(Root, "a"))) await mkfifo.WaitForExitAsync();
        using PieceStore store = Open(Maps.Of(("a", 8)));
        Assert.False((await Task.Run(() => store.Read(0, new byte[8])).WaitAsync(TimeSpan.FromSeconds(20))).IsOk);
        Assert.False((await Task.Run(() => store.Write(0, new byte[8])).WaitAsync(TimeSpan.FromSeconds(20))).IsOk);
    }

    [Fact]
    public void ADeviceInAFilesPlaceIsRefused()
    {
        // Through a link, as only root may make a device; a user's own link is followed.
        if (!OperatingSystem.IsLinux() || Disk == Disk.Portable) return;
        Directory.CreateDirectory(Root);
        File.CreateSymbolicLink(Path.Combine(Root, "a"), "/dev/zero");
        using var store = PieceStore.ForContent(Maps.Of(("a", 8)), Root, 3, Disk);
        Assert.Equal(DiskFault.Io, store.Read(0, new byte[8]).Fault);
    }

    void RefusesLink(FileMap map)
    {
        using PieceStore store = Open(map);
        foreach (DiskResult result in new[] { store.Write(0, new byte[8]), store.Read(0, new byte[8]) })
        {
            Assert.Equal(DiskFault.Permission, result.Fault);
            Assert.Contains("link", result.Reason);
        }
    }

    [Fact]
    public void TheOutputFolderItselfMayBeALink()
    {
        Directory.CreateDirectory(Folder["elsewhere"]);
        Directory.CreateSymbolicLink(Root, Folder["elsewhere"]);
        using PieceStore store = Open(Maps.Of(("t/a", 8)));
        Succeeds(store.Write(0, new byte[8]));
        Assert.True(File.Exists(Folder["elsewhere/t/a"]));
    }

    [Fact]
    public void ReadOnlyFollowsTheUsersLinksAndNeverWrites()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(Folder["real"], "12345678");
        File.CreateSymbolicLink(Path.Combine(Root, "a"), Folder["real"]);
        using var store = PieceStore.ForContent(Maps.Of(("a", 8), ("b", 4), ("c", 0)), Root, 3, Disk);
        var back = new byte[8];
        Succeeds(store.Read(0, back));
        Assert.Equal("12345678"u8, back);
        Assert.Equal(DiskFault.ReadOnly, store.Write(0, back).Fault);
        Assert.Equal(DiskFault.ReadOnly, store.CreateEmptyFiles().Fault);
        Assert.Equal(DiskFault.Missing, store.Read(8, back.AsSpan(0, 4)).Fault);
        Assert.False(File.Exists(Path.Combine(Root, "b")));
    }

    [Fact]
    public void AFolderWhereAFileShouldBeIsAFault()
    {
        Directory.CreateDirectory(Path.Combine(Root, "a"));
        using PieceStore store = Open(Maps.Of(("a", 8)));
        Assert.False(store.Write(0, new byte[8]).IsOk);
        Assert.False(store.Read(0, new byte[8]).IsOk);
    }

    [Fact]
    public void AFileWhereAFolderShouldBeIsAFault()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(Path.Combine(Root, "t"), "x");
        using PieceStore store = Open(Maps.Of(("t/a", 8)));
        Assert.False(store.Write(0, new byte[8]).IsOk);
        Assert.False(store.Read(0, new byte[8]).IsOk);
        Assert.Equal("x", File.ReadAllText(Path.Combine(Root, "t")));
    }
}

public sealed class NativePieceStorePathTests() : PieceStorePathTests(Disk.Native);

public sealed class PortablePieceStorePathTests() : PieceStorePathTests(Disk.Portable);
