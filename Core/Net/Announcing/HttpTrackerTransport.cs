// HTTP and HTTPS requests to trackers: what is asked, how long an answer may take, and what it says.
using System.Net.Http.Headers;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

sealed class HttpTrackerTransport : IDisposable
{
    /// <summary>Requests under way at once; a program with thousands of torrents would otherwise run out of sockets.</summary>
    const int MaxAtOnce = 64;

    static readonly string UserAgent = "tinytorrent/" + typeof(HttpTrackerTransport).Assembly.GetName().Version!.ToString(3);

    readonly TrackerTimeouts _timeouts;
    readonly SemaphoreSlim _slots = new(MaxAtOnce);
    readonly RedirectingClient _http;

    public HttpTrackerTransport(TrackerTimeouts timeouts) => (_timeouts, _http) = (timeouts, new RedirectingClient(timeouts.Connect, useProxy: false));

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
        string userInfo = Uri.UnescapeDataString(tracker.UserInfo);
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(
                url, request.Tracker.IsTyped, (at, first) => Message(at, first ? userInfo : ""), timeout.Token).ConfigureAwait(false);
            return await ReadAsync(request, response, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return TrackerReply.Failed(TrackerFailure.Unreachable, $"no answer in {_timeouts.Http.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException or UriFormatException)
        {
            return TrackerReply.Failed(IsAnswer(e) ? TrackerFailure.BadAnswer : TrackerFailure.Unreachable, HttpFault.Reason(e));
        }
        finally
        {
            _slots.Release();
        }
    }

    static HttpRequestMessage Message(Uri url, string userInfo)
    {
        var message = new HttpRequestMessage(HttpMethod.Get, url);
        message.Headers.TryAddWithoutValidation("User-Agent", UserAgent);
        message.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip, deflate");
        if (userInfo.Length > 0)
            message.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(userInfo)));
        return message;
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

    /// <summary>True if somebody answered, only not as an HTTP server should.</summary>
    static bool IsAnswer(Exception e) =>
        e is InvalidDataException or UriFormatException or HttpIOException or AddressRefusedException
        or HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ResponseEnded or HttpRequestError.ConfigurationLimitExceeded };

    /// <summary>Call after the last request has ended.</summary>
    public void Dispose()
    {
        _http.Dispose();
        _slots.Dispose();
    }
}
