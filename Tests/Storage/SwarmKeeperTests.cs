// A tracker's swarms on a disk that fills and is given room again.
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Storage;

public sealed class SwarmKeeperTests(ITestOutputHelper output) : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static void Announce(TrackerService service, int peer)
    {
        byte[] name = new byte[InfoHash.Size];
        BitConverter.TryWriteBytes(name, peer);
        Announce announce = new() { InfoHash = new InfoHash(name), PeerId = default, Port = 1, Left = 1 };
        Assert.True(service.TryAnnounce(announce, PeerAddress.From([10, 0, 0, 1]), TimeSpan.Zero, default, default, out _, out _));
        service.Counters.HttpAnnounce();
    }

    [Fact]
    public void AFullDiskIsSaidOnceKeepsTheOldFileAndIsForgottenOnceThereIsRoom()
    {
        using SmallDisk? disk = SmallDisk.TryMount(Path.Combine(_folder.Path, "state"), 64 * 1024, out string reason);
        if (disk is null) { output.WriteLine("skipped: " + reason); return; }
        var file = new SwarmFile(disk.Path);
        string ballast = Path.Combine(disk.Path, "ballast"), swarms = Path.Combine(disk.Path, "swarms");
        using var service = new TrackerService(new TrackerOptions(), new byte[16]);
        Announce(service, 0);
        Assert.Equal(DiskResult.Ok, file.Save(service.Swarms, () => TimeSpan.Zero, DateTimeOffset.UtcNow));
        byte[] old = File.ReadAllBytes(swarms);
        using (FileStream rest = File.Create(ballast)) Assert.ThrowsAny<IOException>(() => rest.Write(new byte[64 * 1024]));

        var warnings = new List<string>();
        using var warned = new SemaphoreSlim(0);
        for (int peer = 1; peer < 1000; peer++) Announce(service, peer);
        using var tries = new CountdownEvent(5);
        using var watcher = new FileSystemWatcher(disk.Path, "swarms" + AtomicFile.BesideSuffix) { EnableRaisingEvents = true };
        watcher.Created += (_, _) =>
        {
            if (!tries.IsSet) tries.Signal();
        };
        using (var keeper = new SwarmKeeper(file, service, new Clock(), Warn, TimeSpan.FromMilliseconds(1)))
        {
            Assert.True(warned.Wait(TimeSpan.FromSeconds(20)));
            Assert.True(tries.Wait(TimeSpan.FromSeconds(20))); // each makes the file beside anew
            Assert.Equal(old, File.ReadAllBytes(swarms));
            Assert.Equal("the swarms are not saved: the disk is full", service.Saved.Fault);
            File.Delete(ballast);
            Assert.True(SpinWait.SpinUntil(() => new FileInfo(swarms).Length > old.Length, TimeSpan.FromSeconds(20)));
            Assert.True(SpinWait.SpinUntil(() => service.Saved.Fault is null, TimeSpan.FromSeconds(20)));
            Assert.InRange(service.Saved.Failures, 1, long.MaxValue);
        }
        string said = Assert.Single(warnings);
        Assert.StartsWith("the swarms are not saved: ", said, StringComparison.Ordinal);
        using var again = new SwarmStore(TimeSpan.FromHours(1), new byte[16]);
        Assert.Equal(DiskResult.Ok, file.Load(again, TimeSpan.Zero, DateTimeOffset.UtcNow, out string? warning));
        Assert.Equal((null, 1000L), (warning, again.Peers.IPv4));

        void Warn(string message)
        {
            warnings.Add(message);
            warned.Release();
        }
    }
}
