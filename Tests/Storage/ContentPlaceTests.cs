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
