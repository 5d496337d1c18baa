// Names that a torrent tells apart and a file system does not: by case (FAT, NTFS, exFAT, ext4 with casefold) or by Unicode
// normal form (APFS). A disk of the test's own plays that file system, as mounting one takes more than root.
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class SameFileTests : IDisposable
{
    const string Composed = "caf\u00e9", Decomposed = "cafe\u0301";

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    PieceStore Open(Disk disk, params string[] names) =>
        new(Maps.Of([.. names.Select(name => (name, 8L))]), _folder["out"], disk: disk);

    [Theory]
    [InlineData("README", "readme")]
    [InlineData("d/x", "D/X")]
    [InlineData(Composed, Decomposed)]
    public void ASecondNameOfAFileIsAFaultBeforeItSpoilsTheFirst(string one, string other)
    {
        if (!OperatingSystem.IsLinux()) return;
        using (PieceStore store = Open(new FoldingDisk(), one, "between", other))
        {
            Assert.True(store.Write(0, "12345678"u8).IsOk);
            IsRefused(store, one, other);
            Assert.True(store.Write(0, "abcdefgh"u8).IsOk); // the first stays good
        }
        using PieceStore again = Open(new FoldingDisk(), one, "between", other); // nothing is written to the first this time
        IsRefused(again, one, other);
        byte[] back = new byte[8];
        Assert.True(again.Read(0, back).IsOk);
        Assert.Equal("abcdefgh"u8, back);
    }

    static void IsRefused(PieceStore store, string one, string other)
    {
        DiskResult result = store.Write(16, "XXXXXXXX"u8);
        Assert.Equal(DiskFault.Io, result.Fault);
        Assert.EndsWith(other, result.Path);
        Assert.EndsWith("does not tell it from " + one, result.Reason);
    }

    [Theory]
    [InlineData("README", "readme")]
    [InlineData(Composed, Decomposed)]
    public void WhereTheSystemTellsThemApartBothAreKept(string one, string other)
    {
        if (!OperatingSystem.IsLinux()) return;
        using PieceStore store = Open(Disk.Native, one, other);
        Assert.True(store.Write(0, "12345678abcdefgh"u8).IsOk);
        Assert.Equal("12345678", File.ReadAllText(_folder["out/" + one]));
        Assert.Equal("abcdefgh", File.ReadAllText(_folder["out/" + other]));
    }

    [Fact]
    public void FilesTheUserLinkedTogetherAreWrittenThrough()
    {
        if (!OperatingSystem.IsLinux()) return;
        Directory.CreateDirectory(_folder["out"]);
        File.WriteAllText(_folder["out/a"], "");
        using (var ln = System.Diagnostics.Process.Start("ln", [_folder["out/a"], _folder["out/b"]])) ln.WaitForExit();
        using PieceStore store = Open(Disk.Native, "a", "b");
        store.Adopt(0);
        store.Adopt(1);
        Assert.True(store.Write(0, "1234567812345678"u8).IsOk);
        Assert.Equal("12345678", File.ReadAllText(_folder["out/b"]));
    }

    /// <summary>Takes every name for the same in lower case and composed.</summary>
    sealed class FoldingDisk : Disk
    {
        static string Fold(string path) => path.ToLower(CultureInfo.InvariantCulture).Replace(Decomposed, Composed, StringComparison.Ordinal);

        public override DiskResult Open(string root, string path, OpenFor purpose, out SafeFileHandle? handle) =>
            Native.Open(root, Fold(path), purpose, out handle);

        public override FileIdentity? IdentityOf(string path) => Native.IdentityOf(Fold(path));
        public override DiskResult Read(SafeFileHandle file, Span<Stretch> into, long offset) => Native.Read(file, into, offset);
        public override DiskResult Write(SafeFileHandle file, Span<Stretch> from, long offset) => Native.Write(file, from, offset);
        public override DiskResult Sync(SafeFileHandle file) => Native.Sync(file);
        public override DiskResult SyncFolder(string folder) => Native.SyncFolder(folder);
    }
}
