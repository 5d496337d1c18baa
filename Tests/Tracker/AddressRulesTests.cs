using System.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class AddressRulesTests
{
    static bool Allows(AddressRules rules, string address, string url = "http://h/announce") => rules.Allows(IPAddress.Parse(address), new Uri(url));

    [Theory]
    [InlineData("/announce", true)]
    [InlineData("/announce/", true)]
    [InlineData("/announce.php", true)]
    [InlineData("/passkey/announce", true)]
    [InlineData("/announce/passkey", true)]
    [InlineData("/x/announce.php/passkey", true)]
    [InlineData("/scrape", true)]
    [InlineData("/", false)]
    [InlineData("//", false)]
    [InlineData("/reboot.cgi", false)]
    [InlineData("/admin/delete", false)]
    [InlineData("/announce/a/delete", false)]
    [InlineData("/announcements", false)]
    public void ALocalAddressIsOnlyAskedAsATrackerUnlessTheUserTypedTheUrl(string path, bool allowed)
    {
        foreach (string address in Local)
        {
            var rules = new AddressRules();
            Assert.True(allowed == Allows(rules, address, "http://h" + path), address);
            Assert.Equal(allowed, rules.Objection.Length == 0);
            Assert.True(Allows(new AddressRules(typed: true), address, "http://h" + path));
        }
        Assert.True(Allows(new AddressRules(), "93.184.216.34", "http://h" + path));
    }

    static readonly string[] Local =
    [
        "127.0.0.1", "127.9.9.9", "10.1.2.3", "192.168.0.1", "172.20.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::192.168.1.1", "2002:a00:1::1",
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AGlobalTrackerCannotRedirectToALocalAddress(bool typed)
    {
        foreach (string local in Local)
        {
            var rules = new AddressRules(typed);
            Assert.True(Allows(rules, "2606:4700::1"));
            Assert.True(Allows(rules, local)); // another address of the same name
            Assert.True(rules.AllowsRedirect(new Uri("http://a/"), new Uri("http://b/")));
            Assert.False(Allows(rules, local), local);
            Assert.Equal("a redirect to a local address", rules.Objection);
            Assert.True(Allows(rules, "93.184.216.34"));
        }
    }

    [Fact]
    public void ALocalTrackerMayRedirectToALocalAddress()
    {
        var rules = new AddressRules();
        Assert.True(Allows(rules, "192.168.0.1"));
        Assert.True(rules.AllowsRedirect(new Uri("http://a/"), new Uri("http://b/")));
        Assert.True(Allows(rules, "10.0.0.1"));
        Assert.False(Allows(rules, "10.0.0.1", "http://b/admin"));
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
