// What a stranger wrote must not drive a terminal, and numbers must read the way people write them.
using System.Globalization;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class DisplayTests
{
    [Theory]
    [InlineData("plain name.iso", "plain name.iso")]
    [InlineData("žluťoučký kůň 日本語 🐎", "žluťoučký kůň 日本語 🐎")]
    [InlineData("\x1b]0;owned\a", "\uFFFD]0;owned\uFFFD")]
    [InlineData("a\nb\tc\u007f", "a\uFFFDb\uFFFDc\uFFFD")]
    [InlineData("exe.\u202Egpj", "exe.\uFFFDgpj")]
    [InlineData("\u009b31m", "\uFFFD31m")]
    [InlineData("zero\u200bwidth\ufeff", "zero\uFFFDwidth\uFFFD")]
    [InlineData("می\u200cخواهم", "می\u200cخواهم")]
    [InlineData("👨‍👩‍👧 🏳️‍🌈 👩🏽‍💻", "👨‍👩‍👧 🏳️‍🌈 👩🏽‍💻")]
    [InlineData("क्\u200dष", "क्\u200dष")]
    [InlineData("\u200da \u200db\u200d c\u200d\u200dd\u200c", "\uFFFDa \uFFFDb\uFFFD c\uFFFD\uFFFDd\uFFFD")]
    public void AHostileNameIsShownAndNotObeyed(string name, string shown) => Assert.Equal(shown, Display.Safe(name));

    [Fact] // not a case above: an attribute's text is stored as UTF-8, which has no unpaired surrogates
    public void HalfASurrogatePairIsReplaced() => Assert.Equal("half \uFFFD pair", Display.Safe("half \ud83d pair"));

    [Fact]
    public void NothingATerminalObeysIsLeftInAnyName()
    {
        const int seed = 20250731;
        var random = new Random(seed);
        for (int round = 0; round < 5000; round++)
        {
            char[] name = new char[random.Next(0, 40)];
            for (int i = 0; i < name.Length; i++) name[i] = (char)(random.Next(3) == 0 ? random.Next(0x20) : random.Next(0x10000));
            string shown = Display.Safe(new string(name));
            Assert.True(IsHarmless(shown), $"seed {seed}, round {round}: {string.Join(' ', name.Select(c => $"{(int)c:x4}"))}");
            Assert.Equal(shown, Display.Safe(shown));
        }
    }

    static bool IsHarmless(string shown)
    {
        for (int i = 0; i < shown.Length; i += char.IsSurrogatePair(shown, i) ? 2 : 1)
        {
            if (char.IsSurrogate(shown[i]) && (i + 1 == shown.Length || !char.IsSurrogatePair(shown, i))) return false;
            if (shown[i] < 0x20 || shown[i] is >= '\u007f' and < '\u00a0') return false;
            if (shown[i] is not ('\u200c' or '\u200d') && CharUnicodeInfo.GetUnicodeCategory(shown, i) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator) return false;
        }
        return !Listed.Overlaps(shown);
    }

    static readonly HashSet<char> Listed = [.. "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\ufeff\u00ad"];

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(1024 * 1024 - 1, "1.0 MiB")]
    [InlineData(1610612736, "1.5 GiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void BytesHaveOneDecimalAndABinaryUnit(long count, string shown) => Assert.Equal(shown, Display.Bytes(count));

    [Theory]
    [InlineData(0, "0 B/s")]
    [InlineData(0.4, "0 B/s")]
    [InlineData(-1, "0 B/s")]
    [InlineData(2.5 * 1024 * 1024, "2.5 MiB/s")]
    public void ARateIsBytesPerSecond(double rate, string shown) => Assert.Equal(shown, Display.Rate(rate));

    [Theory]
    [InlineData(-3, "0s")]
    [InlineData(59.9, "59s")]
    [InlineData(125, "2m 05s")]
    [InlineData(4320, "1h 12m")]
    [InlineData(3 * 86400 + 4 * 3600, "3d 04h")]
    public void ADurationShowsItsTwoLargestUnits(double seconds, string shown) =>
        Assert.Equal(shown, Display.Duration(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0, 0, "100%")]
    [InlineData(0, 7, "0.0%")]
    [InlineData(423, 1000, "42.3%")]
    [InlineData(999_999_999, 1_000_000_000, "99.9%")]
    [InlineData(long.MaxValue - 1, long.MaxValue, "99.9%")]
    [InlineData(7, 7, "100%")]
    public void AHundredPercentMeansAllOfIt(long done, long total, string shown) => Assert.Equal(shown, Display.Percent(done, total));
}
