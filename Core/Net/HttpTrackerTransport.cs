// HTTP and HTTPS requests to trackers. The BCL speaks the protocol; done here are redirects and the choice of address, where
// AddressRules are kept, and inflation, whose result is capped (HttpBody).
// A connection serves one request: the next one is half an hour away, and a reused one would slip past the address rules.
using System.Diagnostics.CodeAnalysis;
using System.Net.Http.Headers;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

sealed class HttpTrackerTransport : IDisposable
{
    /// <summary>Requests under way at once; a program with thousands of torrents would otherwise run out of sockets.</summary>
    const int MaxAtOnce = 64;

    static readonly HttpRequestOptionsKey<AddressRules> RulesKey = new("rules");
    static readonly string UserAgent = "tinytorrent/" + typeof(HttpTrackerTransport).Assembly.GetName().Version!.ToString(3);

    readonly TrackerTimeouts _timeouts;
    readonly SemaphoreSlim _slots = new(MaxAtOnce);
    readonly HttpMessageInvoker _http;

    public HttpTrackerTransport(TrackerTimeouts timeouts)
    {
        _timeouts = timeouts;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = timeouts.Connect,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = TimeSpan.Zero,
            MaxResponseHeadersLength = 16, // KiB
            ActivityHeadersPropagator = null, // no trace ids for strangers
        });
    }

    public async Task<TrackerReply> AskAsync(TrackerRequest request, CancellationToken cancel)
    {
        Uri tracker = request.Tracker.Uri;
        Uri? url;
        if (!request.IsScrape) url = AnnounceUrl.ForAnnounce(tracker, request.Announce, request.TrackerId);
        else if (!AnnounceUrl.TryForScrape(tracker, request.InfoHash, out url))
            return TrackerReply.Failed(TrackerFailure.Refused, "this tracker's URL has no scrape form");

        request.IsQueued = true;
        await _slots.WaitAsync(cancel).ConfigureAwait(false);
        request.IsQueued = false;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(_timeouts.Http);
        var rules = new AddressRules(request.Tracker.IsTyped);
        try
        {
            return await FollowAsync(request, url, rules, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return TrackerReply.Failed(TrackerFailure.Unreachable, $"no answer in {_timeouts.Http.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException or UriFormatException)
        {
            if (rules.Objection.Length > 0) return TrackerReply.Failed(TrackerFailure.BadAnswer, rules.Objection);
            return TrackerReply.Failed(IsAnswer(e) ? TrackerFailure.BadAnswer : TrackerFailure.Unreachable, e.GetBaseException().Message);
        }
        finally
        {
            _slots.Release();
        }
    }

    async Task<TrackerReply> FollowAsync(TrackerRequest request, Uri url, AddressRules rules, CancellationToken cancel)
    {
        string userInfo = Uri.UnescapeDataString(request.Tracker.Uri.UserInfo);
        while (true)
        {
            using HttpRequestMessage message = Message(url, userInfo, rules);
            using HttpResponseMessage response = await _http.SendAsync(message, cancel).ConfigureAwait(false);
            if (!IsRedirect(response, out string? location)) return await ReadAsync(request, response, cancel).ConfigureAwait(false);
            var next = new Uri(url, location);
            if (!rules.AllowsRedirect(url, next)) return TrackerReply.Failed(TrackerFailure.BadAnswer, rules.Objection);
            url = next;
            userInfo = ""; // meant for the first host only
        }
    }

    static HttpRequestMessage Message(Uri url, string userInfo, AddressRules rules)
    {
        var message = new HttpRequestMessage(HttpMethod.Get, url);
        message.Options.Set(RulesKey, rules);
        message.Headers.TryAddWithoutValidation("User-Agent", UserAgent);
        message.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip, deflate");
        if (userInfo.Length > 0)
            message.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(userInfo)));
        return message;
    }

    static bool IsRedirect(HttpResponseMessage response, [NotNullWhen(true)] out string? location)
    {
        location = null;
        if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)) return false;
        // As text: the typed header would rewrite the escapes of a binary hash.
        if (response.Headers.TryGetValues("Location", out IEnumerable<string>? values)) location = values.First();
        return location is not null;
    }

    static async Task<TrackerReply> ReadAsync(TrackerRequest request, HttpResponseMessage response, CancellationToken cancel)
    {
        using Stream stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        byte[] body = await HttpBody.ReadAsync(stream, cancel).ConfigureAwait(false);
        body = HttpBody.Inflate(body, string.Join(',', response.Content.Headers.ContentEncoding));
        int status = (int)response.StatusCode;
        TrackerReply reply = request.IsScrape ? HttpReply.ReadScrape(status, body, request.InfoHash) : HttpReply.ReadAnnounce(status, body);
        return reply.Failure == TrackerFailure.None ? reply : reply with { RetryIn = reply.RetryIn ?? RetryAfter(response.Headers) };
    }

    /// <summary>Seconds or a date, by the server's own clock if it tells it. A day at most.</summary>
    static TimeSpan? RetryAfter(HttpResponseHeaders headers)
    {
        TimeSpan? wait = headers.RetryAfter?.Delta ?? headers.RetryAfter?.Date - (headers.Date ?? DateTimeOffset.UtcNow);
        return wait > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : wait;
    }

    static ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        context.InitialRequestMessage.Options.TryGetValue(RulesKey, out AddressRules? rules);
        return WebConnection.OpenAsync(context, address => rules!.Allows(address, context.InitialRequestMessage.RequestUri!), cancel);
    }

    /// <summary>True if somebody answered, only not as an HTTP server should.</summary>
    static bool IsAnswer(Exception e) =>
        e is InvalidDataException or UriFormatException or HttpIOException
        or HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ResponseEnded or HttpRequestError.ConfigurationLimitExceeded };

    /// <summary>Call after the last request has ended.</summary>
    public void Dispose()
    {
        _http.Dispose();
        _slots.Dispose();
    }
}
