using System.Net;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class TrustedProxiesTests
{
    static readonly TrustedProxies Proxies = TrustedProxies.Parse(["127.0.0.1", "10.0.0.0/9", "2001:db8:1::/47", "fd00::5"]);

    static PeerAddress At(string address) => PeerAddress.From(IPAddress.Parse(address));

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("127.0.0.2", false)]
    [InlineData("10.127.255.255", true)]
    [InlineData("10.128.0.0", false)]
    [InlineData("2001:db8:1:ffff::1", true)]
    [InlineData("2001:db8:0::1", true)]
    [InlineData("2001:db8:2::1", false)]
    [InlineData("fd00::5", true)]
    [InlineData("fd00::6", false)]
    public void ANetworkIsItsFirstBits(string address, bool inside) => Assert.Equal(inside, Proxies.Contains(At(address)));

    [Fact]
    public void ANetworkOfNoBitsIsItsWholeFamily()
    {
        TrustedProxies all = TrustedProxies.Parse(["0.0.0.0/0"]);
        Assert.True(all.Contains(At("198.51.100.7")));
        Assert.False(all.Contains(At("2001:db8::1")));
        Assert.False(TrustedProxies.None.Contains(At("127.0.0.1")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("localhost")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0/8")]
    [InlineData("::/129")]
    [InlineData("10.0.0.0/8/8")]
    public void WhatIsNoNetworkIsNamed(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<FormatException>(() => TrustedProxies.Parse([text])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("198.51.100.7", "X-Forwarded-For: 192.0.2.1", "198.51.100.7")] // no proxy of ours
    [InlineData("127.0.0.1", "", "127.0.0.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 192.0.2.1", "192.0.2.1")]
    [InlineData("127.0.0.1", "x-forwarded-for:192.0.2.1", "192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 203.0.113.9, 192.0.2.1", "192.0.2.1")] // the left one is the client's claim
    [InlineData("127.0.0.1", "X-Forwarded-For: 203.0.113.9,192.0.2.1 ,10.1.1.1", "192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 10.1.1.2, 10.1.1.1", "10.1.1.2")] // a client in the proxies' own network
    [InlineData("127.0.0.1", "X-Forwarded-For: 203.0.113.9|X-Forwarded-For: 192.0.2.1", "192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 203.0.113.9|Host: x|X-Forwarded-For: 10.1.1.1", "203.0.113.9")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 192.0.2.1,", "192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 203.0.113.9, unknown", "127.0.0.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 203.0.113.9, 010.0.0.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 192.0.2.1:5555", "192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: [2001:db8:9::1]:5555", "2001:db8:9::1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: 2001:db8:9::1", "2001:db8:9::1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: ::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-Form: 192.0.2.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "Forwarded: for=192.0.2.1", "192.0.2.1")]
    [InlineData("127.0.0.1", "Forwarded: for=203.0.113.9, FOR=192.0.2.1;proto=http;by=203.0.113.43", "192.0.2.1")]
    [InlineData("127.0.0.1", "Forwarded: proto=https; For=\"[2001:db8:9::1]:4711\"", "2001:db8:9::1")]
    [InlineData("127.0.0.1", "Forwarded: for=\"x, for=192.0.2.1", "192.0.2.1")] // a client's quote swallows nothing
    [InlineData("127.0.0.1", "Forwarded: for=_hidden", "127.0.0.1")]
    [InlineData("127.0.0.1", "Forwarded: by=192.0.2.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "Forwarded: for=203.0.113.9|X-Forwarded-For: 192.0.2.1", "192.0.2.1")]
    public void TheClientIsTheRightmostAddressThatIsNoTrustedProxy(string sender, string headers, string expected)
    {
        string lines = string.Concat(headers.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(line => "\r\n" + line));
        Assert.Equal(expected, Proxies.ClientOf(At(sender), Encoding.Latin1.GetBytes(lines)).ToString());
    }

    [Fact]
    public void NoHeaderIsTooOddToBeRead()
    {
        var random = new Random(1);
        string[] words = ["for=", "\"", "[", "]", ":", ",", ";", "127.0.0.1", "10.0.0.1", "::1", "\r\n", "X-Forwarded-For:", "Forwarded:", " ", "=", "1"];
        for (int i = 0; i < 20_000; i++)
        {
            string lines = string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => words[random.Next(words.Length)]));
            Assert.False(Proxies.ClientOf(At("127.0.0.1"), Encoding.Latin1.GetBytes(lines)).IsNone);
        }
    }
}
