// The catalogue over HTTP: its page at GET /, and GET /catalogue.json, GET /torrents/<info-hash>.torrent, POST /catalogue,
// DELETE /catalogue/<info-hash>, and DELETE /catalogue for everything.
// Every refusal is a status and {"error": one sentence}. Whoever may not write is told so before a body is taken from him.
// What searches, or waits for the disk, is done by the server's workers: no announce waits for it.
using System.Buffers;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Net;

/// <param name="operators">The operator's secret, which takes anything away and has no limit.</param>
/// <param name="isOpen">Anybody may publish; otherwise only with the operator's secret.</param>
/// <param name="hosts">See <see cref="PageGuard"/>.</param>
sealed class CatalogueRoutes(CatalogueKeeper keeper, WriteToken operators, bool isOpen, IReadOnlyList<string> hosts)
{
    readonly PageGuard _guard = new(hosts);

    const string CommonHeaders = "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store";

    const string StillThere = "the tracker's disk does not let go of it";

    /// <summary>How long a request waits for a catalogue that is being read, at a start; most of them are read by then.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    static readonly byte[] s_page = WebPage.Write(PageMode.Tracker, null);
    static readonly string s_pageHeaders = $"{CommonHeaders}\r\nContent-Security-Policy: {WebPage.Policy}\r\nReferrer-Policy: no-referrer";

    static ReadOnlySpan<byte> Collection => "/catalogue"u8;
    static ReadOnlySpan<byte> Listing => "/catalogue.json"u8;
    static ReadOnlySpan<byte> Torrents => "/torrents/"u8;

    /// <param name="keys">Null, or one of them must stand in front: /key/catalogue.json.</param>
    /// <returns>False if the path is not one of the catalogue's.</returns>
    public bool TryAnswer(in HttpRequest request, HttpResponse response, Passkeys? keys)
    {
        if (keys is null)
        {
            if (!Knows(request.Path)) return false;
            Answer(request.Path, request, response);
            return true;
        }
        Split(request.Path, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> rest);
        if (Knows(rest) && keys.Contains(key)) Answer(rest, request, response);
        else if (Knows(rest) || Knows(request.Path)) Fail(response, 403, "a passkey is needed");
        else return false;
        return true;
    }

    /// <summary>Tells who asks too often so.</summary>
    /// <param name="headers">As those of <see cref="HttpResponse"/>.</param>
    /// <returns>False if the path is not one of the catalogue's.</returns>
    public bool TryRefuse(ReadOnlySpan<byte> path, HttpResponse response, Passkeys? keys, ReadOnlySpan<byte> reason, string headers)
    {
        Split(path, out _, out ReadOnlySpan<byte> rest);
        if (!Knows(path) && (keys is null || !Knows(rest))) return false;
        Fail(response, 429, Encoding.UTF8.GetString(reason));
        response.Headers += headers;
        return true;
    }

    /// <summary>/key/rest; both empty if there is but one part.</summary>
    static void Split(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> rest)
    {
        int second = path[1..].IndexOf((byte)'/') + 1;
        key = second > 0 ? path[1..second] : default;
        rest = second > 0 ? path[second..] : default;
    }

    static bool Knows(ReadOnlySpan<byte> path) =>
        path.SequenceEqual("/"u8) || path.SequenceEqual(Collection) || path.SequenceEqual(Listing) || path.StartsWith("/catalogue/"u8) || path.StartsWith(Torrents);

    void Answer(ReadOnlySpan<byte> path, in HttpRequest request, HttpResponse response)
    {
        bool reads = request.Method is HttpVerb.Get or HttpVerb.Head;
        if (reads && path.SequenceEqual("/"u8)) ShowPage(response);
        else if (!_guard.AllowsReading(request.Headers, request.From))
            Fail(response, 403, "a browser on the tracker's own network reads this catalogue under the tracker's address; the tracker's --host allows a name, --trust-proxy a proxy");
        else if (reads && path.SequenceEqual(Listing)) OnWorker(request, response, List);
        else if (reads && path.StartsWith(Torrents)) OnWorker(request, response, Give);
        else if (request.Method == HttpVerb.Post && path.SequenceEqual(Collection)) Publish(request, response);
        else if (request.Method == HttpVerb.Delete && path.SequenceEqual(Collection)) Clear(request, response);
        else if (request.Method == HttpVerb.Delete && path.StartsWith("/catalogue/"u8)) OnWorker(request, response, Remove);
        else Fail(response, 405, "this can be read at /catalogue.json, published to with POST and taken away with DELETE");
    }

