// The page of `browse`, on the loopback interface, for one person: HTTP by the framework's listener. Every path begins with a
// token that only the printed URL holds, so other users of this machine, and pages of other sites, can do nothing. A request
// must also name this very address (against names that were pointed here) and, where a browser says where it comes from,
// come from this page.
//   GET  /TOKEN/                      the page
//   GET  /TOKEN/catalogue.json?...    the tracker's answer, passed on
//   GET  /TOKEN/downloads.json        what is being fetched
//   POST /TOKEN/downloads/INFO-HASH   fetches; DELETE ends that
//   GET  /TOKEN/play/INFO-HASH/FILE   a file while it is fetched, with Range
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Types;

namespace TinyTorrent.Browse;

/// <summary>Asks the tracker's catalogue.</summary>
/// <param name="query">With its question mark, or empty.</param>
/// <exception cref="IOException">No answer came; the message says why.</exception>
delegate (int Status, byte[] Json) CatalogueQuestion(string query, CancellationToken cancellation);

sealed class BrowseServer : IAsyncDisposable
{
    const int TokenSize = 16, MostTries = 20, FirstPort = 49152, EndPort = 65536;

    /// <summary>Requests answered at once; a browser makes six.</summary>
    const int MostRequests = 64;

    readonly HttpListener _listener;
    readonly string _token = Convert.ToHexStringLower(Entropy.Secret(TokenSize));
    readonly string _host;
    readonly byte[] _page;
    readonly Downloads _downloads;
    readonly CatalogueQuestion _list;
    readonly CancellationTokenSource _stop = new(); // never disposed: a late request may still look at it
    readonly HashSet<Task> _requests = [];
    readonly Task _accepting;

    /// <param name="port">0 for any.</param>
    /// <exception cref="HttpListenerException">The port cannot be had.</exception>
    public BrowseServer(int port, ContentKind? kind, Downloads downloads, CatalogueQuestion list)
    {
        (_downloads, _list) = (downloads, list);
        _page = WebPage.Write(PageMode.Client, kind);
        (_listener, int taken) = Listen(port);
        _host = $"127.0.0.1:{taken}";
        _accepting = AcceptAsync();
    }

    /// <summary>With the token.</summary>
    public string Url => $"{Origin}/{_token}/";

    string Origin => $"http://{_host}";

