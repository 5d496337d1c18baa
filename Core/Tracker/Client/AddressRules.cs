// Where one HTTP request to a tracker may travel. The URLs in a .torrent come from strangers, so without these rules a .torrent
// could make its readers fetch anything from services that only they can reach (their router, their own machine): server-side
// request forgery.
//   - a local address (IsLocal) is asked only for the paths of a tracker, such as /announce, /KEY/announce and /announce/KEY,
//     unless the user typed the URL
//   - no redirect leads from a global address to a local one, whoever gave the URL
//   - a redirect stays within http and https, and does not go from https to http
// The rules look at addresses, not names, when a connection is made: a name may resolve to anything.
// UDP trackers need no rule: a service that is not one gets 16 fixed bytes, and nothing of the .torrent.
using System.Net;

namespace TinyTorrent.Tracker;

/// <summary>The rules for one request and its redirects. Not thread-safe.</summary>
/// <param name="typed">The URL is the user's own: any path of a local address may be asked.</param>
sealed class AddressRules(bool typed = false)
{
    /// <summary>More redirects than this end the request.</summary>
    public const int MaxRedirects = 5;

    bool _sawGlobal, _cameFromGlobal; // by this connection; by one that has redirected us
    int _redirects;

    /// <summary>Why the last question was answered with false; empty before.</summary>
    public string Objection { get; private set; } = "";

    /// <summary>True if <paramref name="address"/> may be connected to for this URL; it then counts as contacted.</summary>
    public bool Allows(IPAddress address, Uri url)
    {
        if (!IsLocal(PeerAddress.From(address))) return _sawGlobal = true;
        if (_cameFromGlobal) return Object("a redirect to a local address");
        if (!typed && !IsTrackerPath(url.AbsolutePath)) return Object("a local address and not a tracker's path such as /announce, so it is not asked (--tracker URL asks it all the same)");
        return true;
    }

    public bool AllowsRedirect(Uri from, Uri to)
    {
        _cameFromGlobal |= _sawGlobal;
        if (++_redirects > MaxRedirects) return Object($"more than {MaxRedirects} redirects");
        if (to.Scheme is not ("http" or "https")) return Object("a redirect to something other than http and https");
        if (from.Scheme == "https" && to.Scheme == "http") return Object("a redirect from https to http");
        return true;
    }

    /// <summary>Everything a stranger on the internet could not reach: loopback, private and shared ranges, link-local, unspecified,
    /// multicast, and the IPv6 forms of such IPv4 addresses.</summary>
    public static bool IsLocal(in PeerAddress address) => address.Bytes switch
    {
        [100, >= 64 and < 128, _, _] => true, // shared by the customers of a carrier (RFC 6598)
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. var compatible] => IsLocal(PeerAddress.From(compatible)),
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, .. var translated] => IsLocal(PeerAddress.From(translated)), // NAT64 (RFC 6052)
        [0x20, 0x02, _, _, _, _, .. { Length: 10 }] => IsLocal(PeerAddress.From(address.Bytes[2..6])), // 6to4 (RFC 3056)
        _ => address.IsLocal || !address.IsDialable,
    };

    /// <summary>True if the last part of the path, or the one before it, is announce or scrape, perhaps with an extension: private
    /// trackers have the user's key before or behind it.</summary>
    static bool IsTrackerPath(string path)
    {
        ReadOnlySpan<char> rest = path.AsSpan().TrimEnd('/');
        int last = rest.LastIndexOf('/');
        if (IsLeaf(rest[(last + 1)..])) return true;
        rest = rest[..Math.Max(0, last)];
        return IsLeaf(rest[(rest.LastIndexOf('/') + 1)..]);
    }

    static bool IsLeaf(ReadOnlySpan<char> part) =>
        part is "announce" or "scrape" || part.StartsWith("announce.") || part.StartsWith("scrape.");

    bool Object(string why)
    {
        Objection = why;
        return false;
    }
}
