// The tracker's pages: what an HTTP path means. All but the catalogue is answered from memory, so a handler never waits.
using System.Buffers;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="catalogue">Null if there is none.</param>
/// <param name="warn">Takes a line for the operator, once.</param>
sealed class TrackerRoutes(TrackerService service, Clock clock, CatalogueRoutes? catalogue = null, Action<string>? warn = null)
{
    Action<string>? _warnOfProxy = warn;

    /// <summary>A torrent in a scrape: 23 bytes of hash, 49 of names, and four numbers.</summary>
    const int BytesPerScraped = 120;

    readonly HttpTracker _tracker = new(service);

    /// <summary>Status 200 as long as the tracker answers: to start it again would mend no disk, and lose what is not saved.</summary>
    void WriteHealth(HttpResponse response)
    {
        string text = service.Saved.Fault is { } fault ? $"ok, but {fault}\n" : "ok\n";
        response.Advance(System.Text.Encoding.ASCII.GetBytes(text, response.GetSpan(text.Length)));
    }

    /// <summary>A proxy nearby that nobody has told the tracker of: all its clients look like one.</summary>
    void WarnOfProxy(in PeerAddress from)
    {
        if (AddressRules.IsLocal(from))
            Interlocked.Exchange(ref _warnOfProxy, null)?.Invoke($"announces come through a proxy at {from}, and all those peers are listed under its address; if it is yours, --trust-proxy {from} takes theirs from it");
    }

    /// <summary>Everything there is, if that may be asked: large, so it is made on a worker, and in memory that is bounded.</summary>
    void ScrapeAll(in HttpRequest request, HttpResponse response)
    {
        if (response.Defer()) return;
        (int torrents4, int torrents6) = service.Torrents;
        long most = 1024 + (long)BytesPerScraped * (torrents4 + torrents6);
        if (!response.TryReserve(most))
        {
            (response.Status, response.Headers) = (503, HttpResponse.RetryLater);
            _tracker.Refuse(new Refusal("everything is more than there is memory for"u8), response);
            return;
        }
        var body = new ArrayBufferWriter<byte>((int)Math.Min(most, Array.MaxLength));
        _tracker.Scrape(request.Query, clock.Now, body);
        response.Stored = new StoredBody(body.WrittenMemory);
    }

    /// <summary>An <see cref="HttpHandler"/>.</summary>
    public void Answer(in HttpRequest request, HttpResponse response)
    {
        ReadOnlySpan<byte> path = request.Path;
        if (request.IsNew && !path.SequenceEqual("/health"u8) && !service.MayAsk(request.From, clock.Now, out Refusal refusal))
        {
            string headers = $"\r\nRetry-After: {refusal.RetryIn * 60}";
            if (catalogue?.TryRefuse(path, response, service.Keys, refusal.Reason, headers) == true) return;
            (response.Status, response.Headers) = (429, headers);
            _tracker.Refuse(refusal, response);
            return;
        }
        if (catalogue?.TryAnswer(request, response, service.Keys) == true) return;
        if (request.Method is not (HttpVerb.Get or HttpVerb.Head))
        {
            response.Status = 405;
            response.Write("this is only there to be read\n"u8);
            return;
        }
        if (service.Keys is { } keys)
        {
            // The figures need no key, but are there behind one as well: the catalogue's page links to what lies beside it.
            int last = path.LastIndexOf((byte)'/');
            if (last > 0 && keys.Contains(path[1..last])) path = path[last..];
            else if (Passkeys.TrySplit(path, out _, out _))
            {
                _tracker.Refuse(service.RefuseWithoutKey(), response);
                return;
            }
        }
        switch (path)
        {
            case var _ when path.SequenceEqual("/announce"u8):
                if (request.Headers.IsForwarded && service.Proxies.IsEmpty) WarnOfProxy(request.From);
                _tracker.Announce(request.Query, request.From, clock.Now, response);
                break;
            case var _ when path.SequenceEqual("/scrape"u8):
                if (HttpTrackerCodec.NamesTorrents(request.Query)) _tracker.Scrape(request.Query, clock.Now, response);
                else ScrapeAll(request, response);
                break;
            case var _ when path.SequenceEqual("/health"u8):
                WriteHealth(response);
                break;
            case var _ when path.SequenceEqual("/stats"u8) || path.SequenceEqual("/"u8):
                FigurePages.WriteHtml(TrackerFigures.Of(service, clock.Now), response);
                break;
            case var _ when path.SequenceEqual("/stats.json"u8):
                FigurePages.WriteJson(TrackerFigures.Of(service, clock.Now), response);
                break;
            case var _ when path.SequenceEqual("/metrics"u8):
                FigurePages.WritePrometheus(TrackerFigures.Of(service, clock.Now), response);
                break;
            default:
                response.Status = 404;
                response.Write("not found\n"u8);
                break;
        }
    }
}
