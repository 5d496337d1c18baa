using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class AccessListTests
{
    const string One = "00112233445566778899aabbccddeeff00112233", Two = "FF112233445566778899AABBCCDDEEFF00112233";

    static InfoHash Name(string hex) => InfoHash.TryParseHex(hex, out InfoHash name) ? name : throw new FormatException(hex);

    [Fact]
    public void AListAllowsOrDeniesWhatItNames()
    {
        const string text = $"# ours\r\n{One}\n\n  {Two}  # the second\n";
        AccessList allow = AccessList.Parse(text, listedAreServed: true), deny = AccessList.Parse(text, listedAreServed: false);
        foreach (string listed in (string[])[One, Two]) Assert.Equal((true, false), (allow.Serves(Name(listed)), deny.Serves(Name(listed))));
        Assert.Equal((false, true), (allow.Serves(default), deny.Serves(default)));
        Assert.True(AccessList.Everything.Serves(default));
    }

    [Fact]
    public void AV2HashCountsByItsFirstTwentyBytes() =>
        Assert.True(AccessList.Parse(One + "0123456789abcdef01234567", listedAreServed: true).Serves(Name(One)));

    [Theory]
    [InlineData("abc")]
    [InlineData(One + "0")]
    [InlineData(One + " " + Two)]
    [InlineData(One + "0123456789abcdef0123456x")]
    public void ABrokenLineIsNamed(string line) =>
        Assert.Contains("line 2 ", Assert.Throws<FormatException>(() => AccessList.Parse($"#\n{line}\n", listedAreServed: true)).Message, StringComparison.Ordinal);
}
