// What a running transfer or check has to say about itself: one snapshot for the status line and for --json.
using System.Globalization;
using System.Text.Json;

namespace TinyTorrent.Commands;

/// <param name="Phase">One word: <c>checking</c>, <c>downloading</c>, <c>seeding</c>, <c>hashing</c>, …</param>
/// <param name="Done">Bytes.</param>
/// <param name="Total">Bytes; 0 while it is not known.</param>
readonly record struct TransferStatus(string Phase, long Done, long Total)
{
    /// <summary>Bytes per second by which <see cref="Done"/> grows.</summary>
    public double Rate { get; init; }

    /// <summary>Bytes per second sent to peers; null where nothing is ever sent.</summary>
    public double? UpRate { get; init; }

    /// <summary>Bytes of content sent to peers since the start.</summary>
    public long Uploaded { get; init; }

    /// <summary>Connected peers; null where there are none by nature.</summary>
    public int? Peers { get; init; }

    /// <summary>Nothing has come for seconds, so no time is foretold.</summary>
    public bool IsStalled { get; init; }

    /// <summary>Why nothing comes; null where something does. May hold a stranger's words.</summary>
    public string? Waiting { get; init; }

    /// <summary>At the present rate; null when that is nothing, or nothing is left.</summary>
    public TimeSpan? TimeLeft
    {
        get
        {
            double seconds = Rate > 0 && !IsStalled && Done < Total ? (Total - Done) / Rate : double.PositiveInfinity;
            return seconds < TimeSpan.FromDays(365).TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
        }
    }

    /// <summary>
    /// The status in at most <paramref name="width"/> columns of plain ASCII (a phase must be ASCII too). What matters least
    /// is left out first.
    /// </summary>
    public string ToLine(int width)
    {
        List<(int Importance, string Text)> parts = Parts();
        string line;
        if (Waiting is not null) // said to the end of the line, whatever else has room
            return Cut($"{Phase}  {Display.Percent(Done, Total)}  {string.Concat(Waiting.Select(c => c is >= ' ' and <= '~' ? c : '?'))}", width);
        while ((line = string.Join("  ", parts.ConvertAll(part => part.Text))).Length > width && parts.Count > 1)
            parts.Remove(parts.Min());
        return Cut(line, width);
    }

    static string Cut(string line, int width) => line.Length <= width ? line : line[..Math.Max(0, width)];

    List<(int Importance, string Text)> Parts()
    {
        bool moving = Total > 0 && Done < Total;
        List<(int, string)> parts = [(7, Phase)];
        if (moving)
        {
            parts.Add((8, Display.Percent(Done, Total)));
            parts.Add((3, $"{Display.Bytes(Done)} of {Display.Bytes(Total)}"));
            parts.Add((6, Display.Rate(Rate) + (UpRate is null ? "" : " down")));
        }
        if (Peers is { } peers) parts.Add((4, peers == 1 ? "1 peer" : $"{peers} peers"));
        if (UpRate is { } up) parts.Add((2, Display.Rate(up) + " up"));
        if (TimeLeft is { } left) parts.Add((5, Display.Duration(left) + " left"));
        if (!moving && Uploaded > 0 && Total > 0)
            parts.Add((1, string.Create(CultureInfo.InvariantCulture, $"{Display.Bytes(Uploaded)} sent, ratio {(double)Uploaded / Total:0.00}")));
        return parts;
    }

    /// <summary>The fields of a <c>progress</c> event, the same for every command.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("phase", Phase);
        json.WriteNumber("done", Done);
        json.WriteNumber("total", Total);
        json.WriteNumber("rate", Math.Round(Rate));
        if (UpRate is { } up) json.WriteNumber("rate_up", Math.Round(up));
        if (UpRate is not null) json.WriteNumber("uploaded", Uploaded);
        if (Peers is { } peers) json.WriteNumber("peers", peers);
        if (Waiting is not null) json.WriteString("waiting", Waiting);
        if (TimeLeft is { } left) json.WriteNumber("time_left", Math.Round(left.TotalSeconds));
    }
}