    /// <summary>For answers that need the list: they search it, or wait for the disk.</summary>
    void OnWorker(in HttpRequest request, HttpResponse response, HttpHandler answer)
    {
        if (response.Defer()) return;
        if (keeper.AwaitLoaded(s_patience)) answer(request, response);
        else FailForNow(response, "the catalogue is still being read");
    }

    static void FailForNow(HttpResponse response, string why)
    {
        Fail(response, 503, why);
        response.Headers += HttpResponse.RetryLater;
    }

    /// <summary>What stands behind the last slash.</summary>
    static ReadOnlySpan<byte> LastPart(in HttpRequest request) => request.Path[(request.Path.LastIndexOf((byte)'/') + 1)..];

    static void ShowPage(HttpResponse response)
    {
        (response.ContentType, response.Headers) = (WebPage.ContentType, s_pageHeaders);
        response.Stored = new StoredBody(s_page);
    }

    void List(in HttpRequest request, HttpResponse response)
    {
        if (!CatalogueQuery.TryRead(request.Query, out CatalogueQuery query, out string problem))
        {
            Fail(response, 400, problem);
            return;
        }
        CataloguePage page = keeper.Store.Search(query);
        if (!response.TryReserve(page.MaxJsonSize))
        {
            FailForNow(response, "too much is being sent at this moment");
            return;
        }
        (response.ContentType, response.Headers) = ("application/json", CommonHeaders);
        page.WriteTo(response, UnixNow);
    }

    void Give(in HttpRequest request, HttpResponse response)
    {
        ReadOnlySpan<byte> file = LastPart(request);
        if (!file.EndsWith(".torrent"u8) || Find(file[..^".torrent".Length]) is not { } entry || !keeper.Store.IsShown(entry))
        {
            Fail(response, 404, "there is no such torrent in the catalogue");
            return;
        }
        StoredBody? torrent = entry.Torrent is { } kept ? new StoredBody(kept) : keeper.Open(entry) is { } stored ? new StoredBody(stored) : null;
        if (torrent is null)
        {
            Fail(response, 500, "the torrent cannot be read");
            return;
        }
        // By the hash, which needs no escapes: the name inside is a stranger's.
        string name = $"Content-Disposition: attachment; filename=\"{entry.InfoHash}.torrent\"";
        (response.ContentType, response.Headers, response.Stored) = ("application/x-bittorrent", $"{CommonHeaders}\r\n{name}", torrent);
    }

    void Publish(in HttpRequest request, HttpResponse response)
    {
        if (!PageGuard.AllowsWriting(request.Headers)) Fail(response, 403, "a page of another site may not publish");
        else if (!isOpen && !operators.Fits(Bearer(request.Headers))) RefuseToken(request.Headers, response, "publishing here");
        else if (request.BodyLength > MetainfoFile.MaxBytes) Fail(response, 413, "a .torrent has at most 10,000,000 bytes");
        else if (!request.IsWhole) response.WantsBody = true;
        else OnWorker(request, response, Take);
    }