    static (HttpListener, int) Listen(int port)
    {
        for (int tries = 1; ; tries++)
        {
            int taken = port != 0 ? port : new Random().Next(FirstPort, EndPort);
            var listener = new HttpListener { IgnoreWriteExceptions = false };
            listener.Prefixes.Add($"http://127.0.0.1:{taken}/");
            try
            {
                listener.Start();
                return (listener, taken);
            }
            catch (HttpListenerException) when (port == 0 && tries < MostTries)
            {
                ((IDisposable)listener).Dispose();
            }
        }
    }

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            HttpListenerContext context;
            try { context = await _listener.GetContextAsync().ConfigureAwait(false); }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException) { return; } // stopped
            Task request = Task.Run(() => ServeAsync(context));
            lock (_requests)
            {
                _requests.RemoveWhere(task => task.IsCompleted);
                _requests.Add(request);
            }
        }
    }

    async Task ServeAsync(HttpListenerContext context)
    {
        HttpListenerResponse response = context.Response;
        try
        {
            response.Headers["X-Content-Type-Options"] = "nosniff";
            response.Headers["Cache-Control"] = "no-store";
            response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
            response.Headers["Referrer-Policy"] = "no-referrer";
            await AnswerAsync(context.Request, response).ConfigureAwait(false);
            response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            response.Abort(); // the browser has turned away, or the session ends
        }
    }

    Task AnswerAsync(HttpListenerRequest request, HttpListenerResponse response)
    {
        string path = request.Url?.AbsolutePath ?? "";
        if (Busy() > MostRequests) return FailAsync(response, 503, "too many requests at once");
        if (!IsFromHere(request)) return FailAsync(response, 403, "this page is only for who started it");
        if (!path.StartsWith('/' + _token + '/', StringComparison.Ordinal)) return FailAsync(response, 404, "open the URL that 'tinytorrent browse' has printed");
        path = path[(_token.Length + 2)..];
        bool reads = request.HttpMethod is "GET";
        if (reads && path.Length == 0) return PageAsync(response);
        if (reads && path == "catalogue.json") return ListAsync(request.Url!.Query, response);
        if (reads && path == "downloads.json") return JsonAsync(response, 200, _downloads.WriteTo);
        if (reads && path.StartsWith("play/", StringComparison.Ordinal)) return PlayAsync(path["play/".Length..], request, response);
        if (request.HttpMethod is "POST" or "DELETE" && path.StartsWith("downloads/", StringComparison.Ordinal))
        {
            if (!InfoHash.TryParseHex(path.AsSpan("downloads/".Length), out InfoHash hash)) return FailAsync(response, 400, "not an info-hash");
            return request.HttpMethod == "POST" ? StartAsync(hash, response) : StopAsync(hash, response);
        }
        return FailAsync(response, 404, "there is nothing here");
    }

    int Busy()
    {
        lock (_requests) return _requests.Count(task => !task.IsCompleted);
    }

    /// <summary>Sent to this very address, and not by a page of another site.</summary>
    bool IsFromHere(HttpListenerRequest request) =>
        request.UserHostName == _host
        && (request.Headers["Origin"] ?? Origin) == Origin
        && request.Headers["Sec-Fetch-Site"] is null or "same-origin" or "none";

    Task PageAsync(HttpListenerResponse response)
    {
        response.Headers["Content-Security-Policy"] = WebPage.Policy;
        return SendAsync(response, 200, WebPage.ContentType, _page);
    }

    Task ListAsync(string query, HttpListenerResponse response)
    {
        try
        {
            (int status, byte[] json) = _list(query, _stop.Token);
            return SendAsync(response, status, "application/json", json);
        }
        catch (IOException e)
        {
            return FailAsync(response, 502, e.Message);
        }
    }

    Task StartAsync(InfoHash hash, HttpListenerResponse response)
    {
        if (!_downloads.TryStart(hash)) return FailAsync(response, 503, "there are too many downloads already");
        return TellAsync(response, 202, hash);
    }

    async Task StopAsync(InfoHash hash, HttpListenerResponse response)
    {
        if (await _downloads.StopAsync(hash).ConfigureAwait(false)) await TellAsync(response, 200, hash).ConfigureAwait(false);
        else await FailAsync(response, 404, "no such torrent is being downloaded").ConfigureAwait(false);
    }

    Task TellAsync(HttpListenerResponse response, int status, InfoHash hash) => JsonAsync(response, status, json =>
    {
        json.WriteStartObject();
        json.WriteString("info_hash", hash.ToString());
        json.WriteEndObject();
    });

    Task PlayAsync(string what, HttpListenerRequest request, HttpListenerResponse response)
    {
        string[] parts = what.Split('/');
        if (parts.Length != 2 || !InfoHash.TryParseHex(parts[0], out InfoHash hash)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            || _downloads.Find(hash) is not var (playback, metainfo) || index >= metainfo.Files.Files.Count)
            return FailAsync(response, 404, "no such file is being downloaded");
        FileEntry file = metainfo.Files.Files[index];
        response.Headers["Accept-Ranges"] = "bytes";
        if (!ByteRange.TryRead(request.Headers["Range"], file.Length, out ByteRange range, out bool isPartial))
        {
            response.Headers["Content-Range"] = $"bytes */{file.Length}";
            return FailAsync(response, 416, "the file ends before that");
        }
        response.StatusCode = isPartial ? 206 : 200;
        response.ContentType = MediaType.Of(file.Path);
        response.ContentLength64 = range.Length;
        if (isPartial) response.Headers["Content-Range"] = $"bytes {range.From}-{range.From + range.Length - 1}/{file.Length}";
        return playback.CopyAsync(file.Offset + range.From, range.Length, response.OutputStream, _stop.Token);
    }

    Task FailAsync(HttpListenerResponse response, int status, string error) => JsonAsync(response, status, json =>
    {
        json.WriteStartObject();
        json.WriteString("error", error);
        json.WriteEndObject();
    });

    Task JsonAsync(HttpListenerResponse response, int status, Action<Utf8JsonWriter> write)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body)) write(json);
        return SendAsync(response, status, "application/json", body.ToArray());
    }

    async Task SendAsync(HttpListenerResponse response, int status, string type, byte[] body)
    {
        (response.StatusCode, response.ContentType, response.ContentLength64) = (status, type, body.Length);
        await response.OutputStream.WriteAsync(body, _stop.Token).ConfigureAwait(false);
    }

    /// <summary>Ends every request, a player's too.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Abort();
        await _accepting.ConfigureAwait(false);
        Task[] requests;
        lock (_requests) requests = [.. _requests];
        await Task.WhenAll(requests).ConfigureAwait(false);
    }
}
