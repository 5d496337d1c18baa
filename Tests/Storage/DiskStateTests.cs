using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public class DiskStateTests
{
    static MetainfoFile Named(string name) =>
        MetainfoFile.Parse(MetainfoBuilder.Build(new MetainfoOptions { Name = name }, 16384, 16384, new byte[20]));

    [Theory]
    [InlineData(".tinytorrent")]
    [InlineData(".TinyTorrent")]
    public void ATorrentCannotWriteTheStatesOfOthers(string name)
    {
        FormatException e = Assert.Throws<FormatException>(() => new DiskState("out", Named(name)));
        Assert.StartsWith("info.name ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EachTorrentHasFilesOfItsOwn()
    {
        var (one, other) = (new DiskState("out", Named("a")), new DiskState("out", Named("b")));
        Assert.Equal(4, new HashSet<string> { one.ResumePath, one.EdgePath, other.ResumePath, other.EdgePath }.Count);
    }
}