    void Take(in HttpRequest request, HttpResponse response)
    {
        string secret = Convert.ToHexStringLower(Entropy.Secret(WriteToken.SecretSize));
        PeerAddress publisher = operators.Fits(Bearer(request.Headers)) ? default : request.From;
        Publication publication = keeper.Publish(request.Body, UnixNow, WriteToken.Of(Encoding.ASCII.GetBytes(secret)), publisher);
        if (publication.Problem is { } problem) Fail(response, 400, $"not a .torrent: {problem}");
        else if (!publication.Disk.IsOk) Fail(response, publication.Disk.Fault == DiskFault.Full ? 507 : 500, "the tracker's disk does not take it");
        else switch (publication.Result)
        {
            case PublishResult.NameTaken:
                Fail(response, 409, "another content has this name", publication.Entry!.InfoHash);
                break;
            case PublishResult.OverShare:
                Fail(response, 507, "this address has its share of the catalogue; take something away, or ask the operator, whose token has no limit");
                break;
            case PublishResult.Full:
                Fail(response, 507, "the catalogue is full");
                break;
            case PublishResult.NotServed:
                Fail(response, 403, "this torrent is not served here");
                break;
            default:
                bool isNew = publication.Result == PublishResult.Added;
                Tell(response, isNew ? 201 : 200, publication.Entry!, isNew ? secret : null);
                break;
        }
    }

    void Remove(in HttpRequest request, HttpResponse response)
    {
        ReadOnlySpan<byte> token = Bearer(request.Headers);
        if (!PageGuard.AllowsWriting(request.Headers)) Fail(response, 403, "a page of another site may not take anything away");
        else if (Find(LastPart(request)) is not { } entry) Fail(response, 404, "there is no such torrent in the catalogue");
        else if (!entry.Token.Fits(token) && !operators.Fits(token)) RefuseToken(request.Headers, response, "taking this away");
        else if (!keeper.Remove(entry).IsOk) Fail(response, 500, StillThere);
        else Tell(response, 200, entry, null);
    }

    void Clear(in HttpRequest request, HttpResponse response)
    {
        if (!PageGuard.AllowsWriting(request.Headers)) Fail(response, 403, "a page of another site may not take anything away");
        else if (!operators.Fits(Bearer(request.Headers))) RefuseToken(request.Headers, response, "taking everything away");
        else OnWorker(request, response, RemoveAll);
    }

    void RemoveAll(in HttpRequest request, HttpResponse response)
    {
        DiskResult cleared = keeper.Clear(out int count);
        if (cleared.IsOk) Write(response, 200, json => json.WriteNumber("removed", count));
        else Fail(response, 500, StillThere);
    }

    CatalogueEntry? Find(ReadOnlySpan<byte> hex)
    {
        Span<char> digits = stackalloc char[2 * InfoHash.Size];
        if (hex.Length != digits.Length) return null;
        for (int i = 0; i < hex.Length; i++) digits[i] = (char)hex[i];
        return InfoHash.TryParseHex(digits, out InfoHash name) ? keeper.Store.Find(name) : null;
    }

    /// <summary>The secret a request brings, or nothing.</summary>
    static ReadOnlySpan<byte> Bearer(in HttpHeaders headers)
    {
        ReadOnlySpan<byte> value = headers.Authorization;
        return value.Length > 7 && Ascii.EqualsIgnoreCase(value[..7], "bearer "u8) ? value[7..].Trim((byte)' ') : default;
    }

    static void RefuseToken(in HttpHeaders headers, HttpResponse response, string what)
    {
        bool none = Bearer(headers).IsEmpty;
        Fail(response, none ? 401 : 403, none ? $"{what} needs a token" : "this is not the right token");
        if (none) response.Headers += "\r\nWWW-Authenticate: Bearer";
    }

    static void Tell(HttpResponse response, int status, CatalogueEntry entry, string? token) => Write(response, status, json =>
    {
        json.WriteString("info_hash", entry.InfoHash.ToString());
        json.WriteString("name", entry.Name);
        if (token is not null) json.WriteString("token", token);
    });

    static void Fail(HttpResponse response, int status, string error, InfoHash? holder = null) => Write(response, status, json =>
    {
        json.WriteString("error", error);
        if (holder is { } other) json.WriteString("info_hash", other.ToString());
    });

    static void Write(HttpResponse response, int status, Action<Utf8JsonWriter> fields)
    {
        (response.Status, response.ContentType, response.Headers) = (status, "application/json", CommonHeaders);
        using var json = new Utf8JsonWriter(response);
        json.WriteStartObject();
        fields(json);
        json.WriteEndObject();
    }

    static long UnixNow => DateTimeOffset.UtcNow.ToUnixTimeSeconds();
}
