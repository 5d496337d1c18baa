using TinyTorrent.Types;

namespace TinyTorrent.Tests.Types;

public class HostPortTests
{
    [Theory]
    [InlineData("host.example:80", "host.example", 80)]
    [InlineData("1.2.3.4:65535", "1.2.3.4", 65535)]
    [InlineData("[2001:db8::1]:1", "2001:db8::1", 1)]
    public void NamesAndAddressesRoundTrip(string text, string host, int port)
    {
        Assert.True(HostPort.TryParse(text, out HostPort parsed));
        Assert.Equal(new HostPort(host, port), parsed);
        Assert.Equal(text, parsed.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData(":80")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:-1")]
    [InlineData("host: 1")]
    [InlineData("::1:80")]
    [InlineData("[]:80")]
    [InlineData("[host]:80")]
    [InlineData("[1.2.3.4]:80")]
    [InlineData("user@host:80")]
    [InlineData("http://host:80")]
    [InlineData("ho st:80")]
    public void OtherTextIsRefused(string text) => Assert.False(HostPort.TryParse(text, out _));
}
