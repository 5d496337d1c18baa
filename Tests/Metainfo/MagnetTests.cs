using TinyTorrent.Metainfo;

namespace TinyTorrent.Tests.Metainfo;

public class MagnetTests
{
    const string Hex = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

    [Theory]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd")]
    [InlineData("MAGNET:?XT=URN:BTIH:CDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCD")]
    [InlineData("magnet:?dn=x&xt.1=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd")]
    [InlineData("magnet:?xt=urn%3Abtih%3Acdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd")]
    [InlineData("magnet:?xt=urn:btih:ZXG43TONZXG43TONZXG43TONZXG43TON")]
    [InlineData("magnet:?xt=urn:btih:zxg43tonzxg43tonzxg43tonzxg43ton")]
    [InlineData("magnet:?xt=urn:ed2k:31d6cfe0d16ae931b73c59d7e0c089c0&xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd")]
    [InlineData("magnet:?&&xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd&=&x&dn&tr=")]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd&xt=urn:btmh:1220caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e")]
    public void TheInfoHashIsReadInEveryForm(string link) => Assert.Equal(Hex, Magnet.Parse(link).InfoHash.ToString());

    [Fact]
    public void EveryFieldIsRead()
    {
        Magnet magnet = Magnet.Parse(
            "magnet:?xt=urn:btih:" + Hex + "&dn=a+b%2Bc%20%C5%BE&amp;tr=http%3A%2F%2Ft%2Fannounce%3Fk%3D1%2B2&tr.1=udp://u:80&tr=udp://u:80&tr=wss://w"
            + "&ws=http://s/x+y&x.pe=1.2.3.4:5&x.pe=%5B2001%3Adb8%3A%3A1%5D%3A6881&x.pe=host.example:7&x.pe=nonsense&so=0,2,5-8");
        Assert.Equal("a b+c ž", magnet.Name);
        Assert.Equal(["http://t/announce?k=1+2", "udp://u:80"], magnet.Trackers);
        Assert.Equal(["http://s/x+y"], magnet.WebSeeds);
        Assert.Equal(["1.2.3.4:5", "[2001:db8::1]:6881", "host.example:7"], magnet.Peers.Select(p => p.ToString()));
        Assert.Equal([(0, 0), (2, 2), (5, 8)], magnet.Selected);
    }

    [Theory]
    [InlineData("magnet:", "magnet:?")]
    [InlineData("http://x", "magnet:?")]
    [InlineData("magnet:?dn=x", "xt")]
    [InlineData("magnet:?xt=urn:btih:", "xt")]
    [InlineData("magnet:?xt=urn:btih:cdcd", "xt")]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcg", "xt")]
    [InlineData("magnet:?xt=urn:btih:1XG43TONZXG43TONZXG43TONZXG43TON", "xt")]
    [InlineData("magnet:?xt=urn:btmh:1220caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e", "version 2")]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd&xt=urn:btih:0000000000000000000000000000000000000000", "two torrents")]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd&so=5-2", "so")]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd&so=-1", "so")]
    [InlineData("magnet:?xt=urn:btih:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd&so=1-2-3", "so")]
    public void WhatNamesNoTorrentIsRefused(string link, string field) =>
        Assert.Contains(field, Assert.Throws<FormatException>(() => Magnet.Parse(link)).Message, StringComparison.Ordinal);

    [Fact]
    public void ItsTextReadsBackTheSame()
    {
        Magnet magnet = Magnet.Parse("magnet:?xt=urn:btih:" + Hex + "&dn=a%26b%3Dc+d%2B%0A&tr=http://t/a?b%3Dc%26d%3De&ws=http://s/&x.pe=[::1]:5");
        Magnet again = Magnet.Parse(magnet.ToString());
        Assert.Equal(magnet.ToString(), again.ToString());
        Assert.Equal("a&b=c d+\n", again.Name);
        Assert.Equal(magnet.Trackers, again.Trackers);
        Assert.Equal(magnet.Peers, again.Peers);
    }

    [Fact]
    public void DamagedLinksRaiseNothingButFormatException()
    {
        string link = "magnet:?xt=urn:btih:" + Hex + "&dn=a%C5%BE&tr=http%3A%2F%2Ft&ws=http://s&x.pe=[::1]:6881&so=1-2,4";
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            char[] text = link.ToCharArray();
            for (int i = random.Next(1, 5); i > 0; i--) text[random.Next(text.Length)] = (char)(random.Next(8) == 0 ? random.Next(0x10000) : random.Next(128));
            try
            {
                _ = Magnet.Parse(new string(text)).ToString();
            }
            catch (FormatException)
            {
                // what a damaged link is for
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }
}
