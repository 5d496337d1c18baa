// Content may lie under names that we would not make: those are looked for, and only what is new gets a safe name.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class ContentPlaceTests : IDisposable
{
    static readonly FileMap s_files = new(
    [
        new("r_/d_/a_", 0, 4, false, "r\u200e/d\u0001/a\u202e"), new("r_/d_/b", 4, 4, false, "r\u200e/d\u0001/b"), new("r_/c_", 8, 4, false, "r\u200e/c\u0002"),
    ]);

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    void Make(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllText(_folder[path], "1234");
    }

    string[] Paths()
    {
        using var store = new PieceStore(s_files, _folder.Path);
        return [.. Enumerable.Range(0, 3).Select(file => Path.GetRelativePath(_folder.Path, store.PathOf(file)))];
    }

    [Fact]
    public void WhatIsNewIsCalledBySafeNames()
    {
        Assert.Equal(["r_/d_/a_", "r_/d_/b", "r_/c_"], Paths());
        using var store = new PieceStore(s_files, _folder.Path);
        Assert.True(store.Write(0, new byte[12]).IsOk);
        Assert.Equal(["r_/c_", "r_/d_/a_", "r_/d_/b"], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_folder.Path, file)).Order());
    }

    [Fact]
    public void WhatIsThereIsFoundUnderTheNamesItCameWithAndWhatItLacksJoinsIt()
    {
        if (OperatingSystem.IsWindows()) return;
        Make("r\u200e/d\u0001/a\u202e");
        Assert.Equal(["r\u200e/d\u0001/a\u202e", "r\u200e/d\u0001/b", "r\u200e/c_"], Paths());
    }

    [Fact]
    public void NoTwoFilesAreEverOneWhateverIsThere()
    {
        if (OperatingSystem.IsWindows()) return;
        string[] names = ["d\u0001/a\u0001", "d\u0001/a\u0002", "d\u0001/a_", "d\u0001/a_ (2)", "d\u0002/a_", "d_/a_", "d_/a_ (2)", "d_/a\u0001", "d_/a_"];
        byte[] torrent = MetainfoBuilder.Build(new MetainfoOptions { Name = "r\u200e" }, [.. names.Select(name => (name, 4L))], 16384, new byte[20]);
        FileMap files = MetainfoFile.Parse(torrent).Files;
        for (int there = 0; there < 1 << names.Length; there += 7)
        {
            foreach (string folder in Directory.GetDirectories(_folder.Path)) Directory.Delete(folder, recursive: true);
            for (int i = 0; i < names.Length; i++)
                if ((there >> i & 1) == 1) Make($"{(i % 2 == 0 ? "r\u200e" : "r_")}/{names[i]}");
            using var store = new PieceStore(files, _folder.Path);
            Assert.Equal(names.Length, Enumerable.Range(0, names.Length).Select(store.PathOf).Distinct().Count());
        }
    }

    [Fact]
    public void WhatAnEarlierDownloadMadeIsFoundUnderSafeNames()
    {
        Make("r_/d_/a_");
        Make("r_/c_");
        Assert.Equal(["r_/d_/a_", "r_/d_/b", "r_/c_"], Paths());
        Make("r_/d_/b");
        using PieceStore store = PieceStore.ForContent(s_files, _folder.Path);
        Assert.True(store.Read(0, new byte[12]).IsOk);
    }

    [Theory]
    [InlineData("r\u200e", "")]
    [InlineData("r\u200e", "r\u200e")]
    [InlineData("another name", "another name")]
    public void TheUsersOwnContentIsFoundUnderTheNamesItCameWith(string lies, string named)
    {
        if (OperatingSystem.IsWindows()) return;
        foreach (string file in (string[])["d\u0001/a\u202e", "d\u0001/b", "c\u0002"]) Make($"{lies}/{file}");
        using PieceStore store = PieceStore.ForContent(s_files, _folder[named]);
        Assert.True(store.Read(0, new byte[12]).IsOk);
    }
}
