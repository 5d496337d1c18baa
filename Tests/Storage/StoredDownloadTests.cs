// What a download does with files that exist under the names a stranger chose.
using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class StoredDownloadTests : IDisposable
{
    const int PieceLength = 16 * 1024;

    // Pieces 0-2 are a's alone, 3 has its end, small, other and the beginning of last, 4-5 the rest of last.
    static readonly (string Path, int Length)[] s_files =
        [("t/a", 3 * PieceLength + 100), ("t/empty", 0), ("t/small", 2000), ("t/other", 3000), ("t/last", 2 * PieceLength + 5000)];

    readonly TemporaryFolder _folder = new();
    readonly byte[] _content = new byte[s_files.Sum(file => file.Length)];
    readonly MetainfoFile _metainfo;

    public StoredDownloadTests()
    {
        new Random(1).NextBytes(_content);
        _metainfo = Describe(_content, s_files);
        Directory.CreateDirectory(Out("t"));
    }

    public void Dispose() => _folder.Dispose();

    static MetainfoFile Describe(byte[] content, (string Path, int Length)[] files)
    {
        byte[] hashes = [.. content.Chunk(PieceLength).SelectMany(SHA1.HashData)];
        var options = new MetainfoOptions { Name = "t" };
        return MetainfoFile.Parse(files.Length == 1
            ? MetainfoBuilder.Build(options, content.Length, PieceLength, hashes)
            : MetainfoBuilder.Build(options, [.. files.Select(file => (file.Path["t/".Length..], (long)file.Length))], PieceLength, hashes));
    }

    string Out(string path) => _folder["out/" + path];

    byte[] Right(string path)
    {
        int at = Array.FindIndex(s_files, file => file.Path == path), from = s_files[..at].Sum(file => file.Length);
        return _content[from..(from + s_files[at].Length)];
    }

    void Put(string path, byte[] bytes) => File.WriteAllBytes(Out(path), bytes);

    StoredDownload New(bool[]? wanted = null, bool force = false, MetainfoFile? metainfo = null) => new(metainfo ?? _metainfo, _folder["out"], wanted, force);

    static DiskResult Check(StoredDownload download) => download.Check((_, _) => { }, default);

    StoredDownload Checked(bool[]? wanted = null, bool force = false)
    {
        StoredDownload download = New(wanted, force);
        Succeeds(Check(download));
        return download;
    }

    static void Succeeds(DiskResult result) => Assert.True(result.IsOk, result.ToString());

    /// <summary>Writes every piece that is missing, as the swarm does, to the end.</summary>
    DiskResult Complete(StoredDownload download)
    {
        DiskResult result = download.Begin();
        for (int piece = 0; piece < download.Metainfo.Geometry.PieceCount && result.IsOk; piece++)
        {
            int offset = piece * PieceLength;
            if (download.Picker.Needed[piece]) result = download.Store.Write(offset, _content.AsSpan(offset, download.Metainfo.Geometry.LengthOf(piece)));
        }
        if (result.IsOk) result = download.Finish();
        if (result.IsOk && !download.NeedsState) download.Forget();
        return result;
    }

    /// <summary>Everything in the output folder with what it holds.</summary>
    List<string> Tree() => [.. Directory.EnumerateFileSystemEntries(_folder["out"], "*", SearchOption.AllDirectories).Order()
        .Select(path => File.Exists(path) ? $"{path} {Convert.ToHexString(SHA1.HashData(File.ReadAllBytes(path)))} {File.GetLastWriteTimeUtc(path).Ticks}" : path)];

    /// <summary>Ends because of this file, and leaves everything as it was.</summary>
    void IsRefused(string path, DiskFault fault = DiskFault.Occupied, bool[]? wanted = null)
    {
        List<string> before = Tree();
        using (StoredDownload download = New(wanted))
        {
            DiskResult result = Check(download);
            Assert.Equal(fault, result.Fault);
            Assert.Equal(Out(path), result.Path);
        }
        Assert.Equal(before, Tree());
    }

    void IsComplete()
    {
        foreach ((string path, _) in s_files) Assert.Equal(Right(path), File.ReadAllBytes(Out(path)));
        Assert.False(Path.Exists(Out(".tinytorrent")));
    }

    [Fact]
    public void WhatIsBegunIsKnownAtTheNextStartAndForgottenWhenItIsDone()
    {
        using (StoredDownload first = Checked())
        {
            Succeeds(first.Begin());
            Succeeds(first.Store.Write(0, new byte[PieceLength])); // nothing of it is right
        }
        using (StoredDownload second = Checked()) Succeeds(Complete(second)); // it is ours
        IsComplete();
    }

    [Theory]
    [InlineData("t/a", 10)]
    [InlineData("t/a", 0)] // an empty authorized_keys is not a stranger's to fill
    [InlineData("t/a", 4 * PieceLength)] // longer
    [InlineData("t/small", 2000)] // as long as it should be
    [InlineData("t/empty", 7)]
    public void AFileWithoutAPieceOfTheTorrentEndsTheDownloadBeforeAnythingIsWritten(string path, int length)
    {
        Put(path, RandomNumberGenerator.GetBytes(length));
        IsRefused(path);
    }

    [Fact]
    public void WithForceItIsOverwritten()
    {
        foreach ((string path, int length) in s_files) Put(path, RandomNumberGenerator.GetBytes(length + 50));
        using (StoredDownload download = Checked(force: true)) Succeeds(Complete(download));
        IsComplete();
    }

    [Fact]
    public void AFileThatMatchesInPartIsRepairedAndItsTailCutAtTheEnd()
    {
        byte[] damaged = [.. Right("t/a"), 1, 2, 3];
        damaged[PieceLength] ^= 1;
        Put("t/a", damaged);
        using (StoredDownload download = Checked())
        {
            Assert.Equal((2, 6), download.Pieces);
            Succeeds(download.Begin());
            Succeeds(download.Store.Write(PieceLength, _content.AsSpan(PieceLength, PieceLength)));
            Assert.Equal(damaged.Length, new FileInfo(Out("t/a")).Length);
            Succeeds(Complete(download));
        }
        IsComplete();
    }

    [Fact]
    public void WhatIsCompleteIsCompleteWithoutAnyState()
    {
        using (StoredDownload download = Checked()) Succeeds(Complete(download));
        List<string> before = Tree();
        using (StoredDownload again = Checked())
        {
            Assert.True(again.Picker.IsComplete);
            Succeeds(Complete(again));
        }
        Assert.Equal(before, Tree());
    }

    [Fact]
    public void AfterACrashBetweenMakingAFileAndNotingItTheFileIsOurs()
    {
        using (StoredDownload crashed = Checked()) Succeeds(crashed.Begin());
        Put("t/a", []);
        using (StoredDownload second = Checked()) Succeeds(Complete(second));
        IsComplete();
    }

    [Fact]
    public void ZerosAndTheEndOfANeighboursPieceShowNothing()
    {
        // a disk image: its second piece is zeros in the torrent, and in most others
        var image = new byte[3 * PieceLength];
        RandomNumberGenerator.Fill(image.AsSpan(0, PieceLength));
        RandomNumberGenerator.Fill(image.AsSpan(2 * PieceLength));
        MetainfoFile metainfo = Describe(image, [("t", image.Length)]);
        Directory.Delete(Out("t"));
        Put("t", new byte[image.Length]);
        using (StoredDownload download = New(metainfo: metainfo))
        {
            Assert.Equal(DiskFault.Occupied, Check(download).Fault);
            Assert.Equal(1, download.Pieces.Found);
        }
        File.Delete(Out("t"));
        Directory.CreateDirectory(Out("t"));

        // the first 100 bytes of b end a piece that is there
        byte[] content = RandomNumberGenerator.GetBytes(3 * PieceLength);
        metainfo = Describe(content, [("t/a", PieceLength - 100), ("t/b", 2 * PieceLength + 100)]);
        Put("t/a", content[..(PieceLength - 100)]);
        Put("t/b", [.. content[(PieceLength - 100)..PieceLength], .. RandomNumberGenerator.GetBytes(500)]);
        using StoredDownload other = New(metainfo: metainfo);
        DiskResult result = Check(other);
        Assert.Equal((DiskFault.Occupied, Out("t/b")), (result.Fault, result.Path));
        Assert.Equal(1, other.Pieces.Found);
    }

    [Fact]
    public void AfterACrashAFileThatWasMadeIsOursAndOneThatReplacedItIsNot()
    {
        using (StoredDownload crashed = Checked())
        {
            Succeeds(crashed.Begin());
            Succeeds(crashed.Store.Write(0, _content.AsSpan(0, 1000))); // no whole piece, and no checkpoint after it
            Succeeds(crashed.Store.Flush());
        }
        using (StoredDownload second = Checked()) Succeeds(second.Begin());

        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess) return; // elsewhere nothing tells the two apart
        File.Move(Out("t/a"), Out("t/moved"));
        Put("t/a", RandomNumberGenerator.GetBytes(1000));
        IsRefused("t/a");
        File.Move(Out("t/moved"), Out("t/a"), overwrite: true);
        using (StoredDownload last = Checked()) Succeeds(Complete(last));
        IsComplete();
    }

    [Theory]
    [InlineData(5 * PieceLength)] // longer than it should be
    [InlineData(1000)] // shorter than it was
    [InlineData(2 * PieceLength)] // without the piece it had
    public void WhatTheUserCopiedOverAFileOfOursIsKept(int length)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess) return; // elsewhere nothing is known of the files made
        using (StoredDownload first = Checked())
        {
            Succeeds(first.Begin());
            Succeeds(first.Store.Write(0, _content.AsSpan(0, PieceLength)));
            first.Picker.MarkHave(0);
            Succeeds(first.Store.Flush());
            Succeeds(first.Resume.Save(new ResumeState(first.Picker.Have, []), first.Store.Stamps()));
        }
        using (FileStream copy = File.Open(Out("t/a"), FileMode.Truncate)) copy.Write(RandomNumberGenerator.GetBytes(length)); // as cp does
        IsRefused("t/a");
    }

    [Theory]
    [InlineData(".made")]
    [InlineData(".edge")]
    public void AHardLinkInThePlaceOfTheStateIsNotWrittenThrough(string extension)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess) return;
        Directory.CreateDirectory(Out(".tinytorrent"));
        byte[] mine = RandomNumberGenerator.GetBytes(1000);
        Put("mine", mine);
        using (var ln = System.Diagnostics.Process.Start("ln", [Out("mine"), Out($".tinytorrent/{_metainfo.InfoHash}{extension}")])) ln.WaitForExit();
        using StoredDownload download = Checked([false, false, true, false, false]); // small: one piece with bytes of its neighbours
        DiskResult result = Complete(download);
        Assert.Equal((DiskFault.Permission, Out($".tinytorrent/{_metainfo.InfoHash}{extension}")), (result.Fault, result.Path));
        Assert.Equal(mine, File.ReadAllBytes(Out("mine")));
    }

    [Fact]
    public void AFileInThePlaceOfTheStateFolderIsTold()
    {
        Put(".tinytorrent", [1]);
        using StoredDownload download = Checked();
        DiskResult result = download.Begin();
        Assert.Equal((DiskFault.Io, Out(".tinytorrent")), (result.Fault, result.Path)); // not Occupied, for which --force is advised
    }

    [Theory]
    [InlineData("t/a")]
    [InlineData("t/empty")]
    public void WhatIsAppendedToAFileWhileItIsDownloadedIsKept(string path)
    {
        using StoredDownload download = Checked();
        Succeeds(download.Begin());
        Succeeds(download.Store.Write(0, _content));
        File.AppendAllText(Out(path), "a note");
        DiskResult result = download.Finish();
        Assert.Equal((DiskFault.Io, Out(path)), (result.Fault, result.Path));
        Assert.EndsWith("a note", File.ReadAllText(Out(path)));
    }

    [Fact]
    public void TextThatTheUserPutIntoAnEmptyFileOfOursIsKept()
    {
        using (StoredDownload first = Checked()) Succeeds(first.Begin());
        File.WriteAllText(Out("t/empty"), "three years of notes");
        IsRefused("t/empty");
    }

    [Fact]
    public void AFileThatAppearsBetweenTheCheckAndTheFirstWriteIsNotTouched()
    {
        using StoredDownload download = Checked();
        Succeeds(download.Begin());
        Put("t/a", RandomNumberGenerator.GetBytes(50));
        byte[] before = File.ReadAllBytes(Out("t/a"));
        DiskResult result = download.Store.Write(0, _content.AsSpan(0, 1000));
        Assert.Equal((DiskFault.Occupied, Out("t/a")), (result.Fault, result.Path));
        Assert.Equal(before, File.ReadAllBytes(Out("t/a")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ASmallFileBesideAMissingOneIsComparedAtTheEnd(bool isRight)
    {
        // piece 3 cannot match without "other"
        Put("t/a", Right("t/a"));
        byte[] small = Right("t/small");
        if (!isRight) small[5] ^= 1;
        Put("t/small", small);
        using (StoredDownload download = Checked())
        {
            DiskResult result = Complete(download);
            Assert.Equal(isRight ? DiskFault.None : DiskFault.Occupied, result.Fault);
            if (!isRight) Assert.Equal(Out("t/small"), result.Path);
        }
        Assert.Equal(small, File.ReadAllBytes(Out("t/small")));
        Assert.Equal(Right("t/other"), File.ReadAllBytes(Out("t/other")));
        Assert.Equal(Right("t/last"), File.ReadAllBytes(Out("t/last")));
        if (isRight) return;
        using (StoredDownload again = Checked(force: true)) Succeeds(Complete(again));
        IsComplete();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ASmallFileOnABorderIsReadFromWhereItWasSetAside(bool wanted)
    {
        // b has 500 bytes in a piece that is there, too few to show anything, and 500 in one that lacks c
        (string Path, int Length)[] files = [("t/a", PieceLength - 500), ("t/b", 1000), ("t/c", PieceLength)];
        byte[] content = _content[..files.Sum(file => file.Length)], b = content[(PieceLength - 500)..(PieceLength + 500)];
        MetainfoFile metainfo = Describe(content, files);
        Put("t/a", content[..(PieceLength - 500)]);
        Put("t/b", b);
        using StoredDownload download = New([true, wanted, true], metainfo: metainfo);
        Succeeds(Check(download));
        Assert.Equal((1, 3), download.Pieces);
        Succeeds(download.Begin());
        byte[] back = new byte[PieceLength];
        Succeeds(download.Store.Read(0, back));
        Assert.Equal(content[..PieceLength], back);
        Succeeds(download.Store.Write(PieceLength, content.AsSpan(PieceLength)));
        Succeeds(download.Finish());
        Assert.Equal(b, File.ReadAllBytes(Out("t/b")));
        Assert.Equal(content[(PieceLength + 500)..], File.ReadAllBytes(Out("t/c")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AFileThatWasNotAskedForIsNeverWrittenTo(bool force)
    {
        byte[] small = RandomNumberGenerator.GetBytes(2000), empty = "mine"u8.ToArray(); // as long as it should be, but another
        Put("t/small", small);
        Put("t/empty", empty);
        bool[] wanted = [true, false, false, false, true];
        using (StoredDownload download = Checked(wanted, force)) Succeeds(Complete(download));
        Assert.Equal(small, File.ReadAllBytes(Out("t/small")));
        Assert.Equal(empty, File.ReadAllBytes(Out("t/empty")));
        Assert.Equal(Right("t/a"), File.ReadAllBytes(Out("t/a")));
        Assert.Equal(Right("t/last"), File.ReadAllBytes(Out("t/last")));
        IsRefused("t/empty", wanted: [true, true, true, true, true]);
    }

    [Fact]
    public void ASelectionThatIsCompleteIsKnownAgainAndOursInALargerOne()
    {
        bool[] wanted = [false, false, true, false, false];
        using (StoredDownload download = Checked(wanted))
        {
            Succeeds(Complete(download));
            download.Picker.MarkHave(3);
            Succeeds(download.Resume.Save(new ResumeState(download.Picker.Have, []), download.Store.Stamps()));
        }
        using (StoredDownload again = Checked(wanted)) Assert.True(again.Picker.IsComplete);
        using (StoredDownload all = Checked()) Succeeds(Complete(all));
        IsComplete();
    }

    [Fact]
    public void FoldersAndLinksInTheWayAreFoundBeforeAnythingIsWritten()
    {
        Directory.CreateDirectory(Out("t/other"));
        IsRefused("t/other", DiskFault.Io);
        Directory.Delete(Out("t/other"));
        File.WriteAllText(_folder["precious"], "precious");
        File.CreateSymbolicLink(Out("t/last"), _folder["precious"]);
        IsRefused("t/last", DiskFault.Permission);
        File.Delete(Out("t/last"));
        Directory.Delete(Out("t"));
        File.WriteAllText(Out("t"), "a file");
        IsRefused("t", DiskFault.Io);
        if (OperatingSystem.IsWindows()) return;
        File.Delete(Out("t"));
        Directory.CreateDirectory(Out("t"));
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", Out("t/a"))) mkfifo.WaitForExit();
        using StoredDownload download = New();
        DiskResult result = Check(download);
        Assert.Equal((DiskFault.Io, Out("t/a")), (result.Fault, result.Path));
    }

    [Fact]
    public void TwoCannotDownloadTheSameTorrentToOneFolder()
    {
        using (StoredDownload first = Checked())
        {
            using StoredDownload second = New();
            Assert.Equal(DiskFault.Busy, Check(second).Fault);
        }
        Assert.False(Path.Exists(Out(".tinytorrent"))); // the lock has gone with its holder
        Directory.CreateDirectory(Out(".tinytorrent"));
        File.WriteAllText(Out($".tinytorrent/{_metainfo.InfoHash}.lock"), ""); // of one that has crashed
        using (StoredDownload third = Checked()) Succeeds(Complete(third));
        IsComplete();
    }
}
