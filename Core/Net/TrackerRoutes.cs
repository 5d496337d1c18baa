// The tracker's pages: what an HTTP path means. Everything is answered from memory, so a handler never waits.
using System.Text.Json;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

sealed class TrackerRoutes(TrackerService service, Clock clock)
{
    readonly HttpTracker _tracker = new(service);

    /// <summary>An <see cref="HttpHandler"/>.</summary>
    public void Answer(in HttpRequest request, HttpResponse response)
    {
        switch (request.Path)
        {
            case var path when path.SequenceEqual("/announce"u8):
                _tracker.Announce(request.Query, request.From, clock.Now, response);
                break;
            case var path when path.SequenceEqual("/scrape"u8):
                _tracker.Scrape(request.Query, response);
                break;
            case var path when path.SequenceEqual("/health"u8):
                System.Buffers.BuffersExtensions.Write(response, "ok\n"u8);
                break;
            case var path when path.SequenceEqual("/stats"u8):
                WriteStats(response);
                break;
            default:
                response.Status = 404;
                System.Buffers.BuffersExtensions.Write(response, "not found\n"u8);
                break;
        }
    }

    void WriteStats(HttpResponse response)
    {
        response.ContentType = "application/json";
        ((int torrents4, int torrents6), (long peers4, long peers6)) = (service.Torrents, service.Peers);
        TrackerCounters counters = service.Counters;
        using var json = new Utf8JsonWriter(response);
        json.WriteStartObject();
        json.WriteNumber("uptime", Math.Floor(clock.Now.TotalSeconds));
        json.WriteNumber("torrents_ipv4", torrents4);
        json.WriteNumber("torrents_ipv6", torrents6);
        json.WriteNumber("peers_ipv4", peers4);
        json.WriteNumber("peers_ipv6", peers6);
        json.WriteNumber("http_announces", counters.HttpAnnounces);
        json.WriteNumber("http_scrapes", counters.HttpScrapes);
        json.WriteNumber("http_refused", counters.HttpRefused);
        json.WriteNumber("udp_connects", counters.UdpConnects);
        json.WriteNumber("udp_announces", counters.UdpAnnounces);
        json.WriteNumber("udp_scrapes", counters.UdpScrapes);
        json.WriteNumber("udp_refused", counters.UdpRefused);
        json.WriteNumber("udp_dropped", counters.UdpDropped);
        json.WriteEndObject();
    }
}
