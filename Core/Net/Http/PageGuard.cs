// What a page of another site may do through the browser of somebody who can reach this server. It can post to any address it
// likes. If its own name has been pointed at this host (DNS rebinding), the browser even lets it read the answers, as if it were
// a page from here. Pure.
//   writing   browsers send the Origin header with every write, other programs do not. It must be this host's own, and by an
//             address, because names can be pointed anywhere.
//   reading   nothing but the Host header gives a rebound page away. It matters where the reader comes from a local address:
//             what anybody on the internet may read needs no tricks. There the host must be an address, or a name that no
//             stranger can point here: without a dot, of a domain for local use, or one the operator has named. Sec-Fetch-Site,
//             which no page can set, clears others: our own client says it, and browsers to a server of HTTPS, where a rebound
//             name has no certificate.
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="ownNames">Names of this server, for clients on the local network.</param>
sealed class PageGuard(IReadOnlyList<string> ownNames)
{
    // RFC 6761, 6762, 8375; internal is reserved by ICANN, lan and localdomain are what routers give out.
    static readonly string[] s_localDomains = ["localhost", "local", "home.arpa", "internal", "lan", "localdomain"];

    public bool AllowsReading(in HttpHeaders headers, in PeerAddress from)
    {
        if (headers.Host.IsEmpty || !AddressRules.IsLocal(from)) return true;
        if (headers.FetchSite.SequenceEqual("none"u8) || headers.FetchSite.SequenceEqual("same-origin"u8)) return true;
        ReadOnlySpan<byte> host = WithoutPort(headers.Host).TrimEnd((byte)'.');
        if (!host.Contains((byte)'.') || PeerAddress.TryParse(host, out _)) return true;
        foreach (string domain in s_localDomains) if (IsBeneath(host, domain)) return true;
        foreach (string name in ownNames) if (Ascii.EqualsIgnoreCase(host, name)) return true;
        return false;
    }

    public static bool AllowsWriting(in HttpHeaders headers)
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

    static bool IsBeneath(ReadOnlySpan<byte> host, string domain) =>
        host.Length > domain.Length && host[^(domain.Length + 1)] == '.' && Ascii.EqualsIgnoreCase(host[^domain.Length..], domain);
}
