using System.Diagnostics;
using System.Security.Cryptography;
using TinyTorrent.Commands;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public sealed class CreateCommandTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static ExitCode Create(params string[] arguments) =>
        CreateCommand.Command.Run(Arguments.Parse(CreateCommand.Command, ["-q", .. arguments]));

    MetainfoFile Created(string path, params string[] options)
    {
        Assert.Equal(ExitCode.Done, Create([path, "-f", "-o", _folder["out.torrent"], .. options]));
        return MetainfoFile.Parse(File.ReadAllBytes(_folder["out.torrent"]));
    }

    string Write(string relative, int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[relative])!);
        File.WriteAllBytes(_folder[relative], bytes);
        return _folder[relative];
    }

    [Fact]
    public void AFileOfTheUsersBesideTheTorrentIsNoLeftoverOfOurs()
    {
        string mine = Write("out.torrent" + AtomicFile.BesideSuffix, 100);
        byte[] before = File.ReadAllBytes(mine);
        Created(Write("a.bin", 1000));
        Assert.Equal(before, File.ReadAllBytes(mine));
        Assert.Equal(3, Directory.GetFiles(_folder.Path).Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16384)]
    [InlineData(16385)]
    [InlineData(500_000)]
    public void ASingleFileHasTheHashesOfItsPieces(int length)
    {
        string file = Write("a.bin", length);
        MetainfoFile torrent = Created(file);
        Assert.Equal(("a.bin", false, length), (torrent.Name, torrent.IsMultiFile, (int)torrent.Geometry.TotalLength));
        AssertHashes(torrent, File.ReadAllBytes(file));
    }

    [Fact]
    public void AFolderIsTakenInTheByteOrderOfItsPaths()
    {
        // In UTF-16 order U+1F600 would stand before U+FF61, in UTF-8 it stands behind; '-' < '/' < '0'.
        string[] paths = [".hidden", "a-b", "a/x/deep", "a/y", "a0", "empty", "\uFF61", "\U0001F600"];
        foreach (string path in paths.Reverse()) Write("root/" + path, path == "empty" ? 0 : 10_000 + path.Length, path.Length);
        MetainfoFile torrent = Created(_folder["root"]);
        Assert.Equal(paths.Select(p => "root/" + p), torrent.Files.Files.Select(f => f.Path));
        AssertHashes(torrent, [.. paths.SelectMany(p => File.ReadAllBytes(_folder["root/" + p]))]);
    }

    [Fact]
    public void TheSameContentGivesTheSameBytesWhereverItLies()
    {
        foreach (string copy in (string[])["one/root", "two/root"])
        {
            Write($"{copy}/d/b", 70_000);
            Write($"{copy}/a", 50_000);
            File.SetLastWriteTimeUtc(_folder[$"{copy}/a"], DateTime.UnixEpoch.AddDays(copy.Length));
            Create(_folder[copy], "-o", _folder[copy] + ".torrent", "-a", "http://t/announce");
        }
        Assert.Equal(File.ReadAllBytes(_folder["one/root.torrent"]), File.ReadAllBytes(_folder["two/root.torrent"]));
    }

    [Fact]
    public void AFolderOfOneFileAndAFolderThatRepeatsItsNameAreFolders()
    {
        Write("a/a/a/a", 100, seed: 1);
        MetainfoFile torrent = Created(_folder["a"]);
        Assert.True(torrent.IsMultiFile);
        Assert.Equal("a/a/a/a", Assert.Single(torrent.Files.Files).Path);
        Write("a/a/b", 100, seed: 2);
        AssertHashes(Created(_folder["a/a"]), [.. File.ReadAllBytes(_folder["a/a/a/a"]), .. File.ReadAllBytes(_folder["a/a/b"])]);
    }

    [Fact]
    public void EveryOptionIsInTheTorrent()
    {
        MetainfoFile torrent = Created(
            Write("f", 40_000), "-a", "http://a/announce,udp://b:80", "-a", "https://c/x", "--name", "other", "--piece-length", "32k", "--private",
            "--comment", "héllo", "--source", "SRC", "--web-seed", "http://w/f", "--web-seed", "https://v/f", "--date", "2024-01-31");
        Assert.Equal([["http://a/announce", "udp://b:80"], ["https://c/x"]], torrent.Trackers);
        Assert.Equal(("other", 32768, true, "héllo", "SRC"), (torrent.Name, torrent.Geometry.PieceLength, torrent.IsPrivate, torrent.Comment, torrent.Source));
        Assert.Equal(["http://w/f", "https://v/f"], torrent.WebSeeds);
        Assert.Equal(1706659200, torrent.CreationDate);
        Assert.Equal(86400, Created(_folder["f"], "--date", "86400").CreationDate);
        Assert.Equal(1706702400, Created(_folder["f"], "--date", "2024-01-31T12:00:00Z").CreationDate);
        Assert.Null(Created(_folder["f"]).CreationDate);
    }

    [Theory]
    [InlineData("--piece-length", "3000")]
    [InlineData("--piece-length", "8k")]
    [InlineData("--piece-length", "1G")]
    [InlineData("--announce", "wss://x")]
    [InlineData("--announce", "http://a,")]
    [InlineData("--announce", "http://a/announce http://b/announce")]
    [InlineData("--announce", "http://a/a\tb")]
    [InlineData("--announce", "http://a/announce?event=started")]
    [InlineData("--web-seed", "http://a/x http://b/x")]
    [InlineData("--announce", "udp://noport")]
    [InlineData("--web-seed", "ftp://x/y")]
    [InlineData("--date", "yesterday")]
    [InlineData("--name", "..")]
    [InlineData("--name", "a/b")]
    [InlineData("--name", ".")]
    public void AWrongOptionIsAUsageErrorThatNamesIt(string option, string value)
    {
        CommandException e = Assert.Throws<CommandException>(() => Created(Write("f", 10), option, value));
        Assert.Equal(ExitCode.Usage, e.Code);
        Assert.StartsWith(option, e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["out.torrent"]));
    }

    [Fact]
    public void WhatCannotBeSharedIsAnErrorNotACrash()
    {
        Assert.Equal(ExitCode.BadInput, Assert.Throws<CommandException>(() => Created(Write("empty", 0))).Code);
        Write("empties/a", 0);
        Assert.Equal(ExitCode.BadInput, Assert.Throws<CommandException>(() => Created(_folder["empties"])).Code);
        Directory.CreateDirectory(_folder["nothing"]);
        Assert.Equal(ExitCode.BadInput, Assert.Throws<CommandException>(() => Created(_folder["nothing"])).Code);
        Assert.Equal(ExitCode.Disk, Assert.Throws<CommandException>(() => Created(_folder["absent"])).Code);
    }

    [Theory]
    [InlineData("back\\slash")]
    [InlineData("Not to Run\u200e! 1080p.mkv")]
    [InlineData("a\u001b[2Jb")]
    public void ANameThatOthersStoreDifferentlyIsInTheTorrentAsItIsAndWarnedOf(string name)
    {
        if (OperatingSystem.IsWindows()) return;
        Write($"set/{name}", 20_000);
        MetainfoFile torrent = Created(_folder["set"]);
        Assert.Equal($"set/{name}", torrent.Files.Files[0].OriginalPath ?? torrent.Files.Files[0].Path);
        using (PieceStore store = PieceStore.ForContent(torrent.Files, _folder.Path)) Assert.True(store.Read(0, new byte[20_000]).IsOk);
        ContentTree tree = ContentTree.Read(_folder["set"], (_, _) => { });
        Assert.StartsWith($"{name}: others may store it under another name", tree.WarningOfNames("set"), StringComparison.Ordinal);
        Assert.StartsWith("b\\c (and 1 more): ", tree.WarningOfNames("b\\c"), StringComparison.Ordinal);
        Write("plain/x", 1);
        Assert.Null(ContentTree.Read(_folder["plain"], (_, _) => { }).WarningOfNames("plain"));

        Write($"one/{name}", 20_000);
        using (PieceStore store = PieceStore.ForContent(Created(_folder[$"one/{name}"]).Files, _folder["one"])) Assert.True(store.Read(0, new byte[20_000]).IsOk);
        Assert.Equal("ab", Created(_folder[$"one/{name}"], "--name", "ab").Name);
    }

    [Theory]
    [InlineData("http://h:6969", "http://h:6969/announce")]
    [InlineData("https://h/", "https://h/announce")]
    [InlineData(" http://h/announce ", "http://h/announce")]
    [InlineData("http://h/KEY/announce", "http://h/KEY/announce")]
    [InlineData("http://h/announce.php?passkey=x", "http://h/announce.php?passkey=x")]
    [InlineData("udp://h:1", "udp://h:1")]
    public void TheAddressOfATrackerIsCompletedToItsAnnounceUrl(string given, string expected) =>
        Assert.Equal([[expected]], Created(Write("f", 10), "-a", given).Trackers);

    [Fact]
    public void ATorrentThatWouldBeTooLargeIsRefusedBeforeAnythingIsRead()
    {
        using (FileStream sparse = File.Create(_folder["sparse"])) sparse.SetLength(40L << 30); // which nobody could hash in the time of a test
        CommandException e = Assert.Throws<CommandException>(() => Created(_folder["sparse"], "--piece-length", "16k"));
        Assert.Equal(ExitCode.Usage, e.Code);
        Assert.Equal("--piece-length: a .torrent of 2,621,440 pieces is too large (at most 2,097,152 pieces and 100,000,000 bytes); 32k and more will do", e.Message);

        var names = Enumerable.Range(0, 500_000).Select(i => ($"{i:D200}", 1L)).ToArray();
        var tree = new ContentTree(_folder["many"], IsFolder: true, names);
        using var progress = new Progress(TextWriter.Null, null, quiet: true);
        e = Assert.Throws<CommandException>(() => TreeHasher.Build(tree, "many", new MetainfoOptions { Name = "many" }, null, MetainfoFile.MaxFileBytes, cache: null, progress, default));
        Assert.Equal((ExitCode.BadInput, "many: the names of 500,000 files make a .torrent of more than 100,000,000 bytes; take its folders one by one"), (e.Code, e.Message));
    }

    [Fact]
    public void TheSizeOfATorrentIsKnownBeforeItsHashes()
    {
        var options = new MetainfoOptions { Name = "n", Trackers = [["http://t/announce"]], Comment = "c" };
        (string, long)[] files = [("a/b", 20_000), ("c", 30_000_000)];
        byte[] hashes = new byte[1832 * 20];
        Assert.InRange(MetainfoBuilder.SizeOf(options, files, 0, 16384) + hashes.Length - MetainfoBuilder.Build(options, files, 16384, hashes).Length, 0, 8);
        Assert.InRange(MetainfoBuilder.SizeOf(options, null, 30_000_000, 16384) + hashes.Length - MetainfoBuilder.Build(options, 30_000_000, 16384, hashes).Length, 0, 8);
    }

    [Fact]
    public void ALongNameOfContentMakesAShorterOneOfTheTorrent()
    {
        if (OperatingSystem.IsWindows()) return;
        string name = new('n', 251);
        ProcessStartInfo start = TheProgram.With("create", Write($"{name}.mkv", 10));
        start.WorkingDirectory = _folder.Path;
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Equal($"{name}.mkv", MetainfoFile.Parse(File.ReadAllBytes(_folder[$"{name[..239]}.mkv.torrent"])).Name);
        Assert.Equal(ExitCode.Disk, Assert.Throws<CommandException>(() => Create(_folder[$"{name}.mkv"], "-o", _folder[$"{name}2"])).Code);
    }

    [Fact]
    public void OneFolderHasOneInfoHashWhateverLinksLeadToIt()
    {
        if (!OperatingSystem.IsLinux()) return;
        Write("disk/set/real", 50_000);
        Write("disk/set/sub/f", 10);
        File.CreateSymbolicLink(_folder["disk/set/absolute"], _folder["disk/set/real"]);
        File.CreateSymbolicLink(_folder["disk/set/folder"], "sub");
        File.CreateSymbolicLink(_folder["disk/set/through"], "folder/f");
        Directory.CreateSymbolicLink(_folder["data"], _folder["disk"]);
        MetainfoFile direct = Created(_folder["disk/set"]), linked = Created(_folder["data/set"]);
        Assert.Equal(direct.InfoHash, linked.InfoHash);
        Assert.Equal(["set/absolute", "set/real", "set/sub/f", "set/through"], direct.Files.Files.Select(file => file.Path));
    }

    [Fact]
    public void AnExistingFileIsReplacedOnlyByForceOrByItself()
    {
        string output = _folder["x.torrent"], file = Write("f", 10);
        File.WriteAllText(output, "precious");
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => Create(file, "-o", output)).Code);
        Assert.Equal("precious", File.ReadAllText(output));
        Assert.Equal(ExitCode.Done, Create(file, "-o", output, "--force"));
        Assert.Equal(ExitCode.Done, Create(file, "-o", output));
        Assert.Equal(["f", "x.torrent"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void TheOutputMayNotLieInTheContentNorInAFolderThatIsNotThere()
    {
        string file = Write("root/f", 10);
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => Create(_folder["root"], "-o", _folder["root/x.torrent"])).Code);
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => Create(file, "--force", "-o", file)).Code);
        Assert.Equal(ExitCode.Disk, Assert.Throws<CommandException>(() => Create(file, "-o", _folder["no/x.torrent"])).Code);
        Assert.Equal(ExitCode.Disk, Assert.Throws<CommandException>(() => Create(file, "-o", _folder.Path)).Code);
        Assert.Equal(ExitCode.Done, Create(_folder["root"], "-o", _folder["root.torrent"]));
    }

    [Fact]
    public void LinksCountWhenTheyLeadToAFileOfTheContent()
    {
        if (OperatingSystem.IsWindows()) return; // making links takes a privilege there
        Write("secret", 10);
        Write("root/d/x", 100);
        File.CreateSymbolicLink(_folder["root/inside"], "d/x");
        File.CreateSymbolicLink(_folder["root/again"], "inside");
        File.CreateSymbolicLink(_folder["root/outside"], "../secret");
        File.CreateSymbolicLink(_folder["root/nowhere"], "absent");
        File.CreateSymbolicLink(_folder["root/circle"], "circle");
        Directory.CreateSymbolicLink(_folder["root/up"], "..");
        var skipped = new List<string>();
        ContentTree tree = ContentTree.Read(_folder["root"], (path, _) => skipped.Add(path));
        Assert.Equal([("again", 100), ("d/x", 100), ("inside", 100)], tree.Files);
        Assert.Equal(["circle", "nowhere", "outside", "up"], skipped.Order());

        byte[] x = File.ReadAllBytes(_folder["root/d/x"]);
        AssertHashes(Created(_folder["root"]), [.. x, .. x, .. x]);
        File.CreateSymbolicLink(_folder["link"], "root/d/x");
        AssertHashes(Created(_folder["link"]), x);
    }

    [Fact]
    public void WhatIsNeitherFileNorFolderIsLeftOutAndWhatNoTextNamesIsRefused()
    {
        if (!OperatingSystem.IsLinux()) return;
        Write("root/file", 100);
        Shell("mkfifo root/pipe pipe");
        var skipped = new List<(string, string)>();
        Assert.Equal([("file", 100)], ContentTree.Read(_folder["root"], (path, why) => skipped.Add((path, why))).Files);
        Assert.Equal([("pipe", "neither a file nor a folder")], skipped);
        foreach (string path in (string[])[_folder["pipe"], "/dev/zero"])
            Assert.Equal($"{path}: neither a file nor a folder", Assert.Throws<CommandException>(() => Create(path)).Message);

        Shell("touch \"root/$(printf '\\377')\"");
        CommandException refused = Assert.Throws<CommandException>(() => Create(_folder["root"]));
        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.EndsWith("a name that is not UTF-8", refused.Message, StringComparison.Ordinal);
        Shell("rm -r root"); // which no path of ours could
    }

    [Fact]
    public async Task APipeInTheTorrentsPlaceIsWrittenToAndStaysWhatItIs()
    {
        if (!OperatingSystem.IsLinux()) return;
        string file = Write("f", 50_000);
        Shell("mkfifo pipe");
        Task<byte[]> reading = Task.Run(() => File.ReadAllBytes(_folder["pipe"]));
        Assert.Equal(ExitCode.Done, await Task.Run(() => Create(file, "-f", "-o", _folder["pipe"])).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(Created(file).Raw.ToArray(), await reading.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.False(Disk.Native.IsRegular(_folder["pipe"]));
    }

    void Shell(string line)
    {
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", line]) { WorkingDirectory = _folder.Path })!;
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }

    [Fact]
    public async Task OnStdoutStandsTheTorrentAndNothingElse()
    {
        string file = Write("f", 50_000);
        ProcessStartInfo start = TheProgram.With("create", file, "-o", "-");
        start.Environment["SOURCE_DATE_EPOCH"] = "1234";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output);
        await process.WaitForExitAsync();
        MetainfoFile torrent = MetainfoFile.Parse(output.ToArray());
        Assert.Equal(1234, torrent.CreationDate);
        Assert.Contains(torrent.InfoHash.ToString(), await errors, StringComparison.Ordinal);
        Assert.Equal(0, process.ExitCode);
    }

    static void AssertHashes(MetainfoFile torrent, byte[] content)
    {
        Assert.Equal(content.Length, torrent.Geometry.TotalLength);
        for (int piece = 0; piece < torrent.Geometry.PieceCount; piece++)
        {
            byte[] expected = SHA1.HashData(content.AsSpan((int)torrent.Geometry.OffsetOf(piece), torrent.Geometry.LengthOf(piece)));
            Assert.Equal(expected, torrent.HashOf(piece).ToArray());
        }
    }
}
