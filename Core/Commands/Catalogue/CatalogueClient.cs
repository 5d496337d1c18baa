// Asks a tracker's catalogue over HTTP. Every way it can fail becomes the exit code that scripts expect: 5 if nobody answers,
// 7 if the tracker refuses, with its sentence, 3 if what answers is no catalogue.
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

/// <param name="token">What publishing needs, or null.</param>
sealed class CatalogueClient(CatalogueAddress tracker, string? token = null) : IDisposable
{
    const int MaxPageBytes = 2_000_000, MaxAnswerBytes = 64 * 1024;

    /// <summary>No more pages are read: nobody looks through a list that long.</summary>
    const int MaxPages = 100;

    static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long a tracker that asks for patience may go on doing so.</summary>
    static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    /// <summary>The shortest between two attempts, whatever the tracker says.</summary>
    static readonly TimeSpan s_pause = TimeSpan.FromSeconds(0.5);

    readonly RedirectingClient _http = new(s_connectTimeout, useProxy: true);

    public CatalogueAddress Tracker => tracker;

    /// <summary>What the tracker answers to a query, given with its question mark, as it comes.</summary>
    public (int Status, byte[] Json) ListAsItComes(string query, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body) = Send(HttpMethod.Get, "catalogue.json" + query, null, MaxPageBytes, cancellation);
        return ((int)status, body);
    }

    /// <summary>One page.</summary>
    public ListedPage List(CatalogueQuery query, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body) = Send(HttpMethod.Get, "catalogue.json" + query, null, MaxPageBytes, cancellation);
        if (status != HttpStatusCode.OK) throw Refusal(status, body);
        if (ListedPage.TryRead(body, out ListedPage? page, out string problem)) return page;
        throw new CommandException(ExitCode.BadInput, $"{tracker.Display}: not a catalogue's answer: {problem}");
    }

    /// <summary>Every page, as one.</summary>
    public ListedPage ListAll(CatalogueQuery query, CancellationToken cancellation)
    {
        ListedPage first = List(query, cancellation);
        var entries = new List<ListedEntry>(first.Entries);
        for (int page = 2; page <= Math.Min(first.Pages, MaxPages); page++) entries.AddRange(List(query with { Page = page }, cancellation).Entries);
        return first with { Entries = entries };
    }

    /// <summary>The .torrent of an entry, which is what its hash says; null if the catalogue does not have it.</summary>
    public MetainfoFile? Fetch(InfoHash hash, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body) = Send(HttpMethod.Get, $"torrents/{hash}.torrent", null, MetainfoFile.MaxBytes, cancellation);
        if (status == HttpStatusCode.NotFound) return null;
        if (status != HttpStatusCode.OK) throw Refusal(status, body);
        if (!MetainfoFile.TryParse(body, out MetainfoFile? metainfo, out string problem)) throw new CommandException(ExitCode.BadInput, $"{tracker.Display}: {hash}: {problem}");
        return metainfo.InfoHash == hash ? metainfo : throw new CommandException(ExitCode.BadInput, $"{tracker.Display}: gives another torrent than {hash}");
    }

    /// <returns>The token that takes the entry away again; null if it was there already.</returns>
    public string? Publish(MetainfoFile metainfo, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body) = Send(HttpMethod.Post, "catalogue", metainfo.Raw, MaxAnswerBytes, cancellation, token);
        if (status is HttpStatusCode.OK or HttpStatusCode.Created) return Field(body, "token");
        if (status == HttpStatusCode.Conflict && Field(body, "info_hash") is { } holder)
            throw new CommandException(ExitCode.Refused, $"'{metainfo.Name}' is the name of another content there, {holder} (--name chooses another name)");
        throw Refusal(status, body);
    }

    /// <summary>Takes an entry away.</summary>
    /// <param name="token">What publishing it has given, or the tracker's own.</param>
    public void Remove(InfoHash hash, string token, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body) = Send(HttpMethod.Delete, $"catalogue/{hash}", null, MaxAnswerBytes, cancellation, token);
        if (status == HttpStatusCode.NotFound) throw new CommandException(ExitCode.BadInput, $"{hash}: not in the catalogue of {tracker.Display}");
        if (status != HttpStatusCode.OK) throw Refusal(status, body);
    }

    /// <summary>Takes everything away.</summary>
    /// <param name="token">The tracker's own.</param>
    /// <returns>How many entries there were.</returns>
    public int RemoveAll(string token, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body) = Send(HttpMethod.Delete, "catalogue", null, MaxAnswerBytes, cancellation, token);
        if (status != HttpStatusCode.OK) throw Refusal(status, body);
        return Value(body, "removed") is { ValueKind: JsonValueKind.Number } removed && removed.TryGetInt32(out int count) ? count : 0;
    }

    /// <summary>True if it is listed.</summary>
    public bool Has(InfoHash hash, CancellationToken cancellation) =>
        Send(HttpMethod.Head, $"torrents/{hash}.torrent", null, MaxAnswerBytes, cancellation).Status == HttpStatusCode.OK;

    (HttpStatusCode Status, byte[] Body) Send(
        HttpMethod method, string path, ReadOnlyMemory<byte>? body, int maxBytes, CancellationToken cancellation, string? bearer = null)
    {
        using var patience = new HttpPatience(cancellation);
        try
        {
            for (TimeSpan waited = default; ;)
            {
                patience.OnRequest(body?.Length ?? 0);
                (HttpStatusCode status, byte[] answer, TimeSpan? retryIn) = SendAsync(method, path, body, bearer, maxBytes, patience).GetAwaiter().GetResult();
                if (retryIn is not { } pause) return (status, answer);
                if (pause < s_pause) pause = s_pause;
                if ((waited += pause) > s_longestPause) return (status, answer);
                patience.Pause();
                cancellation.WaitHandle.WaitOne(pause);
                cancellation.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandException(ExitCode.NoPeer, $"{tracker.Display}: nothing came for {HttpPatience.Silence.TotalSeconds:0} s, or too little") { MayPass = true };
        }
        catch (InvalidDataException e)
        {
            throw new CommandException(ExitCode.BadInput, $"{tracker.Display}: {e.Message}");
        }
        catch (AddressRefusedException e)
        {
            throw new CommandException(ExitCode.NoPeer, $"{tracker.Display}: {e.Message}, which is not followed");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UriFormatException)
        {
            throw new CommandException(ExitCode.NoPeer, $"{tracker.Display}: {HttpFault.Reason(e)}") { MayPass = true };
        }
    }

    async Task<(HttpStatusCode, byte[], TimeSpan? RetryIn)> SendAsync(
        HttpMethod method, string path, ReadOnlyMemory<byte>? body, string? bearer, int maxBytes, HttpPatience patience)
    {
        using HttpResponseMessage response = await _http.SendAsync(
            new Uri(tracker.Root, path), typed: true, (at, first) => Request(at, method, body, first ? bearer : null), patience.End).ConfigureAwait(false);
        using Stream stream = await response.Content.ReadAsStreamAsync(patience.End).ConfigureAwait(false);
        byte[] answer = await HttpBody.ReadAsync(stream, maxBytes, patience).ConfigureAwait(false);
        bool isPatient = response.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests;
        return (response.StatusCode, answer, isPatient ? response.Headers.RetryAfter?.Delta : null);
    }

    static HttpRequestMessage Request(Uri at, HttpMethod method, ReadOnlyMemory<byte>? body, string? bearer)
    {
        var request = new HttpRequestMessage(method, at);
        request.Headers.TryAddWithoutValidation("User-Agent", "tinytorrent/" + VersionCommand.Version);
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", "none"); // no page has asked for it: see PageGuard
        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-bittorrent");
            request.Headers.ExpectContinue = true; // a refusal comes before the body is sent
        }
        if (bearer is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        return request;
    }

    CommandException Refusal(HttpStatusCode status, byte[] body)
    {
        bool mayPass = status is HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;
        if (Field(body, "error") is { } reason)
            return new CommandException(ExitCode.Refused, $"the tracker refused: {reason}{(status == HttpStatusCode.Unauthorized ? " (--token)" : "")}") { MayPass = mayPass };
        return status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented
            ? new CommandException(ExitCode.BadInput, $"{tracker.Display}: this tracker has no catalogue")
            : new CommandException(ExitCode.BadInput, $"{tracker.Display}: answered {(int)status}, which is no catalogue's answer") { MayPass = mayPass };
    }

    /// <summary>A text in a JSON object; null if it is not there, or nothing of the kind was answered.</summary>
    static string? Field(byte[] body, string name)
    {
        try
        {
            return Value(body, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
        }
        catch (InvalidOperationException) // a text of broken escapes
        {
            return null;
        }
    }

    static JsonElement? Value(byte[] body, string name)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(name, out JsonElement value) ? value.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();
}
