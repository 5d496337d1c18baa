using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class PasskeysTests
{
    static readonly byte[] Secret = [.. Enumerable.Range(0, Passkeys.SecretSize).Select(i => (byte)i)];

    [Fact]
    public void AListHasAKeyALineAndComments()
    {
        string longest = new('z', Passkeys.MaxLength);
        Passkeys keys = Passkeys.Parse($"# people\none\r\n  Two-_2  # of them\n\n{longest}\none\n", Secret);
        Assert.Equal(3, keys.Count);
        foreach (string key in (string[])["one", "Two-_2", longest]) Assert.True(keys.Contains(Encoding.ASCII.GetBytes(key)), key);
        foreach (string key in (string[])["", "on", "onee", "One", "#", "people", longest + "z", new string('z', 5000)]) Assert.False(keys.Contains(Encoding.ASCII.GetBytes(key)), key);
        Assert.False(Passkeys.Parse("", Secret).Contains(default));
    }

    [Theory]
    [InlineData("two words")]
    [InlineData("a/b")]
    [InlineData("a%41")]
    [InlineData("naïve")]
    [InlineData("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")]
    public void ALineThatIsNoKeyIsNamedButNotShown(string line)
    {
        string message = Assert.Throws<FormatException>(() => Passkeys.Parse($"good\n{line}\n", Secret)).Message;
        Assert.StartsWith("line 2 ", message, StringComparison.Ordinal);
        Assert.DoesNotContain(line, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/announce", "", "/announce")]
    [InlineData("/key/announce", "key", "/announce")]
    [InlineData("/key/scrape", "key", "/scrape")]
    [InlineData("/a/b/announce", "a/b", "/announce")]
    [InlineData("//announce", "", "/announce")]
    [InlineData("/key/announce/", null, null)]
    [InlineData("/key/stats", null, null)]
    [InlineData("/key", null, null)]
    [InlineData("key/announce", null, null)]
    [InlineData("", null, null)]
    public void APathIsCutInFrontOfItsLastPart(string path, string? key, string? rest)
    {
        bool split = Passkeys.TrySplit(Encoding.ASCII.GetBytes(path), out ReadOnlySpan<byte> foundKey, out ReadOnlySpan<byte> foundRest);
        Assert.Equal(key is not null, split);
        if (split) Assert.Equal((key, rest), (Encoding.ASCII.GetString(foundKey), Encoding.ASCII.GetString(foundRest)));
    }
}
