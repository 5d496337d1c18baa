// How a tracker's state is told: a line for people, a `tracker` event for --json. The same for every command.
using System.Text.Json;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TrackerReport
{
    /// <summary>One line. Holds the tracker's own words: to be shown through Display.Safe.</summary>
    public static string ToLine(TrackerStatus status)
    {
        if (status.Failure != TrackerFailure.None) return $"{status.Url}: {(status.Failure == TrackerFailure.Unreachable ? SystemMessage.Phrase(status.Reason) : status.Reason)}";
        string peers = status.Peers is { } count ? $", {Counted(count, "peer")}" : "";
        string warning = status.Reason.Length > 0 ? $" ({status.Reason})" : "";
        return $"{status.Url}: {Counts(status)}{peers}{warning}";
    }

    /// <summary>The swarm, as the tracker counts it.</summary>
    public static string Counts(TrackerStatus status) => $"{Counted(status.Seeders ?? 0, "seeder")}, {Counted(status.Leechers ?? 0, "leecher")}";

    /// <summary>The fields of a <c>tracker</c> event.</summary>
    public static void WriteTo(Utf8JsonWriter json, TrackerStatus status)
    {
        json.WriteString("url", status.Url);
        json.WriteNumber("tier", status.Tier);
        json.WriteString("state", NameOf(status.State));
        if (status.Failure != TrackerFailure.None) json.WriteString("failure", NameOf(status.Failure));
        if (status.Reason.Length > 0) json.WriteString(status.Failure == TrackerFailure.None ? "warning" : "reason", status.Reason);
        if (status.Seeders is { } seeders) json.WriteNumber("seeders", seeders);
        if (status.Leechers is { } leechers) json.WriteNumber("leechers", leechers);
        if (status.Peers is { } peers) json.WriteNumber("peers", peers);
        if (status.NextAnnounce is { } next) json.WriteNumber("next_announce", Math.Round(next.TotalSeconds));
    }

    static string NameOf(TrackerState state) => state switch
    {
        TrackerState.Idle => "idle",
        TrackerState.Asking => "asking",
        TrackerState.Working => "working",
        _ => "failed",
    };

    static string NameOf(TrackerFailure failure) => failure switch
    {
        TrackerFailure.Refused => "refused",
        TrackerFailure.BadAnswer => "bad-answer",
        _ => "unreachable",
    };

    static string Counted(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
