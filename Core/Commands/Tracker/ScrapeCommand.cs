// `scrape`: how many have the torrent and how many want it, by each of its trackers (BEP 48, BEP 15).
using System.Globalization;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class ScrapeCommand
{
    public static readonly Command Command = new(
        "scrape", "SOURCE [options]", "ask trackers how many peers a torrent has", MaxOperands: 1,
        [
            TransferOptions.Tracker,
            JsonEvents.Option,
        ],
        Run)
    {
        Details = $"""
            {TorrentSource.Forms}

            "Done" is how often somebody has finished since the tracker began to count. The exit code is 5 if no tracker answered and 7 if all that did refused.
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        TorrentSource source = TorrentSource.Load(arguments.Operand(0, "SOURCE"), interrupt.Token);
        using Progress progress = Progress.Create(arguments);
        using var survey = new TrackerSurvey(source, arguments, progress);
        if (survey.IsEmpty) throw TrackerSurvey.NoTracker(arguments);

        var question = new Announce { InfoHash = source.InfoHash, PeerId = default, Port = 0, Left = 0 };
        bool any = false;
        foreach ((TrackerStatus status, TrackerReply reply) in survey.Ask(question, scrape: true, interrupt.Token))
        {
            if (progress.Events is { } events) Write(events, source.InfoHash, status, reply);
            else
            {
                if (!any) Console.Out.WriteLine("  seeders  leechers      done  tracker");
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{reply.Seeders,9}{reply.Leechers,10}{(reply.Completed?.ToString(CultureInfo.InvariantCulture) ?? "-"),10}  {Display.Safe(status.Url)}"));
            }
            any = true;
        }
        return any ? ExitCode.Done : throw survey.Failure();
    }

    static void Write(JsonEvents events, InfoHash hash, TrackerStatus status, TrackerReply reply) => events.Write("scrape", json =>
    {
        json.WriteString("url", status.Url);
        json.WriteString("info_hash", hash.ToString());
        json.WriteNumber("seeders", reply.Seeders ?? 0);
        json.WriteNumber("leechers", reply.Leechers ?? 0);
        if (reply.Completed is { } completed) json.WriteNumber("completed", completed);
    });
}
