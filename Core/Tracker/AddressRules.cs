// Where one HTTP request may travel. Tracker URLs come from strangers, so without these rules a .torrent could make its
// readers fetch anything from services only they can reach (their router, their own machine): server-side request forgery.
//   - a loopback address is only asked for paths that end in announce or scrape
//   - once a global address was contacted, no redirect may lead to a local one
//   - a redirect stays within http and https, and does not go from https to http
// The rules look at addresses, not names, at the moment of connecting: a name may resolve to anything.
using System.Net;

namespace TinyTorrent.Tracker;

/// <summary>The rules for one request and its redirects. Not thread-safe.</summary>
sealed class AddressRules
{
    /// <summary>More redirects than this end the request.</summary>
    public const int MaxRedirects = 5;

    bool _sawGlobal;
    int _redirects;

    /// <summary>Why the last question was answered with false; empty before.</summary>
    public string Objection { get; private set; } = "";

    /// <summary>True if <paramref name="address"/> may be connected to for this URL; it then counts as contacted.</summary>
    public bool Allows(IPAddress address, Uri url)
    {
        if (!IsLocal(PeerAddress.From(address))) return _sawGlobal = true;
        if (_sawGlobal) return Object("a redirect to a local address");
        if (IPAddress.IsLoopback(address) && !IsTrackerPath(url.AbsolutePath)) return Object("a tracker on this machine whose path does not end in /announce");
        return true;
    }

    public bool AllowsRedirect(Uri from, Uri to)
    {
        if (++_redirects > MaxRedirects) return Object($"more than {MaxRedirects} redirects");
        if (to.Scheme is not ("http" or "https")) return Object("a redirect to something other than http and https");
        if (from.Scheme == "https" && to.Scheme == "http") return Object("a redirect from https to http");
        return true;
    }

    /// <summary>Everything a stranger on the internet could not reach: loopback, private and shared ranges, link-local, unspecified, multicast.</summary>
    public static bool IsLocal(in PeerAddress address) =>
        address.IsLocal || !address.IsDialable || address.Bytes is [100, >= 64 and < 128, _, _];

    static bool IsTrackerPath(string path)
    {
        ReadOnlySpan<char> last = path.AsSpan(path.LastIndexOf('/') + 1);
        return last is "announce" or "scrape" || last.StartsWith("announce.") || last.StartsWith("scrape.");
    }

    bool Object(string why)
    {
        Objection = why;
        return false;
    }
}
