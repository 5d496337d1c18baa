using System.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class AddressRulesTests
{
    static bool Allows(AddressRules rules, string address, string url = "http://h/announce") => rules.Allows(IPAddress.Parse(address), new Uri(url));

    [Theory]
    [InlineData("/announce", true)]
    [InlineData("/announce.php", true)]
    [InlineData("/passkey/announce", true)]
    [InlineData("/scrape", true)]
    [InlineData("/", false)]
    [InlineData("/admin/delete", false)]
    [InlineData("/announce/delete", false)]
    [InlineData("/announcements", false)]
    public void ThisMachineIsOnlyAskedAsATracker(string path, bool allowed)
    {
        foreach (string address in new[] { "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1" })
            Assert.Equal(allowed, Allows(new AddressRules(), address, "http://h" + path));
        Assert.True(Allows(new AddressRules(), "192.168.1.1", "http://h" + path));
    }

    [Theory]
    [InlineData("10.1.2.3")]
    [InlineData("192.168.0.1")]
    [InlineData("172.20.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("100.64.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    [InlineData("fd00::1")]
    [InlineData("::ffff:10.0.0.1")]
    public void AGlobalTrackerCannotRedirectToALocalAddress(string local)
    {
        var rules = new AddressRules();
        Assert.True(Allows(rules, local));
        Assert.True(Allows(rules, "93.184.216.34"));
        Assert.False(Allows(rules, local));
        Assert.Equal("a redirect to a local address", rules.Objection);
        Assert.True(Allows(rules, "2606:4700::1"));
    }

    [Theory]
    [InlineData("http://a/", "https://b/", true)]
    [InlineData("https://a/", "https://b/", true)]
    [InlineData("https://a/", "http://b/", false)]
    [InlineData("http://a/", "file:///etc/passwd", false)]
    [InlineData("http://a/", "udp://b:80/", false)]
    public void ARedirectStaysWithinHttpAndKeepsTls(string from, string to, bool allowed) =>
        Assert.Equal(allowed, new AddressRules().AllowsRedirect(new Uri(from), new Uri(to)));

    [Fact]
    public void ThereAreFiveRedirectsAtMost()
    {
        var rules = new AddressRules();
        var url = new Uri("http://a/");
        for (int i = 0; i < 5; i++) Assert.True(rules.AllowsRedirect(url, url));
        Assert.False(rules.AllowsRedirect(url, url));
    }
}
