// Whether a browser may have been made to send a request that changes something. A page elsewhere can post to any address it
// likes, and one whose own name has been pointed at this host (DNS rebinding) even as if it were from here. Both betray
// themselves by the Origin header, which browsers send with every write and other programs do not: it must be this host's own,
// and by an address, because names can be pointed anywhere. Pure.
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

static class WriteGuard
{
    public static bool Allows(in HttpHeaders headers)
    {
        if (headers.Origin.IsEmpty) return true;
        int scheme = headers.Origin.IndexOf("://"u8);
        return scheme > 0 && Ascii.EqualsIgnoreCase(headers.Origin[(scheme + 3)..], headers.Host) && IsAddress(WithoutPort(headers.Host));
    }

    static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> host)
    {
        if (host.StartsWith("["u8)) return host.IndexOf((byte)']') is var end and > 0 ? host[1..end] : default;
        int colon = host.IndexOf((byte)':');
        return colon < 0 ? host : host[..colon];
    }

    static bool IsAddress(ReadOnlySpan<byte> host) => Ascii.EqualsIgnoreCase(host, "localhost"u8) || PeerAddress.TryParse(host, out _);
}
