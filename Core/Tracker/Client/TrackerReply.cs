// What came of one request, whichever transport carried it. All of it is the tracker's claim: numbers are clamped where they
// are read, texts are cut to MaxText and made safe for a terminal where they are shown.
using System.Net;
using System.Text;

namespace TinyTorrent.Tracker;

/// <summary>Why a tracker did not help. Ordered: the last one knows most, so it is the one to tell the user.</summary>
enum TrackerFailure : byte
{
    None,

    /// <summary>No address, no connection, no answer in time.</summary>
    Unreachable,

    /// <summary>It answered, but not as a tracker does: a web page, an HTTP error, broken bencode.</summary>
    BadAnswer,

    /// <summary>It said no, with a reason.</summary>
    Refused,
}

sealed record TrackerReply
{
    /// <summary>Characters of a tracker's text that are kept.</summary>
    public const int MaxText = 200;

    /// <summary>Peers kept of one reply; more are never dialled before the next announce.</summary>
    public const int MaxPeers = 2000;

    public TrackerFailure Failure { get; init; }

    /// <summary>Why it failed; empty if it did not.</summary>
    public string Reason { get; init; } = "";

    /// <summary>How long to stay away after a failure (BEP 31, an interval beside the reason, or HTTP's Retry-After); <see cref="TimeSpan.MaxValue"/> is for ever.</summary>
    public TimeSpan? RetryIn { get; init; }

    public TimeSpan? Interval { get; init; }
    public TimeSpan? MinInterval { get; init; }

    /// <summary>Bytes to be sent back with the next announce, or null.</summary>
    public byte[]? TrackerId { get; init; }

    public string? Warning { get; init; }

    /// <summary>Our own address as the tracker sees it (BEP 24).</summary>
    public IPAddress? ExternalAddress { get; init; }

    public int? Seeders { get; init; }
    public int? Leechers { get; init; }

    /// <summary>How often somebody finished (scrape, and a few trackers' announces).</summary>
    public int? Completed { get; init; }

    /// <summary>Dialable as far as the text goes: literal addresses, port not 0. May hold duplicates and ourselves.</summary>
    public IReadOnlyList<IPEndPoint> Peers { get; init; } = [];

    public static TrackerReply Failed(TrackerFailure kind, string reason) => new() { Failure = kind, Reason = reason };

    /// <summary>Why a tracker says no.</summary>
    public static string ReasonText(ReadOnlySpan<byte> bytes) => Text(bytes) is { } text && !string.IsNullOrWhiteSpace(text) ? text : "no reason given";

    /// <summary>A text from a tracker: UTF-8 or whatever it sent, cut to <see cref="MaxText"/>.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        // A character takes at most 4 bytes, so cutting the bytes first bounds the work and loses nothing that is kept.
        string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 4 * MaxText)]);
        return text.Length <= MaxText ? text : text[..MaxText] + "…";
    }
}
