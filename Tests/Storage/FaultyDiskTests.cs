// Disks that refuse: full, read-only, without permission.
using TinyTorrent.Storage;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Storage;

public sealed class FaultyDiskTests(ITestOutputHelper output) : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static Disk DiskFor(bool native) => native ? Disk.Native : Disk.Portable;

    [Theory, InlineData(true), InlineData(false)]
    public void AFullDiskIsAFaultAndWhatWasWrittenStays(bool native)
    {
        using SmallDisk? disk = SmallDisk.TryMount(_folder["disk"], 1 << 20, out string reason);
        if (disk is null) { output.WriteLine("skipped: " + reason); return; }
        using var store = new PieceStore(Maps.Of(("t/a", 4 << 20)), disk.Path, disk: DiskFor(native));
        byte[] data = new byte[64 * 1024];
        data.AsSpan().Fill(7);
        int written = 0;
        DiskResult result;
        while ((result = store.Write(written, data)).IsOk) written += data.Length;
        Assert.Equal(DiskFault.Full, result.Fault);
        Assert.EndsWith("t/a", result.Path);
        Assert.InRange(written, 512 << 10, 1 << 20);
        byte[] back = new byte[data.Length];
        Assert.True(store.Read(written - data.Length, back).IsOk);
        Assert.Equal(data, back);
    }

    [Fact]
    public void AFullDiskKeepsTheOldStateFile()
    {
        using SmallDisk? disk = SmallDisk.TryMount(_folder["disk"], 1 << 20, out string reason);
        if (disk is null) { output.WriteLine("skipped: " + reason); return; }
        string path = Path.Combine(disk.Path, "state");
        Assert.True(AtomicFile.Write(path, "old"u8).IsOk);
        Assert.Equal(DiskFault.Full, AtomicFile.Write(path, new byte[4 << 20]).Fault);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(disk.Path));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void AReadOnlyDiskCanBeReadButNotWritten(bool native)
    {
        using SmallDisk? disk = SmallDisk.TryMount(_folder["disk"], 1 << 20, out string reason);
        if (disk is null) { output.WriteLine("skipped: " + reason); return; }
        File.WriteAllText(Path.Combine(disk.Path, "a"), "12345678");
        disk.MakeReadOnly();
        using var store = new PieceStore(Maps.Of(("a", 8), ("t/b", 8)), disk.Path, disk: DiskFor(native));
        store.Adopt(0);
        Assert.True(store.Read(0, new byte[8]).IsOk);
        Assert.Equal(DiskFault.ReadOnly, store.Write(0, new byte[8]).Fault);
        Assert.Equal(DiskFault.ReadOnly, store.Write(8, new byte[8]).Fault);
        Assert.Equal(DiskFault.ReadOnly, AtomicFile.Write(Path.Combine(disk.Path, "state"), "x"u8).Fault);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void AFolderWithoutPermissionIsAFault(bool native)
    {
        if (OperatingSystem.IsWindows() || Environment.UserName == "root")
        {
            output.WriteLine("skipped: root may write everywhere, and Windows has no mode bits");
            return;
        }
        Directory.CreateDirectory(_folder["out"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        using var store = new PieceStore(Maps.Of(("a", 8)), _folder["out"], disk: DiskFor(native));
        Assert.Equal(DiskFault.Permission, store.Write(0, new byte[8]).Fault);
    }
}
