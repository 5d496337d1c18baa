using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class ContentPlaceTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    void Put(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllText(_folder[path], "1234");
    }

    string Finds(FileMap map, string path)
    {
        using var store = PieceStore.ForContent(map, _folder[path]);
        return store.Read(0, new byte[4]) is { IsOk: true } ? Path.GetRelativePath(_folder.Path, store.PathOf(0)) : "nothing";
    }

    [Fact]
    public void TheContentIsFoundByItselfOrInTheFolderThatHoldsIt()
    {
        FileMap one = Maps.Of(("x.iso", 4)), many = Maps.Of(("tree/sub/a", 4), ("tree/b", 4));
        Put("in/x.iso");
        Put("renamed.iso");
        Put("in/tree/sub/a");
        Put("other/sub/a");
        Assert.Equal("in/x.iso", Finds(one, "in"));
        Assert.Equal("in/x.iso", Finds(one, "in/x.iso"));
        Assert.Equal("renamed.iso", Finds(one, "renamed.iso"));
        Assert.Equal("in/tree/sub/a", Finds(many, "in"));
        Assert.Equal("in/tree/sub/a", Finds(many, "in/tree"));
        Assert.Equal("other/sub/a", Finds(many, "other/"));
        Assert.Equal("nothing", Finds(one, "absent"));
    }

    [Fact]
    public void AFolderInsideAFolderOfTheSameNameIsNotMistakenForTheHolder()
    {
        FileMap map = Maps.Of(("a/a/x", 4));
        Put("a/a/x");
        Assert.Equal("a/a/x", Finds(map, "a"));
        Assert.Equal("a/a/x", Finds(map, ""));
    }

    [Fact]
    public void OneFileThatIsLeftDecides()
    {
        FileMap map = Maps.Of(("tree/gone", 4), ("tree/here", 4));
        Put("other/here");
        using var store = PieceStore.ForContent(map, _folder["other"]);
        Assert.True(store.Read(4, new byte[4]).IsOk);
    }
}
