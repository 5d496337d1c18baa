// The page of `browse`, on the loopback interface, for one person. Every path begins with a token that only the printed URL
// holds, so other users of this machine, and pages of other sites, can do nothing but take up places for a while. A request
// must also name this very address (against names that were pointed here) and, where a browser says where it comes from,
// come from this page.
//   GET  /TOKEN/                      the page
//   GET  /TOKEN/catalogue.json?...    the tracker's answer, passed on
//   GET  /TOKEN/downloads.json        what is being fetched
//   POST /TOKEN/downloads/INFO-HASH   fetches; DELETE ends that
//   GET  /TOKEN/play/INFO-HASH/FILE   a file while it is fetched, with Range
using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Browse;

/// <summary>Asks the tracker's catalogue.</summary>
/// <param name="query">With its question mark, or empty.</param>
/// <exception cref="IOException">No answer came; the message says why.</exception>
delegate (int Status, byte[] Json) CatalogueQuestion(string query, CancellationToken cancellation);

sealed class BrowseServer : IDisposable
{
    const int TokenSize = 16;

    const string CommonHeaders = "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nCross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer";

    /// <summary>A browser makes six connections, and a player that was left keeps one until the next write to it.</summary>
    public static readonly HttpLimits Limits = new() { Connections = 64 };

    readonly HttpServer _server;
    readonly string _host, _name;
    readonly byte[] _root; // "/TOKEN/"
    readonly byte[] _page;
    readonly Downloads _downloads;
    readonly CatalogueQuestion _list;
    readonly CancellationTokenSource _stop = new(); // never disposed: a late request may still look at it

    /// <param name="port">0 for any.</param>
    /// <exception cref="SocketException">The port cannot be had.</exception>
    public BrowseServer(int port, ContentKind? kind, Downloads downloads, CatalogueQuestion list, HttpLimits? limits = null)
    {
        (_downloads, _list) = (downloads, list);
        _page = WebPage.Write(PageMode.Client, kind);
        string root = $"/{Convert.ToHexStringLower(Entropy.Secret(TokenSize))}/";
        _root = Encoding.ASCII.GetBytes(root);
        SharedPort shared = SharedPort.Open(IPAddress.Loopback, port, udp: false);
        _host = new Uri($"http://127.0.0.1:{shared.Number}").Authority;
        _name = new Uri($"http://localhost:{shared.Number}").Authority;
        Url = $"http://{_host}{root}";
        _server = new HttpServer(shared.Tcp[0], Answer, limits ?? Limits, new Clock(), new TrackerCounters());
    }

    /// <summary>With the token.</summary>
    public string Url { get; }

    void Answer(in HttpRequest request, HttpResponse response)
    {
        response.Headers = CommonHeaders;
        ReadOnlySpan<byte> path = request.Path;
        if (!IsFromHere(request.Headers)) Fail(response, 403, "this page is only for who started it");
        else if (!path.StartsWith(_root)) Fail(response, 404, "open the URL that 'tinytorrent browse' has printed");
        else if (request.Method is HttpVerb.Get or HttpVerb.Head) Read(path[_root.Length..], request, response);
        else if (path[_root.Length..].StartsWith("downloads/"u8)) Change(path[(_root.Length + "downloads/".Length)..], request.Method, response);
        else Fail(response, 404, "there is nothing here");
    }

    /// <summary>Sent to this very address, and not by a page of another site.</summary>
    bool IsFromHere(in HttpHeaders headers) =>
        (Is(headers.Host, _host) || Is(headers.Host, _name))
        && (headers.Origin.IsEmpty || (headers.Origin.StartsWith("http://"u8) && headers.Origin["http://".Length..].SequenceEqual(headers.Host)))
        && (headers.FetchSite.IsEmpty || Is(headers.FetchSite, "same-origin") || Is(headers.FetchSite, "none"));

    static bool Is(ReadOnlySpan<byte> field, string text) => Ascii.Equals(field, text);

