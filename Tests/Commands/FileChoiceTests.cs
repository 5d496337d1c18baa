using TinyTorrent.Commands;
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Commands;

public class FileChoiceTests
{
    static readonly FileMap s_files = new(
    [
        new("t/a\\x2db.slice", 0, 1, false), new("t/what?.txt", 1, 1, false), new("t/whatever.txt", 2, 1, false), new("t/not_.mkv", 3, 1, false, "t/not\u200e.mkv"),
    ]);

    [Theory]
    [InlineData("a\\x2db.slice", "1000")]
    [InlineData("t/a\\x2db.slice", "1000")]
    [InlineData("what?.txt", "0100")]
    [InlineData("what*.txt", "0110")]
    [InlineData("not_.mkv", "0001")]
    [InlineData("not\u200e.mkv", "0001")]
    [InlineData("t/*", "1111")]
    public void ANameIsSelectedByItselfAndByAGlob(string glob, string expected)
    {
        Arguments arguments = Arguments.Parse(GetCommand.Async, ["x.torrent", "--select", glob]);
        bool[] wanted = FileChoice.Read(arguments, new TorrentSource(default(InfoHash)), s_files)!;
        Assert.Equal(expected, string.Concat(wanted.Select(chosen => chosen ? '1' : '0')));
    }
}
