// Swarms through a file and back, and every way the file can be wrong.
using System.Buffers.Binary;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Storage;

public sealed class SwarmFileTests : IDisposable
{
    static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(1000);
    static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    static readonly byte[] Secret = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

    readonly TemporaryFolder _folder = new();

    string StatePath => Path.Combine(_folder.Path, "state", "swarms");

    SwarmFile Swarms => new(Path.GetDirectoryName(StatePath)!);

    public void Dispose() => _folder.Dispose();

    static InfoHash Name(int number)
    {
        Span<byte> bytes = stackalloc byte[InfoHash.Size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return new InfoHash(bytes);
    }

    static void Tell(SwarmStore store, int torrent, int peer, double now, bool six = false, long left = 1, AnnounceEvent happened = AnnounceEvent.None)
    {
        byte[] address = new byte[six ? 16 : 4];
        address[0] = 0x20;
        BinaryPrimitives.WriteInt32BigEndian(address.AsSpan(address.Length - 4), peer | 0x0a000000);
        var announce = new Announce { InfoHash = Name(torrent), PeerId = default, Port = 6881, Left = left, Event = happened };
        store.Announce(announce, PeerAddress.From(address), TimeSpan.FromSeconds(now), default, default);
    }

    SwarmStore Reloaded(out string? warning, double later = 0, TimeSpan? lifetime = null, SwarmQuota? quota = null)
    {
        var store = new SwarmStore(lifetime ?? Lifetime, new byte[16], quota);
        Assert.Equal(DiskResult.Ok, Swarms.Load(store, TimeSpan.Zero, Noon.AddSeconds(later), out warning));
        return store;
    }

    void Save(SwarmStore store, double now) => Assert.Equal(DiskResult.Ok, Swarms.Save(store, () => TimeSpan.FromSeconds(now), Noon));

    /// <summary>Torrents of every size, both families: 4 peers, 1 peer, and one in many chunks.</summary>
    static SwarmStore Filled(int large = 100_000)
    {
        var store = new SwarmStore(Lifetime, Secret);
        for (int torrent = 0; torrent < 300; torrent++)
            for (int peer = 0; peer < 1 + torrent % 4; peer++) Tell(store, torrent, peer, now: 0, six: torrent % 3 == 0, left: peer % 2);
        for (int peer = 0; peer < large; peer++) Tell(store, 1000, peer, now: 0, left: peer % 5, happened: peer % 7 == 0 ? AnnounceEvent.Paused : AnnounceEvent.None);
        Tell(store, 1000, 1, now: 1, left: 0, happened: AnnounceEvent.Completed);
        Tell(store, 7, 1000, now: 0);
        Tell(store, 7, 1000, now: 1, left: 0, happened: AnnounceEvent.Completed);
        return store;
    }

    [Fact]
    public void EverySwarmComesBackWithItsCounts()
    {
        using SwarmStore store = Filled();
        Save(store, now: 2);
        using SwarmStore again = Reloaded(out string? warning);
        Assert.Null(warning);
        Assert.Equal((store.Torrents, store.Peers), (again.Torrents, again.Peers));
        for (int torrent = 0; torrent <= 1000; torrent++) Assert.Equal(store.Scrape(Name(torrent)), again.Scrape(Name(torrent)));
        Assert.Equal(1, again.Scrape(Name(1000)).Completed);
        Assert.InRange(again.Scrape(Name(1000)).PartialSeeds, 11_000, 12_000);
        Assert.Equal(1, again.Scrape(Name(7)).Completed);
    }

    [Fact]
    public void AFileWithoutSwarmsAndNoFileAreBothNothing()
    {
        using (SwarmStore none = Reloaded(out string? warning)) Assert.Null(warning);
        using var empty = new SwarmStore(Lifetime, Secret);
        Save(empty, now: 0);
        using SwarmStore again = Reloaded(out string? still);
        Assert.Null(still);
        Assert.Equal((0, 0), again.Torrents);
    }

    [Fact]
    public void TheFileIsForItsOwnerAlone()
    {
        if (OperatingSystem.IsWindows()) return;
        using SwarmStore store = Filled(large: 10);
        Save(store, now: 2);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(StatePath));
    }

