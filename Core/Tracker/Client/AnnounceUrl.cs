// The URLs an HTTP tracker is asked with (BEP 3, 23, 7, 48). What the .torrent put into the query stays in front; our
// parameters follow. Info-hash and peer id are binary: every byte but letters and digits is percent-encoded.
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

static class AnnounceUrl
{
    // Without this a Uri rewrites the escapes it is given; a hash must arrive byte for byte. Both paths below are ASCII
    // that Uri has escaped itself, so nothing can end the request line early.
    static readonly UriCreationOptions AsWritten = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <param name="trackerId">What the tracker asked to be given back, or null.</param>
    public static Uri ForAnnounce(Uri tracker, in Announce announce, byte[]? trackerId)
    {
        var url = new StringBuilder(Base(tracker)).Append(tracker.AbsolutePath);
        url.Append(tracker.Query.Length > 1 ? tracker.Query + "&" : "?");
        AppendBinary(url.Append("info_hash="), announce.InfoHash.Bytes);
        AppendBinary(url.Append("&peer_id="), announce.PeerId.Bytes);
        CultureInfo plain = CultureInfo.InvariantCulture;
        url.Append(plain, $"&port={announce.Port}&uploaded={announce.Uploaded}&downloaded={announce.Downloaded}&left={announce.Left}");
        url.Append(plain, $"&compact=1&key={announce.Key:x8}");
        if (announce.NumWant >= 0) url.Append(plain, $"&numwant={announce.NumWant}");
        if (announce.Event != AnnounceEvent.None) url.Append("&event=").Append(NameOf(announce.Event));
        if (!announce.Address.IsNone) url.Append(announce.Address.IsIPv6 ? "&ipv6=" : "&ip=").Append(announce.Address.ToString());
        if (trackerId is not null) AppendBinary(url.Append("&trackerid="), trackerId);
        return new Uri(url.ToString(), AsWritten);
    }

    /// <summary>False if the tracker has no scrape: by BEP 48's convention the last part of its path must start with "announce".</summary>
    public static bool TryForScrape(Uri tracker, InfoHash hash, [NotNullWhen(true)] out Uri? url)
    {
        const string announce = "announce";
        url = null;
        string path = tracker.AbsolutePath;
        int last = path.LastIndexOf('/') + 1;
        if (!path.AsSpan(last).StartsWith(announce)) return false;
        var text = new StringBuilder(Base(tracker)).Append(path.AsSpan(0, last)).Append("scrape").Append(path.AsSpan(last + announce.Length));
        text.Append(tracker.Query.Length > 1 ? tracker.Query + "&" : "?");
        AppendBinary(text.Append("info_hash="), hash.Bytes);
        url = new Uri(text.ToString(), AsWritten);
        return true;
    }

    // Without user name and password: those travel in a header.
    static string Base(Uri tracker) => tracker.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);

    static string NameOf(AnnounceEvent happened) => happened switch
    {
        AnnounceEvent.Started => "started",
        AnnounceEvent.Completed => "completed",
        AnnounceEvent.Paused => "paused",
        _ => "stopped",
    };

    static void AppendBinary(StringBuilder url, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (char.IsAsciiLetterOrDigit((char)b)) url.Append((char)b);
            else url.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
    }
}
