// The trackers of a torrent in tiers (BEP 12). Only http, https and udp are spoken; other URLs (wss of web clients) are
// kept apart, for the eye.
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Metainfo;

static class TrackerTiers
{
    /// <summary>URLs of one kind beyond this many are not read: every downloader would knock at each of them.</summary>
    public const int MaxUrls = 1000;

    /// <summary>announce-list if it names any tracker, else announce. A URL appears once, in its first place.</summary>
    /// <param name="others">Receives what is not http, https or udp.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Read(BencodeValue root, List<string> others)
    {
        var tiers = new List<IReadOnlyList<string>>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        root.TryGet("announce-list"u8, out BencodeValue list);
        foreach (BencodeValue item in list.Items)
        {
            var tier = new List<string>();
            if (item.Kind == BencodeKind.Bytes) Add(item.Bytes, tier); // a list without tiers, as some programs write it
            foreach (BencodeValue url in item.Items) Add(url.Bytes, tier);
            if (tier.Count > 0) tiers.Add(tier);
        }
        if (tiers.Count == 0 && root.TryGetBytes("announce"u8, out ReadOnlySpan<byte> announce))
        {
            var tier = new List<string>();
            Add(announce, tier);
            if (tier.Count > 0) tiers.Add(tier);
        }
        return tiers;

        void Add(ReadOnlySpan<byte> raw, List<string> tier)
        {
            string url = Encoding.UTF8.GetString(raw).Trim();
            if (url.Length > 0 && seen.Count < MaxUrls && seen.Add(url)) (IsTracker(url) ? tier : others).Add(url);
        }
    }

    /// <summary>True for an absolute http, https or udp URL with a host (udp: and a port).</summary>
    public static bool IsTracker(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri.Host.Length > 0
        && (uri.Scheme is "http" or "https" || (uri.Scheme == "udp" && uri.Port > 0));

    /// <summary>True for a URL a web seed may have (BEP 19): http or https.</summary>
    public static bool IsWebSeed(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri.Host.Length > 0 && (uri.Scheme is "http" or "https");
}
