using TinyTorrent.Catalogue;
using TinyTorrent.Commands;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Commands;

public class CatalogueTableTests
{
    static ListedEntry Entry(string name, long age = 0) => new(name, default, 1_500_000_000, 1, ContentKind.Video, "", 1_000_000_000 - age, 12, 3);

    static string[] Lines(int? width, params ListedEntry[] entries) => [.. CatalogueTable.Lines(new ListedPage(1_000_000_000, 1, entries.Length, entries), width)];

    [Fact]
    public void ATableFitsTheTerminalAndHostileNamesAreInert()
    {
        string[] lines = Lines(60, Entry("a\u001b[2J\u202e\n.mp4"), Entry("映画映画映画映画映画映画映画映画映画映画.mkv", 7200), Entry(new string('x', 500), -5));
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.InRange(Columns.Of(line), 1, 60));
        Assert.Single(lines.Select(Columns.Of).Distinct());
        Assert.All(lines, line => Assert.DoesNotContain(line, c => char.IsControl(c) || c == '\u202e'));
        Assert.EndsWith("2h", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutATerminalNamesAreWhole()
    {
        string name = new('x', 500);
        Assert.StartsWith(name + "  1.4 GiB  video", Lines(null, Entry(name))[1], StringComparison.Ordinal);
        Assert.StartsWith("name", Assert.Single(Lines(null)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://h:6969", "http://h:6969/announce", "http://h:6969/")]
    [InlineData("http://h:6969/", "http://h:6969/announce", "http://h:6969/")]
    [InlineData("https://h/announce", "https://h/announce", "https://h/")]
    [InlineData("http://h/KEY/announce", "http://h/KEY/announce", "http://h/KEY/")]
    [InlineData("http://h/KEY", "http://h/KEY/announce", "http://h/KEY/")]
    [InlineData("udp://h:1/announce", null, null)]
    [InlineData("http://", null, null)]
    public void AnAnnounceUrlAndTheAddressInFrontOfItAreTheSameTracker(string text, string? announce, string? root)
    {
        Assert.Equal(announce is not null, CatalogueAddress.TryParse(text, out CatalogueAddress? address, out _));
        Assert.Equal((announce, root), (address?.Announce, address?.Root.ToString()));
    }

    [Theory]
    [InlineData("http://127.0.0.1:6969", true)]
    [InlineData("http://127.0.1.1:6969", true)] // what Debian calls itself
    [InlineData("http://localhost:6969", true)]
    [InlineData("http://[::1]:6969/announce", true)]
    [InlineData("http://10.1.2.3:6969", false)]
    [InlineData("http://[2001:db8::1]:6969", false)]
    public void ATrackerNamedByALoopbackAddressIsThisMachinesAlone(string text, bool only)
    {
        Assert.True(CatalogueAddress.TryParse(text, out CatalogueAddress? address, out _));
        Assert.Equal(only, address.IsThisMachineOnly());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"entries\":{}}")]
    [InlineData("{\"entries\":[1]}")]
    [InlineData("{\"entries\":[{\"name\":\"a\"}]}")]
    [InlineData("{\"entries\":[{\"name\":\"\",\"info_hash\":\"0000000000000000000000000000000000000000\"}]}")]
    [InlineData("{\"entries\":[{\"name\":\"\\ud800\",\"info_hash\":\"00\"}]}")]
    [InlineData("hello")]
    public void WhatIsNoCataloguesAnswerIsAProblemInWords(string json)
    {
        Assert.False(ListedPage.TryRead(System.Text.Encoding.UTF8.GetBytes(json), out _, out string problem));
        Assert.NotEqual("", problem);
    }

    [Fact]
    public void NumbersOutOfTheirRangeDoNoHarm()
    {
        string hash = new('a', 40);
        string json = $"{{\"now\":1e99,\"pages\":-1,\"total\":99999999999,\"entries\":[{{\"name\":\"a\",\"info_hash\":\"{hash}\",\"size\":-1,\"seeders\":99999999999,\"published\":1.5,\"kind\":7}}]}}";
        Assert.True(ListedPage.TryRead(System.Text.Encoding.UTF8.GetBytes(json), out ListedPage? page, out _));
        Assert.Equal((1, int.MaxValue, 0L, int.MaxValue), (page.Pages, page.Total, page.Entries[0].Size, page.Entries[0].Seeders));
        Assert.Equal(InfoHash.TryParseHex(hash, out InfoHash parsed), page.Entries[0].InfoHash == parsed);
    }
}
