// A magnet link (BEP 9, BEP 53): magnet:?xt=urn:btih:HASH&dn=name&tr=tracker&ws=web seed&x.pe=host:port&so=0,3-5
// The hash is 40 hex digits or, in old links, 32 letters of base 32. A v2 hash (urn:btmh) may stand beside it.
using System.Globalization;
using System.Text;
using TinyTorrent.Types;

namespace TinyTorrent.Metainfo;

sealed record Magnet(InfoHash InfoHash)
{
    const string Scheme = "magnet:?";

    /// <summary>What the link calls the torrent; nobody vouches for it.</summary>
    public string? Name { get; init; }

    /// <summary>http, https and udp URLs, each once.</summary>
    public IReadOnlyList<string> Trackers { get; init; } = [];

    public IReadOnlyList<string> WebSeeds { get; init; } = [];
    public IReadOnlyList<HostPort> Peers { get; init; } = [];

    /// <summary>The files to fetch as ranges of file indices, both ends included (BEP 53); empty: all.</summary>
    public IReadOnlyList<(int First, int Last)> Selected { get; init; } = [];

    public static bool IsMagnet(string text) => text.StartsWith("magnet:", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="FormatException">Names the field.</exception>
    public static Magnet Parse(string link)
    {
        if (!link.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) throw new FormatException("a magnet link starts with magnet:?");
        InfoHash? hash = null;
        bool hasV2 = false;
        string? name = null;
        var trackers = new List<string>();
        var webSeeds = new List<string>();
        var peers = new List<HostPort>();
        var selected = new List<(int, int)>();
        foreach (string field in link[Scheme.Length..].Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            (string key, string value) = Split(field);
            switch (key)
            {
                case "xt" when value.StartsWith("urn:btih:", StringComparison.OrdinalIgnoreCase):
                    InfoHash found = ReadHash(value["urn:btih:".Length..]);
                    if (hash is { } first && first != found) throw new FormatException("xt: the link names two torrents");
                    hash = found;
                    break;
                case "xt":
                    hasV2 |= value.StartsWith("urn:btmh:", StringComparison.OrdinalIgnoreCase);
                    break;
                case "dn":
                    name ??= value;
                    break;
                case "tr" when TrackerTiers.IsTracker(value) && !trackers.Contains(value):
                    trackers.Add(value);
                    break;
                case "ws" when TrackerTiers.IsWebSeed(value) && !webSeeds.Contains(value):
                    webSeeds.Add(value);
                    break;
                case "x.pe" when HostPort.TryParse(value, out HostPort peer) && !peers.Contains(peer):
                    peers.Add(peer);
                    break;
                case "so":
                    ReadSelected(value, selected);
                    break;
            }
        }
        if (hash is null)
            throw new FormatException(hasV2
                ? "xt: the link names a torrent of version 2 alone (urn:btmh, BEP 52), which is not supported"
                : "xt: the link has no urn:btih: and so names no torrent");
        return new Magnet(hash.Value) { Name = name, Trackers = trackers, WebSeeds = webSeeds, Peers = peers, Selected = selected };
    }

    /// <summary>The link in its usual form: hash in hex, then name, trackers, web seeds and peers.</summary>
    public override string ToString()
    {
        var link = new StringBuilder("magnet:?xt=urn:btih:").Append(InfoHash.ToString());
        if (Name is not null) link.Append("&dn=").Append(Uri.EscapeDataString(Name));
        foreach (string tracker in Trackers) link.Append("&tr=").Append(Uri.EscapeDataString(tracker));
        foreach (string seed in WebSeeds) link.Append("&ws=").Append(Uri.EscapeDataString(seed));
        foreach (HostPort peer in Peers) link.Append("&x.pe=").Append(peer.ToString());
        return link.ToString();
    }

    /// <summary>The key without its number (tr.1 is tr), and the value decoded. Links copied from HTML have "amp;" before the key.</summary>
    static (string Key, string Value) Split(string field)
    {
        if (field.StartsWith("amp;", StringComparison.Ordinal)) field = field[4..];
        int equals = field.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0) return (field, "");
        string key = field[..equals].ToLowerInvariant();
        int dot = key.LastIndexOf('.');
        if (dot > 0 && int.TryParse(key.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _)) key = key[..dot];
        string value = field[(equals + 1)..];
        if (key == "dn") value = value.Replace('+', ' '); // names come out of web forms; in a URL a plus is a plus
        return (key, Uri.UnescapeDataString(value));
    }

    static InfoHash ReadHash(string text)
    {
        if (InfoHash.TryParseHex(text, out InfoHash hash) || TryParseBase32(text, out hash)) return hash;
        throw new FormatException("xt: an info-hash has 40 hex digits or 32 letters of base 32");
    }

    /// <summary>RFC 4648 base 32, either case: 32 letters are 160 bits exactly, so there is no padding.</summary>
    static bool TryParseBase32(string text, out InfoHash hash)
    {
        hash = default;
        if (text.Length != InfoHash.Size * 8 / 5) return false;
        Span<byte> bytes = hash;
        int bits = 0, held = 0, at = 0;
        foreach (char c in text)
        {
            int value = char.IsAsciiLetter(c) ? (c | 0x20) - 'a' : c is >= '2' and <= '7' ? c - '2' + 26 : -1;
            if (value < 0) return false;
            bits = (bits << 5 | value) & 0xFFF;
            held += 5;
            if (held < 8) continue;
            held -= 8;
            bytes[at++] = (byte)(bits >> held);
        }
        return true;
    }

    static void ReadSelected(string value, List<(int, int)> selected)
    {
        foreach (string range in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = range.Split('-');
            if (ends.Length > 2 || !TryIndex(ends[0], out int first) || !TryIndex(ends[^1], out int last) || last < first)
                throw new FormatException("so: file numbers look like 0,2,5-8");
            selected.Add((first, last));
        }

        static bool TryIndex(string text, out int index) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }
}