    void Read(ReadOnlySpan<byte> path, in HttpRequest request, HttpResponse response)
    {
        if (path.IsEmpty) ShowPage(response);
        else if (path.SequenceEqual("catalogue.json"u8)) List(request.Query, response);
        else if (path.SequenceEqual("downloads.json"u8)) WriteJson(response, 200, _downloads.WriteTo);
        else if (path.StartsWith("play/"u8)) Play(path["play/".Length..], request.Headers, response);
        else Fail(response, 404, "there is nothing here");
    }

    void ShowPage(HttpResponse response)
    {
        response.ContentType = WebPage.ContentType;
        response.Headers += $"\r\nContent-Security-Policy: {WebPage.Policy}";
        response.Write(_page);
    }

    void List(ReadOnlySpan<byte> query, HttpResponse response)
    {
        try
        {
            (int status, byte[] json) = _list(query.IsEmpty ? "" : "?" + Encoding.ASCII.GetString(query), _stop.Token);
            (response.Status, response.ContentType) = (status, "application/json");
            response.Write(json);
        }
        catch (IOException e)
        {
            Fail(response, 502, e.Message);
        }
    }

    void Change(ReadOnlySpan<byte> hex, HttpVerb verb, HttpResponse response)
    {
        if (!InfoHash.TryParseHex(Encoding.ASCII.GetString(hex), out InfoHash hash)) Fail(response, 400, "not an info-hash");
        else if (verb == HttpVerb.Post)
        {
            if (_downloads.TryStart(hash)) Tell(response, 202, hash);
            else Fail(response, 503, "there are too many downloads already");
        }
        else if (_downloads.StopAsync(hash).GetAwaiter().GetResult()) Tell(response, 200, hash);
        else Fail(response, 404, "no such torrent is being downloaded");
    }

    static void Tell(HttpResponse response, int status, InfoHash hash) => WriteJson(response, status, json =>
    {
        json.WriteStartObject();
        json.WriteString("info_hash", hash.ToString());
        json.WriteEndObject();
    });

    void Play(ReadOnlySpan<byte> what, in HttpHeaders headers, HttpResponse response)
    {
        int slash = Math.Max(0, what.IndexOf((byte)'/'));
        if (!InfoHash.TryParseHex(Encoding.ASCII.GetString(what[..slash]), out InfoHash hash)
            || !int.TryParse(what[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            || _downloads.Find(hash) is not var (playback, metainfo) || index >= metainfo.Files.Files.Count)
        {
            Fail(response, 404, "no such file is being downloaded");
            return;
        }
        FileEntry file = metainfo.Files.Files[index];
        string tag = $"\"{hash}-{index}\""; // the content of a torrent's file never changes
        response.Headers += $"\r\nAccept-Ranges: bytes\r\nETag: {tag}";
        ReadOnlySpan<byte> asked = headers.IfRange.IsEmpty || Is(headers.IfRange, tag) ? headers.Range : default;
        if (!ByteRange.TryRead(asked.IsEmpty ? null : Encoding.ASCII.GetString(asked), file.Length, out ByteRange range, out bool isPartial))
        {
            response.Headers += $"\r\nContent-Range: bytes */{file.Length}";
            Fail(response, 416, "the file ends before that");
            return;
        }
        if (isPartial) response.Headers += $"\r\nContent-Range: bytes {range.From}-{range.From + range.Length - 1}/{file.Length}";
        (response.Status, response.ContentType) = (isPartial ? 206 : 200, MediaType.Of(file.Path));
        response.Streamed = new StreamedBody(range.Length, async (output, gone) =>
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(gone, _stop.Token);
            await playback.CopyAsync(file.Offset + range.From, range.Length, output, end.Token).ConfigureAwait(false);
        });
    }

    static void Fail(HttpResponse response, int status, string error) => WriteJson(response, status, json =>
    {
        json.WriteStartObject();
        json.WriteString("error", error);
        json.WriteEndObject();
    });

    static void WriteJson(HttpResponse response, int status, Action<Utf8JsonWriter> write)
    {
        (response.Status, response.ContentType) = (status, "application/json");
        using var json = new Utf8JsonWriter(response);
        write(json);
    }

    /// <summary>Ends every request, a player's too.</summary>
    public void Dispose()
    {
        if (_stop.IsCancellationRequested) return;
        _stop.Cancel();
        _server.Dispose();
    }
}
