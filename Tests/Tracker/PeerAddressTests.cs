using System.Net;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class PeerAddressTests
{
    [Theory]
    [InlineData("1.2.3.4", "1.2.3.4")]
    [InlineData("::ffff:1.2.3.4", "1.2.3.4")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("1", null)]
    [InlineData("1.2.3", null)]
    [InlineData("", null)]
    [InlineData("example.org", null)]
    [InlineData("fe80::1%eth0", null)]
    [InlineData("[::1]", null)]
    [InlineData("1.2.3.256", null)]
    [InlineData("010.0.0.1", null)]
    [InlineData("10.0.0.01", null)]
    [InlineData("0x7f.0.0.1", null)]
    [InlineData("1.2.3.4.", null)]
    [InlineData("1..3.4", null)]
    [InlineData("16909060", null)]
    [InlineData("::ffff:010.0.0.1", null)]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("10.0.100.1", "10.0.100.1")]
    public void OnlyWholeAddressesAreRead(string text, string? expected)
    {
        Assert.Equal(expected is not null, PeerAddress.TryParse(Encoding.ASCII.GetBytes(text), out PeerAddress address));
        Assert.Equal(expected ?? "", address.ToString());
    }

    [Theory]
    [InlineData("127.9.9.9", true, true)]
    [InlineData("10.0.0.1", true, true)]
    [InlineData("172.16.0.1", true, true)]
    [InlineData("172.32.0.1", false, true)]
    [InlineData("192.168.1.1", true, true)]
    [InlineData("8.8.8.8", false, true)]
    [InlineData("0.0.0.0", false, false)]
    [InlineData("224.0.0.1", false, false)]
    [InlineData("255.255.255.255", false, false)]
    [InlineData("::", false, false)]
    [InlineData("::1", true, true)]
    [InlineData("fe80::1", true, true)]
    [InlineData("fd00::1", true, true)]
    [InlineData("ff02::1", false, false)]
    [InlineData("7f00::1", false, true)]
    [InlineData("2001:db8::1", false, true)]
    public void AddressesAreSortedByWhereTheyMeanSomething(string text, bool local, bool dialable)
    {
        PeerAddress address = PeerAddress.From(IPAddress.Parse(text));
        Assert.Equal((local, dialable), (address.IsLocal, address.IsDialable));
    }
}
