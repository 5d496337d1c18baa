// What every implementation of the file calls must give PieceStore; the classes at the end run it for each.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public abstract class PieceStoreTests : PieceStoreFixture
{
    private protected PieceStoreTests(Disk disk) : base(disk) { }

    static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    [Fact]
    public void AWriteAcrossFilesIsReadBackAndSplitAtTheBorders()
    {
        FileMap map = Maps.Of(("t/a", 10), ("t/empty", 0), ("t/sub/b", 5), ("t/c", 100));
        byte[] content = Noise(115, 1);
        using (PieceStore store = Open(map))
        {
            Succeeds(store.Write(0, content));
            Succeeds(store.CreateEmptyFiles());
            var back = new byte[30];
            Succeeds(store.Read(3, back));
            Assert.Equal(content[3..33], back);
        }
        Assert.Equal(content[..10], File.ReadAllBytes(Path.Combine(Root, "t/a")));
        Assert.Equal(content[10..15], File.ReadAllBytes(Path.Combine(Root, "t/sub/b")));
        Assert.Equal(content[15..], File.ReadAllBytes(Path.Combine(Root, "t/c")));
        Assert.Empty(File.ReadAllBytes(Path.Combine(Root, "t/empty")));
    }

    [Fact]
    public void RandomReadsAndWritesMatchAFlatArray()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            FileMap map = Maps.Random(random, "t" + seed);
            var model = new byte[map.TotalLength];
            using PieceStore store = Open(map);
            Succeeds(store.Write(0, model)); // so that every file has its full length
            bool[] padding = Maps.PaddingBytes(map);

            for (int step = 0; step < 60; step++)
            {
                int from = random.Next(model.Length + 1), length = random.Next(model.Length - from + 1);
                if (random.Next(2) == 0)
                {
                    byte[] data = Noise(length, seed * 1000 + step);
                    if (random.Next(2) == 0) Succeeds(store.Write(from, data));
                    else Succeeds(store.Write(from, Cut(data, random).Select(m => (ReadOnlyMemory<byte>)m).ToArray()));
                    for (int i = 0; i < length; i++) if (!padding[from + i]) model[from + i] = data[i];
                }
                else
                {
                    byte[] data = Noise(length, seed);
                    if (random.Next(2) == 0) Succeeds(store.Read(from, data));
                    else Succeeds(store.Read(from, Cut(data, random)));
                    Assert.True(model.AsSpan(from, length).SequenceEqual(data), $"seed {seed}, step {step}");
                }
                Assert.InRange(store.OpenFiles, 0, 3);
            }
            Succeeds(store.Flush());
            foreach (FileEntry file in map.Files)
            {
                if (file.Length == 0) continue;
                string path = Path.Combine(Root, file.Path);
                if (file.IsPadding) Assert.False(File.Exists(path), path);
                else Assert.Equal(model.AsSpan((int)file.Offset, (int)file.Length).ToArray(), File.ReadAllBytes(path));
            }
        }
    }

    [Fact]
    public void MoreBuffersThanOneCallTakesAreAllWritten()
    {
        FileMap map = Maps.Of(("a", 700), ("b", 1300));
        byte[] content = Noise(2000, 5);
        using PieceStore store = Open(map);
        Succeeds(store.Write(0, Enumerable.Range(0, 400).Select(i => (ReadOnlyMemory<byte>)content.AsMemory(i * 5, 5)).ToArray()));
        var back = new byte[2000];
        Succeeds(store.Read(0, Enumerable.Range(0, 1000).Select(i => back.AsMemory(i * 2, 2)).ToArray()));
        Assert.Equal(content, back);
    }

    [Theory, InlineData(1), InlineData(3)]
    public async Task ThreadsSharingFewHandlesSeeOnlyWholeWrites(int limit)
    {
        const int files = 12, fileLength = 1000, rounds = 300;
        FileMap map = Maps.Of([.. Enumerable.Range(0, files).Select(i => ($"t/{i % 4}/{i}", (long)fileLength))]);
        using PieceStore store = Open(map, limit: limit);
        // Each thread owns every fourth stretch of 500 bytes, so what it reads must be what it last wrote.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            var random = new Random(worker);
            var last = new byte?[files * 2];
            var data = new byte[500];
            for (int round = 0; round < rounds; round++)
            {
                int stretch = random.Next(files / 2) * 4 + worker;
                if (last[stretch] is { } value)
                {
                    Succeeds(store.Read(stretch * 500, data));
                    Assert.True(data.AsSpan().IndexOfAnyExcept(value) < 0, $"worker {worker}, round {round}");
                }
                last[stretch] = (byte)round;
                data.AsSpan().Fill((byte)round);
                Succeeds(store.Write(stretch * 500, data));
                if (round % 50 == 0) Succeeds(store.Flush());
            }
        })));
        Assert.InRange(store.OpenFiles, 1, limit);
    }

    [Fact]
    public void ReadingWhatIsNotThereIsMissingAndNamesTheFile()
    {
        FileMap map = Maps.Of(("t/a", 10), ("t/b", 10));
        using PieceStore store = Open(map);
        Succeeds(store.Write(0, new byte[15]));
        DiskResult result = store.Read(8, new byte[10]);
        Assert.Equal(DiskFault.Missing, result.Fault);
        Assert.EndsWith("t/b", result.Path);
        Assert.False(Directory.Exists(Path.Combine(Root, "u")));

        using PieceStore nowhere = Open(map, root: Folder["nowhere"]);
        Assert.Equal(DiskFault.Missing, nowhere.Read(0, new byte[1]).Fault);
        Assert.False(Directory.Exists(Folder["nowhere"]));
    }

    [Fact]
    public void AFileCutUnderWayIsMissing()
    {
        FileMap map = Maps.Of(("a", 100));
        using PieceStore store = Open(map);
        Succeeds(store.Write(0, Noise(100, 3)));
        using (var file = new FileStream(Path.Combine(Root, "a"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(50);
        Assert.Equal(DiskFault.Missing, store.Read(40, new byte[20]).Fault);
        Succeeds(store.Read(30, new byte[20]));
    }

    [Fact]
    public void AFileThatDisappearsUnderWayIsNotMadeAgain()
    {
        FileMap map = Maps.Of(("a", 10), ("b", 10), ("c", 10), ("d", 10));
        using PieceStore store = Open(map);
        Succeeds(store.Write(0, new byte[40])); // four files through three handles: the first is closed by now
        File.Delete(Path.Combine(Root, "a"));
        Assert.Equal(DiskFault.Missing, store.Flush().Fault);
        Assert.Equal(DiskFault.Missing, store.Write(0, new byte[5]).Fault);
        Assert.False(File.Exists(Path.Combine(Root, "a")));
    }

    [Fact]
    public void AFileThatTookThePlaceOfOneOfOursIsNotWrittenTo()
    {
        if (Disk == Disk.Portable) return; // the BCL does not tell one from the other
        Directory.CreateDirectory(Root);
        File.WriteAllBytes(Path.Combine(Root, "a"), Noise(10, 3));
        using PieceStore store = Open(Maps.Of(("a", 10), ("b", 10), ("c", 10), ("d", 10), ("e", 10)));
        store.Adopt(0);
        Succeeds(store.Write(10, new byte[40])); // four files through three handles: b is closed by now, and a was not opened yet
        foreach ((string name, int at) in (ReadOnlySpan<(string, int)>)[("a", 0), ("b", 10)])
        {
            File.WriteAllText(Path.Combine(Root, "new"), "precious precious");
            File.Move(Path.Combine(Root, "new"), Path.Combine(Root, name), overwrite: true);
            Assert.Equal(DiskFault.Occupied, store.Write(at, new byte[5]).Fault);
            Assert.Equal("precious precious", File.ReadAllText(Path.Combine(Root, name)));
        }
        Assert.Equal(DiskFault.Occupied, store.CutLongFiles().Fault);
    }

    [Fact]
    public void AFileCutUnderWayIsNotFilledWithZerosAgain()
    {
        using PieceStore store = Open(Maps.Of(("a", 100), ("b", 100)));
        Succeeds(store.Look(out _));
        Succeeds(store.Write(0, Noise(60, 3)));
        Succeeds(store.Look(out _));
        using (var file = new FileStream(Path.Combine(Root, "a"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(10);
        Assert.Equal(DiskFault.Missing, store.Look(out _).Fault);
        DiskResult result = store.Write(60, Noise(10, 3));
        Assert.Equal(DiskFault.Missing, result.Fault);
        Assert.EndsWith("a", result.Path);
        Assert.Equal(10, new FileInfo(Path.Combine(Root, "a")).Length);
        Succeeds(store.Write(100, new byte[10])); // the others are as they were
    }

    [Fact]
    public void AFileThatIsGoneIsSeenAtTheNextLookAlthoughItIsOpen()
    {
        using PieceStore store = Open(Maps.Of(("a", 100), ("b", 100)));
        Succeeds(store.Write(0, new byte[100]));
        Succeeds(store.Look(out FileStamp[] stamps));
        Assert.Equal((100, FileStamp.Absent), (stamps[0].Length, stamps[1]));
        File.Delete(Path.Combine(Root, "a"));
        Assert.Equal(DiskFault.Missing, store.Look(out _).Fault);
    }

    [Fact]
    public void AFileThatWasThereAtTheStartMayNotShrinkEither()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllBytes(Path.Combine(Root, "a"), Noise(500, 4)); // too long, and to be cut by us
        using PieceStore store = Adopted(Open(Maps.Of(("a", 100))));
        Succeeds(store.CutLongFiles());
        Succeeds(store.Look(out _));
        File.WriteAllBytes(Path.Combine(Root, "a"), Noise(99, 4));
        Assert.Equal(DiskFault.Missing, store.Look(out _).Fault);
    }

    [Fact]
    public void AFileThatIsTooLongKeepsItsTailUntilTheEnd()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllBytes(Path.Combine(Root, "a"), Noise(500, 4));
        File.WriteAllBytes(Path.Combine(Root, "empty"), Noise(5, 4));
        using PieceStore store = Adopted(Open(Maps.Of(("a", 100), ("empty", 0))));
        Succeeds(store.CreateEmptyFiles());
        Succeeds(store.Write(0, new byte[100]));
        Assert.Equal([.. new byte[100], .. Noise(500, 4)[100..]], File.ReadAllBytes(Path.Combine(Root, "a")));
        Assert.Equal(Noise(5, 4), File.ReadAllBytes(Path.Combine(Root, "empty")));
        Succeeds(store.CutLongFiles());
        Assert.Equal(new byte[100], File.ReadAllBytes(Path.Combine(Root, "a")));
        Assert.Empty(File.ReadAllBytes(Path.Combine(Root, "empty")));
    }

    [Fact]
    public void AFileThatWasNotAdoptedIsNeitherWrittenToNorCut()
    {
        Directory.CreateDirectory(Root);
        FileMap map = Maps.Of(("a", 100), ("b", 100), ("empty", 0));
        using PieceStore store = Open(map);
        foreach (FileEntry file in map.Files) File.WriteAllText(Path.Combine(Root, file.Path), "precious"); // after the store has looked
        Assert.Equal(DiskFault.Occupied, store.Write(0, new byte[200]).Fault);
        DiskResult result = store.Write(100, new byte[100]);
        Assert.Equal(DiskFault.Occupied, result.Fault);
        Assert.EndsWith("b", result.Path);
        Assert.Equal(DiskFault.Occupied, store.CreateEmptyFiles().Fault);
        Succeeds(store.CutLongFiles());
        foreach (FileEntry file in map.Files) Assert.Equal("precious", File.ReadAllText(Path.Combine(Root, file.Path)));
    }

    [Fact]
    public void AFileThatIsTooLongIsCutAtTheEndEvenIfNeverWritten()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllBytes(Path.Combine(Root, "long"), Noise(500, 4));
        File.WriteAllBytes(Path.Combine(Root, "short"), Noise(50, 4));
        using PieceStore store = Adopted(Open(Maps.Of(("long", 100), ("short", 100), ("absent", 100))));
        Succeeds(store.Read(0, new byte[100]));
        Succeeds(store.CutLongFiles());
        Assert.Equal(Noise(500, 4)[..100], File.ReadAllBytes(Path.Combine(Root, "long")));
        Assert.Equal(50, new FileInfo(Path.Combine(Root, "short")).Length);
        Assert.False(File.Exists(Path.Combine(Root, "absent")));
    }

    [Fact]
    public void AWriteFarIntoAFileLeavesAHole()
    {
        if (OperatingSystem.IsWindows() || OperatingSystem.IsMacOS()) return; // not every file system there has holes
        using PieceStore store = Open(Maps.Of(("a", 1L << 40)));
        Succeeds(store.Write((1L << 40) - 5, new byte[5]));
        var back = new byte[10];
        Succeeds(store.Read(1L << 39, back));
        Assert.Equal(new byte[10], back);
    }

    [Fact]
    public void WhatFailedToReachTheDiskIsSyncedAgainAtTheNextFlush()
    {
        var disk = new UnsyncedDisk { Fails = true };
        using var store = new PieceStore(Maps.Of(("a", 8), ("b", 8)), Root, disk: disk);
        Succeeds(store.Write(0, new byte[16]));
        Assert.Equal(DiskFault.Io, store.Flush().Fault);
        disk.Fails = false;
        Succeeds(store.Flush());
        Assert.Equal(2, disk.Syncs);
        Succeeds(store.Flush());
        Assert.Equal(2, disk.Syncs); // nothing has been written since
    }

    [Fact]
    public void TheNoteOfWhatWasMadeReachesTheDiskWithTheContent()
    {
        var disk = new UnsyncedDisk();
        using var store = new PieceStore(Maps.Of(("a", 8)), Root, disk: disk) { Made = new MadeFiles(Root, "state/made", disk) };
        Succeeds(store.Write(0, new byte[8]));
        Succeeds(store.Flush());
        Assert.Equal(2, disk.Syncs);
    }

    [Fact]
    public void AfterDisposeCallsAreFaults()
    {
        PieceStore store = Open(Maps.Of(("a", 8)));
        Succeeds(store.Write(0, new byte[8]));
        store.Dispose();
        Assert.Equal(DiskFault.Io, store.Read(0, new byte[8]).Fault);
        Assert.Equal(0, store.OpenFiles);
    }

    [Fact]
    public void ARangeOutsideTheContentIsTheCallersBug()
    {
        using PieceStore store = Open(Maps.Of(("a", 8)));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Read(4, new byte[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Write(-1, new byte[1]));
        Succeeds(store.Read(8, Array.Empty<byte>()));
    }

    static Memory<byte>[] Cut(byte[] data, Random random)
    {
        var parts = new List<Memory<byte>>();
        for (int at = 0; at < data.Length || parts.Count == 0;)
        {
            int length = random.Next(3) == 0 ? 0 : random.Next(data.Length - at + 1);
            parts.Add(data.AsMemory(at, length));
            at += length;
        }
        return [.. parts];
    }
}

public sealed class NativePieceStoreTests() : PieceStoreTests(Disk.Native);

public sealed class PortablePieceStoreTests() : PieceStoreTests(Disk.Portable);
