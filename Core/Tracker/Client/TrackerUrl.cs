// Where a tracker is. Most texts come from a .torrent, so they are hostile: only three schemes, no control characters, and no
// parameter that is the announce's own, for those could forge what we tell another service (a request made in our name).
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace TinyTorrent.Tracker;

enum TrackerScheme : byte
{
    Http,
    Https,
    Udp,
}

sealed class TrackerUrl
{
    const int MaxLength = 2048;
    const int MaxHostLength = 253; // RFC 1035

    // A path segment or value at least this long of letters, digits, - and _ is taken for a passkey.
    const int PasskeyLength = 16;

    static readonly string[] OwnParameters =
        ["info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "event", "compact", "numwant", "trackerid"];

    TrackerUrl(string text, Uri uri, TrackerScheme scheme, bool typed)
    {
        Text = text;
        Uri = uri;
        Scheme = scheme;
        IsTyped = typed;
        Display = Redact(uri);
    }

    /// <summary>As it was given: secrets included, control characters excluded.</summary>
    public string Text { get; }

    public Uri Uri { get; }
    public TrackerScheme Scheme { get; }

    /// <summary>The user typed it, so it may lead to any service of this network (<see cref="AddressRules"/>).</summary>
    public bool IsTyped { get; }

    /// <summary>For people: no user name or password, passkeys and query values as <c>…</c>, the host in punycode against look-alikes.</summary>
    public string Display { get; }

    public override string ToString() => Display;

    /// <param name="problem">Why it cannot be used, if it cannot.</param>
    /// <param name="typed">See <see cref="IsTyped"/>.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out TrackerUrl? url, [NotNullWhen(false)] out string? problem, bool typed = false)
    {
        url = null;
        text = text.Trim();
        if (text.Length > MaxLength || text.AsSpan().ContainsAnyInRange('\0', ' ') || !Uri.TryCreate(text, UriKind.Absolute, out Uri? uri))
        {
            problem = "not a URL";
            return false;
        }
        TrackerScheme? scheme = uri.Scheme switch
        {
            "http" => TrackerScheme.Http,
            "https" => TrackerScheme.Https,
            "udp" => TrackerScheme.Udp,
            _ => null,
        };
        problem = scheme is null ? "only http, https and udp trackers are supported"
            : HostOf(uri).Length is 0 or > MaxHostLength ? "a URL without a valid host name"
            : uri.Port <= 0 ? "a udp URL needs a port"
            : NamesOwnParameter(uri.Query) ? "a URL that sets a parameter of the announce itself"
            : null;
        if (problem is not null) return false;
        url = new TrackerUrl(text, uri, scheme!.Value, typed);
        return true;
    }

    /// <summary>What may be shown of a text that <see cref="TryParse"/> may have refused.</summary>
    public static string DisplayOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) ? Redact(uri)
        : text.Length <= TrackerReply.MaxText ? text : text[..TrackerReply.MaxText] + "…";

    /// <summary>The host in ASCII; empty if it has none, or letters that no name may have.</summary>
    static string HostOf(Uri uri)
    {
        try
        {
            return uri.IdnHost;
        }
        catch (UriFormatException) // parsing has let it through, and there is no other test
        {
            return "";
        }
    }

    static bool NamesOwnParameter(string query)
    {
        foreach (string pair in query.TrimStart('?').Split('&'))
        {
            string name = Uri.UnescapeDataString(pair.Split('=')[0]);
            if (Array.Exists(OwnParameters, own => own.Equals(name, StringComparison.OrdinalIgnoreCase))) return true;
        }
        return false;
    }

    static string Redact(Uri uri)
    {
        var shown = new StringBuilder(uri.Scheme).Append("://");
        shown.Append(uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : HostOf(uri));
        if (!uri.IsDefaultPort) shown.Append(':').Append(uri.Port);
        string[] segments = uri.AbsolutePath.Split('/');
        shown.AppendJoin('/', Array.ConvertAll(segments, s => IsSecret(s) ? "…" : s));
        string separator = "?";
        foreach (string pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            shown.Append(separator).Append(equals < 0 ? "…" : $"{pair[..equals]}=…");
            separator = "&";
        }
        return shown.ToString();
    }

    static bool IsSecret(string segment) =>
        segment.Length >= PasskeyLength && Array.TrueForAll(segment.ToCharArray(), static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
