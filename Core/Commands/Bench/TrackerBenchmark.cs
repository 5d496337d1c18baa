// `bench tracker`: load for a tracker, from a population of peers that is the same in every run. What it prints is the
// tracker's pace as seen from here; what the tracker pays for it is to be read there (CPU time, memory).
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TrackerBenchmark
{
    const int MostPeers = 100_000_000, MostTorrents = 10_000_000, MostWindow = 4096;

    public static readonly Option[] Options =
    [
        new("--seconds", "T", "tracker: how long (default 10s)"),
        new("--torrents", "N", "tracker: torrents announced (default 1000)"),
        new("--peers", "N", "tracker: peers that announce, in all torrents (default 100000)"),
        new("--once", null, "tracker: every peer announces once, however long that takes"),
        new("--rate", "N", "tracker: announces a second (default: as many as are answered)"),
        new("--window", "N", "tracker: announces on their way at once, over HTTP connections (default 64)"),
        new("--numwant", "N", "tracker: peers wanted in an answer (default 50)"),
        new("--timeout", "T", "tracker: what is answered later is lost (default 2s)"),
        new("--close", null, "tracker: over HTTP, a connection for each announce"),
    ];

    public static ExitCode Run(Arguments arguments)
    {
        string text = arguments.Operand(1, "URL");
        if (!TrackerUrl.TryParse(text, out TrackerUrl? url, out string? problem)) throw Arguments.Usage($"'{Display.Safe(TrackerUrl.DisplayOf(text))}': {problem}");
        if (url.Scheme == TrackerScheme.Https) throw Arguments.Usage("bench tracker takes http and udp URLs");
        bool udp = url.Scheme == TrackerScheme.Udp;
        if (udp && arguments.Has("--close")) throw Arguments.Usage("--close is for http URLs");
        if (arguments.Has("--once") && arguments.Has("--seconds")) throw Arguments.Usage("--once and --seconds exclude each other");
        LoadPlan plan = Plan(arguments, url);
        using var interrupt = new Interrupt();
        LoadResults? results = udp ? RunUdp(plan, interrupt.Token) : new HttpLoad(plan).RunAsync(interrupt.Token).GetAwaiter().GetResult();
        if (results is null || results is { Replies: 0, Errors: 0, Bad: 0 })
        {
            interrupt.Token.ThrowIfCancellationRequested();
            throw new CommandException(ExitCode.NoPeer, $"{url.Display}: no answer");
        }
        Report(url, results, JsonEvents.Create(arguments));
        interrupt.Token.ThrowIfCancellationRequested();
        return results.Replies > 0 ? ExitCode.Done : results.Errors > 0 ? ExitCode.Refused : ExitCode.BadInput;
    }

    static LoadPlan Plan(Arguments arguments, TrackerUrl url)
    {
        TimeSpan duration = arguments.Duration("--seconds") ?? TimeSpan.FromSeconds(10);
        if (duration < TimeSpan.FromMilliseconds(100)) throw Arguments.Usage("--seconds takes a time of 0.1 or more");
        TimeSpan timeout = arguments.Duration("--timeout") ?? LoadPlan.UsualPatience;
        if (timeout < TimeSpan.FromMilliseconds(100)) throw Arguments.Usage("--timeout takes a time of 0.1 or more");
        int torrents = (int)arguments.Integer("--torrents", 1000, 1, MostTorrents);
        int peers = (int)arguments.Integer("--peers", Math.Max(100_000, torrents), 1, MostPeers);
        if (peers < torrents) throw Arguments.Usage("--peers must be as many as --torrents or more");
        var plan = new LoadPlan
        {
            Target = new IPEndPoint(Resolve(url.Uri.IdnHost), url.Uri.Port), Url = url.Uri, Population = new LoadPopulation(torrents, peers),
            Duration = duration, Once = arguments.Has("--once"), Close = arguments.Has("--close"),
            Rate = arguments.Has("--rate") ? arguments.Integer("--rate", 0, 1, int.MaxValue) : null,
            Window = (int)arguments.Integer("--window", 64, 1, MostWindow), Wanted = (int)arguments.Integer("--numwant", 50, 0, 200), Patience = timeout,
        };
        if (plan.Population.Addresses <= plan.Sources) return plan;
        throw Arguments.Usage($"so many peers a torrent need {plan.Population.Addresses} addresses, and there {(plan.Sources == 1 ? "is 1" : $"are {plan.Sources}")}: more --torrents or fewer --peers");
    }

    static IPAddress Resolve(string host)
    {
        try
        {
            return NameLookup.FindAsync(host, CancellationToken.None).GetAwaiter().GetResult()[0];
        }
        catch (SocketException e)
        {
            throw new CommandException(ExitCode.NoPeer, SystemMessage.Phrase(e.Message));
        }
    }

    static LoadResults? RunUdp(LoadPlan plan, CancellationToken interrupt)
    {
        using var load = new UdpLoad(plan);
        return load.Run(interrupt);
    }

    static void Report(TrackerUrl url, LoadResults results, JsonEvents? events)
    {
        double seconds = results.Elapsed.TotalSeconds, rate = results.Replies / Math.Max(seconds, 1e-6);
        TimeSpan half = results.Latency(0.5), most = results.Latency(0.99);
        double peers = results.Peers / Math.Max(1.0, results.Replies);
        if (events is null)
        {
            Console.Out.WriteLine("  replies/s    replies   errors      bad     lost   p50 us   p99 us   peers a reply");
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{rate,11:0}{results.Replies,11}{results.Errors,9}{results.Bad,9}{results.Lost,9}{half.TotalMicroseconds,9:0}{most.TotalMicroseconds,9:0}{peers,16:0.0}"));
            if (results.FirstFault is { } fault) Console.Out.WriteLine($"the first that was wrong: {Display.Safe(fault)}");
            return;
        }
        events.Write("tracker", json =>
        {
            json.WriteString("url", url.Display);
            json.WriteNumber("seconds", Math.Round(seconds, 3));
            json.WriteNumber("rate", Math.Round(rate));
            json.WriteNumber("replies", results.Replies);
            json.WriteNumber("errors", results.Errors);
            json.WriteNumber("bad", results.Bad);
            json.WriteNumber("lost", results.Lost);
            json.WriteNumber("p50", Math.Round(half.TotalSeconds, 6));
            json.WriteNumber("p99", Math.Round(most.TotalSeconds, 6));
            json.WriteNumber("peers_per_reply", Math.Round(peers, 1));
            if (results.FirstFault is { } fault) json.WriteString("first_fault", fault);
        });
    }
}
