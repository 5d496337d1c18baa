// The catalogue over HTTP: its page at GET /, and GET /catalogue.json, POST /catalogue, DELETE /catalogue/<info-hash>, GET /torrents/<info-hash>.torrent.
// Every refusal is a status and {"error": one sentence}. Whoever may not write is told so before a body is taken from him.
// Publishing reads and syncs a file on the caller's thread: it is rare, and announces over UDP do not wait for it.
using System.Buffers;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Net;

/// <param name="publishing">The secret that publishing needs, or default: anybody may.</param>
/// <param name="serves">Which torrents the tracker serves.</param>
sealed class CatalogueRoutes(CatalogueKeeper keeper, WriteToken publishing, Func<InfoHash, bool> serves)
{
    const string CommonHeaders = "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store";

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
        else if (reads && path.SequenceEqual(Listing)) List(request.Query, response);
        else if (reads && path.StartsWith(Torrents)) Give(path[Torrents.Length..], response);
        else if (request.Method == HttpVerb.Post && path.SequenceEqual(Collection)) Publish(request, response);
        else if (request.Method == HttpVerb.Delete && path.StartsWith("/catalogue/"u8)) Remove(path[(Collection.Length + 1)..], request.Headers, response);
        else Fail(response, 405, "this can be read at /catalogue.json, published to with POST and taken away with DELETE");
    }

    static void ShowPage(HttpResponse response)
    {
        if (!response.TryReserve(2 * s_page.Length))
        {
            Fail(response, 503, "too much is being sent at this moment");
            return;
        }
        (response.ContentType, response.Headers) = (WebPage.ContentType, s_pageHeaders);
        response.Write(s_page);
    }

    void List(ReadOnlySpan<byte> text, HttpResponse response)
    {
        if (!CatalogueQuery.TryRead(text, out CatalogueQuery query, out string problem))
        {
            Fail(response, 400, problem);
            return;
        }
        CataloguePage page = keeper.Store.Search(query);
        if (!response.TryReserve(page.MaxJsonSize))
        {
            Fail(response, 503, "too much is being sent at this moment");
            return;
        }
        (response.ContentType, response.Headers) = ("application/json", CommonHeaders);
        page.WriteTo(response, UnixNow);
    }

    void Give(ReadOnlySpan<byte> file, HttpResponse response)
    {
        if (!file.EndsWith(".torrent"u8) || Find(file[..^".torrent".Length]) is not { } entry || !keeper.Store.IsShown(entry, out _))
        {
            Fail(response, 404, "there is no such torrent in the catalogue");
            return;
        }
        // Twice: the answer's own room, and what it grows from.
        if (!response.TryReserve(2 * entry.TorrentSize))
        {
            Fail(response, 503, "too much is being sent at this moment");
            return;
        }
        if (keeper.Read(entry) is not { } torrent)
        {
            Fail(response, 500, "the torrent cannot be read");
            return;
        }
        response.ContentType = "application/x-bittorrent";
        // By the hash, which needs no escapes: the name inside is a stranger's.
        response.Headers = $"{CommonHeaders}\r\nContent-Disposition: attachment; filename=\"{entry.InfoHash}.torrent\"";
        response.Write(torrent.Span);
    }

    void Publish(in HttpRequest request, HttpResponse response)
    {
        if (!WriteGuard.Allows(request.Headers)) Fail(response, 403, "a page of another site may not publish");
        else if (!publishing.Hash.IsEmpty && !publishing.Fits(Bearer(request.Headers))) RefuseToken(request.Headers, response, "publishing here");
        else if (request.BodyLength > MetainfoFile.MaxBytes) Fail(response, 413, "a .torrent has at most 10,000,000 bytes");
        else if (request.IsWhole) Publish(request.Body, response);
        else response.WantsBody = true;
    }

    void Publish(ReadOnlySpan<byte> torrent, HttpResponse response)
    {
        string secret = Convert.ToHexStringLower(Entropy.Secret(WriteToken.SecretSize));
        Publication publication = keeper.Publish(torrent, UnixNow, serves, WriteToken.Of(Encoding.ASCII.GetBytes(secret)));
        if (publication.Problem is { } problem) Fail(response, 400, $"not a .torrent: {problem}");
        else if (!publication.Disk.IsOk) Fail(response, publication.Disk.Fault == DiskFault.Full ? 507 : 500, "the tracker's disk does not take it");
        else switch (publication.Result)
        {
            case PublishResult.NameTaken:
                Fail(response, 409, "another content has this name", publication.Entry!.InfoHash);
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

    void Remove(ReadOnlySpan<byte> hex, in HttpHeaders headers, HttpResponse response)
    {
        if (!WriteGuard.Allows(headers)) Fail(response, 403, "a page of another site may not take anything away");
        else if (Find(hex) is not { } entry) Fail(response, 404, "there is no such torrent in the catalogue");
        else if (!entry.Token.Fits(Bearer(headers)) && !publishing.Fits(Bearer(headers))) RefuseToken(headers, response, "taking this away");
        else if (!keeper.Remove(entry).IsOk) Fail(response, 500, "the tracker's disk does not let go of it");
        else Tell(response, 200, entry, null);
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

    static void Tell(HttpResponse response, int status, CatalogueEntry entry, string? token)
    {
        Begin(response, status);
        using var json = new Utf8JsonWriter(response);
        json.WriteStartObject();
        json.WriteString("info_hash", entry.InfoHash.ToString());
        json.WriteString("name", entry.Name);
        if (token is not null) json.WriteString("token", token);
        json.WriteEndObject();
    }

    static void Fail(HttpResponse response, int status, string error, InfoHash? holder = null)
    {
        Begin(response, status);
        using var json = new Utf8JsonWriter(response);
        json.WriteStartObject();
        json.WriteString("error", error);
        if (holder is { } other) json.WriteString("info_hash", other.ToString());
        json.WriteEndObject();
    }

    static void Begin(HttpResponse response, int status) =>
        (response.Status, response.ContentType, response.Headers) = (status, "application/json", CommonHeaders);

    static long UnixNow => DateTimeOffset.UtcNow.ToUnixTimeSeconds();
}
