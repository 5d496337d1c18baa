// Reads the bencoded answers of HTTP trackers: announce (BEP 3, 7, 23, 24, 31) and scrape (BEP 48). Bytes in, a TrackerReply
// out; whatever is wrong with them becomes a reason a person can act on. Unknown keys and ill-typed fields are skipped:
// trackers in the wild disagree about most of them.
using System.Diagnostics.CodeAnalysis;
using System.Net;
using TinyTorrent.Bencode;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

static class HttpReply
{
    const int MaxSeconds = 24 * 60 * 60;
    const int MaxTrackerId = 256;

    /// <param name="status">The HTTP status: some trackers send their failure reason with a 4xx.</param>
    public static TrackerReply ReadAnnounce(int status, ReadOnlySpan<byte> body)
    {
        if (!TryOpen(status, body, out BencodeValue root, out TrackerReply? problem)) return problem;
        var peers = new List<IPEndPoint>();
        bool known = false;
        if (root.TryGet("peers"u8, out BencodeValue list))
        {
            known = true;
            ReadPeers(list, CompactPeers.Size4, peers);
        }
        if (root.TryGet("peers6"u8, out list))
        {
            known = true;
            ReadPeers(list, CompactPeers.Size6, peers);
        }
        TimeSpan? interval = Seconds(root, "interval"u8);
        if (!known && interval is null) return TrackerReply.Failed(TrackerFailure.BadAnswer, "an answer with neither peers nor interval");
        if (peers.Count > TrackerReply.MaxPeers) peers.RemoveRange(TrackerReply.MaxPeers, peers.Count - TrackerReply.MaxPeers);
        return new TrackerReply
        {
            Peers = peers,
            Interval = interval,
            MinInterval = Seconds(root, "min interval"u8),
            TrackerId = root.TryGetBytes("tracker id"u8, out ReadOnlySpan<byte> id) && id.Length is > 0 and <= MaxTrackerId ? id.ToArray() : null,
            Warning = TextOrNull(root, "warning message"u8),
            ExternalAddress = root.TryGetBytes("external ip"u8, out ReadOnlySpan<byte> ip) && ip.Length is 4 or 16 ? new IPAddress(ip) : null,
            Seeders = Count(root, "complete"u8),
            Leechers = Count(root, "incomplete"u8),
            Completed = Count(root, "downloaded"u8),
        };
    }

    public static TrackerReply ReadScrape(int status, ReadOnlySpan<byte> body, InfoHash hash)
    {
        if (!TryOpen(status, body, out BencodeValue root, out TrackerReply? problem)) return problem;
        if (!root.TryGet("files"u8, out BencodeValue files)) return TrackerReply.Failed(TrackerFailure.BadAnswer, "a scrape answer without files");
        if (!files.TryGet(hash.Bytes, out BencodeValue counts)) return TrackerReply.Failed(TrackerFailure.Refused, "the tracker does not know this torrent");
        return new TrackerReply
        {
            Seeders = Count(counts, "complete"u8) ?? 0,
            Leechers = Count(counts, "incomplete"u8) ?? 0,
            Completed = Count(counts, "downloaded"u8),
        };
    }

    /// <summary>True for a dictionary that reports no failure under a good status.</summary>
    static bool TryOpen(int status, ReadOnlySpan<byte> body, out BencodeValue root, [NotNullWhen(false)] out TrackerReply? problem)
    {
        // A prefix, because some trackers end their answer with a line break.
        bool parsed = BencodeValue.TryParsePrefix(body, out root, out BencodeError error) && root.Kind == BencodeKind.Dictionary;
        if (parsed && root.TryGetBytes("failure reason"u8, out ReadOnlySpan<byte> reason))
            problem = TrackerReply.Failed(IsPassing(status) ? TrackerFailure.BadAnswer : TrackerFailure.Refused, TrackerReply.ReasonText(reason)) with { RetryIn = RetryIn(root) };
        else if (status is < 200 or > 299) problem = OfStatus(status) with { RetryIn = parsed ? RetryIn(root) : null };
        else if (!parsed) problem = TrackerReply.Failed(TrackerFailure.BadAnswer, Describe(body, error));
        else problem = null;
        return problem is null;
    }

    /// <summary>Too many requests, or a server in trouble: says nothing about the torrent.</summary>
    static bool IsPassing(int status) => status is 429 or >= 500;

    // 401 and 403 are how a private tracker without bencode says no.
    static TrackerReply OfStatus(int status) =>
        TrackerReply.Failed(status is 401 or 403 ? TrackerFailure.Refused : TrackerFailure.BadAnswer, $"answered HTTP {status}");

    static string Describe(ReadOnlySpan<byte> body, BencodeError error)
    {
        ReadOnlySpan<byte> start = body.TrimStart("\uFEFF \t\r\n"u8);
        return start.IsEmpty ? "an empty answer"
            : start[0] == '<' ? "a web page instead of a tracker's answer"
            : error.Reason is null ? "not a tracker's answer: not a dictionary"
            : $"not a tracker's answer: {error}";
    }

    static void ReadPeers(BencodeValue list, int size, List<IPEndPoint> peers)
    {
        CompactPeers.Read(list.Bytes, size, peers); // empty unless it is the compact form
        foreach (BencodeValue peer in list.Items)
        {
            if (peers.Count == TrackerReply.MaxPeers) return;
            // A host name is not looked up: a tracker could make every client of a torrent query its victim's servers.
            if (peer.TryGetInteger("port"u8, out long port) && port is > 0 and <= ushort.MaxValue
                && peer.TryGetBytes("ip"u8, out ReadOnlySpan<byte> ip) && PeerAddress.TryParse(ip, out PeerAddress address))
                peers.Add(new IPEndPoint(address.ToIPAddress(), (int)port));
        }
    }

    /// <summary>How long to stay away: "retry in", minutes or "never" (BEP 31), else the longer of the two intervals.</summary>
    static TimeSpan? RetryIn(BencodeValue root)
    {
        if (root.TryGet("retry in"u8, out BencodeValue value))
        {
            if (value.Bytes.SequenceEqual("never"u8)) return TimeSpan.MaxValue;
            long minutes = value.Integer;
            if (value.Kind == BencodeKind.Bytes && !long.TryParse(value.Bytes, out minutes)) minutes = 0;
            if (minutes > 0) return TimeSpan.FromMinutes(Math.Min(minutes, MaxSeconds / 60));
        }
        TimeSpan? interval = Seconds(root, "interval"u8), min = Seconds(root, "min interval"u8);
        return min > interval || interval is null ? min : interval;
    }

    static TimeSpan? Seconds(BencodeValue root, ReadOnlySpan<byte> key) =>
        root.TryGetInteger(key, out long seconds) && seconds >= 0 ? TimeSpan.FromSeconds(Math.Min(seconds, MaxSeconds)) : null;

    static int? Count(BencodeValue root, ReadOnlySpan<byte> key) =>
        root.TryGetInteger(key, out long count) ? (int)Math.Clamp(count, 0, int.MaxValue) : null;

    static string? TextOrNull(BencodeValue root, ReadOnlySpan<byte> key) =>
        root.TryGetBytes(key, out ReadOnlySpan<byte> text) && text.Length > 0 ? TrackerReply.Text(text) : null;
}
