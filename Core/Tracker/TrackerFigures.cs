// The figures a tracker shows: one list, from which every page is written. A figure is added here and nowhere else.
// Reading them takes no lock, so an announce never waits for it; they are not of one instant.
namespace TinyTorrent.Tracker;

/// <summary>One number with its names.</summary>
/// <param name="Name">In lower case with underscores.</param>
/// <param name="Help">A line for people, without a full stop.</param>
/// <param name="Value">What it is at this moment.</param>
readonly record struct TrackerFigure(string Name, string Help, long Value)
{
    /// <summary>What Prometheus wants behind the name: <c>_total</c> for counters, else the unit or nothing.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>ipv4 or ipv6, or null. Figures of one name stand side by side.</summary>
    public string? Family { get; init; }

    /// <summary>It only grows, until a restart.</summary>
    public bool IsCounter => Suffix == "_total";

    /// <summary>A name nothing else in the list has.</summary>
    public string FullName => Family is null ? Name : $"{Name}_{Family}";
}

static class TrackerFigures
{
    public static TrackerFigure[] Of(TrackerService service, TimeSpan now)
    {
        ((int torrents4, int torrents6), (long peers4, long peers6)) = (service.Torrents, service.Peers);
        TrackerCounters counters = service.Counters;
        return
        [
            new("uptime", "Seconds since the tracker was started", (long)now.TotalSeconds) { Suffix = "_seconds" },
            new("torrents", "Torrents with peers of this address family", torrents4) { Family = "ipv4" },
            new("torrents", "Torrents with peers of this address family", torrents6) { Family = "ipv6" },
            new("peers", "Peers in all torrents", peers4) { Family = "ipv4" },
            new("peers", "Peers in all torrents", peers6) { Family = "ipv6" },
            Counter("http_announces", "Announces answered over HTTP", counters.HttpAnnounces),
            Counter("http_scrapes", "Scrapes answered over HTTP", counters.HttpScrapes),
            Counter("http_refused", "Requests over HTTP that got a failure reason", counters.HttpRefused),
            Counter("http_malformed", "Requests that were no HTTP and greetings that were no TLS", counters.HttpMalformed),
            Counter("http_late", "Connections closed because a request or the taking of an answer took too long", counters.HttpLate),
            Counter("http_turned_away", "Connections closed at once because there were too many", counters.HttpTurnedAway),
            Counter("faults", "Requests that failed for a fault of this program", counters.Faults),
            Counter("udp_connects", "Connection ids given out over UDP", counters.UdpConnects),
            Counter("udp_announces", "Announces answered over UDP", counters.UdpAnnounces),
            Counter("udp_scrapes", "Scrapes answered over UDP", counters.UdpScrapes),
            Counter("udp_refused", "Requests over UDP that got an error", counters.UdpRefused),
            Counter("udp_dropped", "Packets over UDP that were no request and got no answer", counters.UdpDropped),
            Counter("full_refused", "Announces refused because a limit on torrents or peers was reached", counters.FullRefused),
            Counter("key_refused", "Requests refused because they came without a valid passkey", counters.KeyRefused),
            Counter("rate_refused", "Requests refused because their address asks too often", counters.RateRefused),
            new("unsaved", "1 while what is to be kept cannot be saved, else 0", service.Saved.Fault is null ? 0 : 1),
            Counter("save_failed", "How often saving what is to be kept has failed", service.Saved.Failures),
        ];
    }

    static TrackerFigure Counter(string name, string help, long value) => new(name, help, value) { Suffix = "_total" };
}