    [Fact]
    public void AFolderWhereNothingCanBeSavedIsFoundAtTheStart()
    {
        using (SwarmStore none = Reloaded(out _)) Assert.Equal([], Directory.GetFiles(Path.GetDirectoryName(StatePath)!));
        Directory.CreateDirectory(StatePath);
        Assert.Equal(DiskFault.Io, Fault());
        Directory.Delete(StatePath);
        Directory.CreateDirectory(StatePath + AtomicFile.BesideSuffix); // stands in for a folder one may not write to, which is nothing to root
        Assert.NotEqual(DiskFault.None, Fault());
        Directory.Delete(StatePath + AtomicFile.BesideSuffix);
        File.WriteAllText(StatePath + AtomicFile.BesideSuffix, "from a save that was cut off");
        Assert.Equal(DiskFault.None, Fault());

        DiskFault Fault()
        {
            using var store = new SwarmStore(Lifetime, Secret);
            return Swarms.Load(store, TimeSpan.Zero, Noon, out _).Fault;
        }
    }

    [Theory]
    [InlineData(0, 3)] // ages 900, 500 and 0
    [InlineData(90, 3)]
    [InlineData(150, 2)]
    [InlineData(550, 1)]
    [InlineData(1100, 0)]
    [InlineData(1e12, 0)]
    [InlineData(-5000, 3)] // the wall clock was set back
    public void SilenceBeforeAndDuringTheStopCountsTogether(double stopped, int left)
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Tell(store, 1, 1, now: 100);
        Tell(store, 1, 2, now: 500);
        Tell(store, 2, 3, now: 1000);
        Save(store, now: 1000);
        DateTimeOffset start = stopped < 1e10 ? Noon.AddSeconds(stopped) : DateTimeOffset.MaxValue;
        using var again = new SwarmStore(Lifetime, Secret);
        Assert.Equal(DiskResult.Ok, Swarms.Load(again, TimeSpan.Zero, start, out _));
        Assert.Equal(left, again.Peers.IPv4);
    }

    [Fact]
    public void AgesGoOnAfterTheRestartAndSurviveAnotherInterval()
    {
        using var store = new SwarmStore(Lifetime, Secret);
        Tell(store, 1, 1, now: 0);
        Tell(store, 1, 2, now: 600);
        Save(store, now: 600);
        using SwarmStore again = Reloaded(out _, later: 100, lifetime: Lifetime * 2);
        again.Expire(TimeSpan.FromSeconds(1250), int.MaxValue);
        Assert.Equal(2, again.Peers.IPv4);
        again.Expire(TimeSpan.FromSeconds(1350), int.MaxValue); // 2,050 s for the first
        Assert.Equal(1, again.Peers.IPv4);
        again.Expire(TimeSpan.FromSeconds(1950), int.MaxValue);
        Assert.Equal(0, again.Peers.IPv4);
    }

    [Fact]
    public void LimitsHoldForWhatIsLoaded()
    {
        using SwarmStore store = Filled();
        Save(store, now: 2);
        using SwarmStore again = Reloaded(out string? warning, quota: new SwarmQuota(maxTorrents: 10, maxPeers: 25));
        Assert.Null(warning);
        Assert.InRange(again.Torrents.IPv4 + again.Torrents.IPv6, 1, 10);
        Assert.InRange(again.Peers.IPv4 + again.Peers.IPv6, 1, 25);
        again.Expire(TimeSpan.FromSeconds(1500), int.MaxValue);
        Assert.Equal((0L, 0L), again.Peers);
    }

    [Fact]
    public void AnyDamageIsNoticedAndTheFileIsSetAside()
    {
        using SwarmStore store = Filled(large: 5000);
        Save(store, now: 2);
        byte[] whole = File.ReadAllBytes(StatePath);
        var random = new Random(11);
        for (int i = 0; i < 300; i++)
        {
            byte[] broken = (i % 3) switch
            {
                0 => whole[..random.Next(whole.Length)],
                1 => [.. whole, (byte)i],
                _ => Flipped(whole, i < 150 ? random.Next(48) : random.Next(whole.Length), random.Next(1, 256)),
            };
            File.WriteAllBytes(StatePath, broken);
            using SwarmStore again = Reloaded(out string? warning);
            Assert.True(warning is not null, $"damage {i} was not noticed");
            Assert.True(!File.Exists(StatePath) && File.ReadAllBytes(StatePath + ".broken").AsSpan().SequenceEqual(broken));
        }
        static byte[] Flipped(byte[] bytes, int at, int mask)
        {
            byte[] copy = [.. bytes];
            copy[at] ^= (byte)mask;
            return copy;
        }
    }

    [Fact]
    public void RecordsThatLieUnderARightCheckAreRefused()
    {
        byte[] record = new byte[29 + 7];
        record[0] = 4;
        record[25] = 1;
        record[33] = 1; // port 256
        Assert.Null(Load(record));
        Assert.NotNull(Load(Changed(0, 5))); // a family nobody knows
        Assert.NotNull(Load(Changed(24, 0x80))); // completed below zero
        Assert.NotNull(Load(Changed(25, 0))); // no peers
        Assert.NotNull(Load(Changed(25, 2))); // more peers than bytes
        Assert.NotNull(Load(Changed(27, 2))); // more seeds than peers
        Assert.NotNull(Load([.. record, 4])); // a rest
        int most = SwarmSnapshot.MaxBlock / record.Length;
        Assert.Null(Load([.. Enumerable.Repeat(record, most).SelectMany(r => r)]));
        Assert.NotNull(Load([.. Enumerable.Repeat(record, most + 1).SelectMany(r => r)])); // more than is read at a time
        Assert.Null(Load(Changed(33, 0), peers: 0)); // port 0: nobody, but no damage
        byte[] Changed(int at, byte value)
        {
            byte[] copy = [.. record];
            copy[at] = value;
            return copy;
        }
        string? Load(byte[] records, int peers = 1)
        {
            long saved = Noon.ToUnixTimeMilliseconds();
            byte[] file = new byte[SwarmSnapshot.HeaderSize + 4 + records.Length + 8 + 4 + 8];
            SwarmSnapshot.WriteHeader(file, new SnapshotHeader(saved, TimeSpan.FromSeconds(10)));
            Span<byte> at = file.AsSpan(SwarmSnapshot.HeaderSize);
            BinaryPrimitives.WriteInt32LittleEndian(at, records.Length);
            records.CopyTo(at[4..]);
            BinaryPrimitives.WriteUInt64LittleEndian(at[(4 + records.Length)..], SwarmSnapshot.Check(saved, 0, records));
            BinaryPrimitives.WriteUInt64LittleEndian(at[(4 + records.Length + 12)..], SwarmSnapshot.Check(saved, 1, default));
            Directory.CreateDirectory(Path.GetDirectoryName(StatePath)!);
            File.WriteAllBytes(StatePath, file);
            using SwarmStore store = Reloaded(out string? warning);
            if (warning is null) Assert.Equal(peers, store.Peers.IPv4);
            return warning;
        }
    }

    [Fact]
    public void WhatAKilledWriterLeftBesideIsNoMatter()
    {
        using SwarmStore store = Filled();
        Save(store, now: 2);
        File.WriteAllText(StatePath + AtomicFile.BesideSuffix, "half a fi");
        using (SwarmStore again = Reloaded(out string? warning)) Assert.Equal((null, store.Peers), (warning, again.Peers));
        Save(store, now: 2);
        Assert.Equal([StatePath], Directory.GetFiles(Path.GetDirectoryName(StatePath)!));
    }

    [Fact]
    public void AFullDiskKeepsTheOldFile()
    {
        using SmallDisk? disk = SmallDisk.TryMount(Path.Combine(_folder.Path, "state"), 256 * 1024, out _);
        if (disk is null) return;
        using var small = new SwarmStore(Lifetime, Secret);
        Tell(small, 1, 1, now: 0);
        Save(small, now: 0);
        using SwarmStore large = Filled();
        Assert.Equal(DiskFault.Full, Swarms.Save(large, () => TimeSpan.Zero, Noon).Fault);
        using SwarmStore again = Reloaded(out string? warning);
        Assert.Equal((null, 1L), (warning, again.Peers.IPv4));
    }

    [Fact]
    public void AnnouncesGoOnWhileItIsWrittenAndNobodyWhoStaysIsLost()
    {
        using SwarmStore store = Filled();
        (long before4, long before6) = store.Peers;
        using var stop = new CancellationTokenSource();
        var announcing = new Thread(() =>
        {
            var random = new Random(3);
            while (!stop.IsCancellationRequested) Tell(store, random.Next(300), 2000 + random.Next(1000), now: 2, six: random.Next(2) == 0, left: random.Next(2));
        });
        announcing.Start();
        for (int i = 0; i < 5; i++) Save(store, now: 2);
        stop.Cancel();
        announcing.Join();
        using SwarmStore again = Reloaded(out string? warning);
        Assert.Null(warning);
        Assert.InRange(again.Peers.IPv4, before4, store.Peers.IPv4);
        Assert.InRange(again.Peers.IPv6, before6, store.Peers.IPv6);
    }
}
