// `info`: everything a .torrent or a magnet link says, as text or as one JSON object. Nothing is asked of the network
// (but an http(s) SOURCE is fetched).
using System.Globalization;
using System.Text;
using System.Text.Json;
using TinyTorrent.Bencode;
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class InfoCommand
{
    public static readonly Command Command = new(
        "info", "SOURCE [options]", "show what a .torrent or a magnet link says", MaxOperands: 1,
        [JsonEvents.Option], Run)
    {
        Details = $"""
            {TorrentSource.Forms}

            Names are shown as they are stored, comments with invisible characters replaced. The numbers before the files are those that get --files takes.
            """,
    };

    static readonly string[] RootKeys =
        ["announce", "announce-list", "comment", "created by", "creation date", "info", "nodes", "url-list", "encoding", "piece layers"];

    static readonly string[] InfoKeys =
        ["file tree", "files", "length", "meta version", "name", "name.utf-8", "piece length", "pieces", "private", "source"];

    static ExitCode Run(Arguments arguments)
    {
        TorrentSource source = TorrentSource.Load(arguments.Operand(0, "SOURCE"));
        if (JsonEvents.Create(arguments) is { } events) events.Write("info", json => WriteJson(json, source));
        else
        {
            // A million files are a hundred MB of text, which need not be in memory at once.
            using var text = new StreamWriter(StandardStreams.Output, bufferSize: 64 * 1024, leaveOpen: true);
            Describe(text, source);
        }
        return ExitCode.Done;
    }

    /// <summary>The text form, safe to show.</summary>
    public static void Describe(TextWriter text, TorrentSource source)
    {
        if (source.Name is { } name) Line(text, "Name", name);
        Line(text, "Info-hash", source.InfoHash.ToString());
        if (source.Metainfo is { } torrent) DescribeMetainfo(text, torrent);
        for (int tier = 0; tier < source.Trackers.Count; tier++)
            foreach (string url in source.Trackers[tier])
                Line(text, string.Create(CultureInfo.InvariantCulture, $"Tracker {tier + 1}"), url);
        foreach (string url in source.Metainfo?.OtherTrackers ?? []) Line(text, "Not asked", url);
        foreach (string url in source.WebSeeds) Line(text, "Web seed", url);
        foreach (HostPort peer in source.Peers) Line(text, "Peer", peer.ToString());
        foreach (HostPort node in source.Metainfo?.Nodes ?? []) Line(text, "Node", node.ToString());
        if (source.Selected.Count > 0) Line(text, "Selected", string.Join(", ", Texts(source.Selected, r => $"{r.First}-{r.Last}")));
        if (source.Metainfo is null) text.WriteLine("The files are not known: a magnet link or an info-hash only names a torrent.");
        else DescribeFiles(text, source.Metainfo);
    }

    static void DescribeMetainfo(TextWriter text, MetainfoFile torrent)
    {
        Geometry geometry = torrent.Geometry;
        Line(text, "Size", Size(geometry.TotalLength));
        Line(text, "Pieces", string.Create(CultureInfo.InvariantCulture, $"{geometry.PieceCount} of {Size(geometry.PieceLength)}"));
        Line(text, "Version", torrent.HasV2 ? "1 and 2 (hybrid, read as 1)" : "1");
        Line(text, "Private", torrent.IsPrivate ? "yes: peers come from its trackers only" : "no");
        if (torrent.Source is { } mark) Line(text, "Source", mark);
        if (torrent.Comment is { } comment) Line(text, "Comment", comment);
        if (torrent.CreatedBy is { } program) Line(text, "Created by", program);
        if (torrent.CreationDate is { } date) Line(text, "Created", Date(date));
        if (UnknownKeys(torrent) is { Count: > 0 } unknown) Line(text, "Also has", string.Join(", ", unknown));
    }

    static void DescribeFiles(TextWriter text, MetainfoFile torrent)
    {
        int padding = torrent.Files.Files.Count(file => file.IsPadding);
        int count = torrent.Files.Files.Count - padding;
        Line(text, "Files", string.Create(CultureInfo.InvariantCulture, $"{count}") + (padding == 0 ? "" : $" and {padding} of padding, never stored"));
        for (int i = 0; i < torrent.Files.Files.Count; i++)
        {
            FileEntry file = torrent.Files.Files[i];
            if (!file.IsPadding) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i + 1,6} {file.Length,17:N0}  {Display.Safe(file.Path)}"));
        }
    }

    static void WriteJson(Utf8JsonWriter json, TorrentSource source)
    {
        json.WriteString("info_hash", source.InfoHash.ToString());
        if (source.Name is { } name) json.WriteString("name", name);
        if (source.Metainfo is { } torrent) WriteMetainfo(json, torrent);
        json.WriteStartArray("trackers");
        foreach (IReadOnlyList<string> tier in source.Trackers) WriteList(json, null, tier);
        json.WriteEndArray();
        WriteList(json, "web_seeds", source.WebSeeds);
        WriteList(json, "peers", Texts(source.Peers, peer => peer.ToString()));
        if (source.Selected.Count > 0) WriteList(json, "selected", Texts(source.Selected, r => $"{r.First}-{r.Last}"));
    }

    static void WriteMetainfo(Utf8JsonWriter json, MetainfoFile torrent)
    {
        json.WriteNumber("length", torrent.Geometry.TotalLength);
        json.WriteNumber("piece_length", torrent.Geometry.PieceLength);
        json.WriteNumber("piece_count", torrent.Geometry.PieceCount);
        json.WriteBoolean("multi_file", torrent.IsMultiFile);
        json.WriteBoolean("hybrid", torrent.HasV2);
        json.WriteBoolean("private", torrent.IsPrivate);
        if (torrent.Source is { } mark) json.WriteString("source", mark);
        if (torrent.Comment is { } comment) json.WriteString("comment", comment);
        if (torrent.CreatedBy is { } program) json.WriteString("created_by", program);
        if (torrent.CreationDate is { } date) json.WriteNumber("creation_date", date);
        WriteList(json, "nodes", Texts(torrent.Nodes, node => node.ToString()));
        WriteList(json, "other_trackers", torrent.OtherTrackers);
        WriteList(json, "unknown_keys", UnknownKeys(torrent));
        json.WriteStartArray("files");
        for (int i = 0; i < torrent.Files.Files.Count; i++)
        {
            FileEntry file = torrent.Files.Files[i];
            json.WriteStartObject();
            json.WriteNumber("number", i + 1);
            json.WriteString("path", file.Path);
            if (file.OriginalPath is { } original) json.WriteString("original_path", original);
            json.WriteNumber("length", file.Length);
            if (file.IsPadding) json.WriteBoolean("padding", true);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // LINQ over structs would do the same, at 100 KB of machine code for each kind of struct.
    static List<string> Texts<T>(IReadOnlyList<T> items, Func<T, string> text)
    {
        var texts = new List<string>(items.Count);
        foreach (T item in items) texts.Add(text(item));
        return texts;
    }

    static void WriteList(Utf8JsonWriter json, string? name, IEnumerable<string> texts)
    {
        if (name is null) json.WriteStartArray();
        else json.WriteStartArray(name);
        foreach (string text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    /// <summary>What the torrent holds besides what is shown: <c>x</c> beside info, <c>info.x</c> inside.</summary>
    static List<string> UnknownKeys(MetainfoFile torrent)
    {
        var keys = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal); // a key may come twice
        Add("", torrent.Raw.Span, RootKeys);
        Add("info.", torrent.InfoBytes.Span, InfoKeys);
        return keys;

        void Add(string prefix, ReadOnlySpan<byte> dictionary, string[] known)
        {
            if (!BencodeValue.TryParse(dictionary, out BencodeValue root, out _)) return;
            foreach (BencodeEntry entry in root.Entries)
            {
                string key = Encoding.UTF8.GetString(entry.Key);
                if (!known.Contains(key) && seen.Add(prefix + key)) keys.Add(prefix + key);
            }
        }
    }

    static void Line(TextWriter text, string field, string value) => text.WriteLine($"{field + ":",-12}" + Display.Safe(value));

    static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{Display.Bytes(bytes)} ({bytes:N0} bytes)");

    /// <summary>Seconds since 1970 as UTC; the number itself if no calendar has that day.</summary>
    static string Date(long seconds) =>
        seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)
            : seconds.ToString(CultureInfo.InvariantCulture);
}
