// Numbers and names as people read them. Everything a stranger wrote (names in a .torrent, a tracker's reason, a peer's
// client) passes through Safe before it reaches a terminal: an escape sequence in a file name can retitle a window, hide
// text or answer on the user's behalf, and a bidirectional override can make "gpj.exe" of "exe.jpg".
using System.Globalization;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class Display
{
    const char Replacement = '\uFFFD';

    static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>The text on one line, with everything a terminal would obey instead of show replaced by U+FFFD.</summary>
    public static string Safe(string text) => VisibleText.Replace(text, Replacement);

    /// <summary>As <see cref="Safe"/>, but lines stay lines.</summary>
    public static string SafeLines(string text) => string.Join(Environment.NewLine, text.Split(["\r\n", "\n"], StringSplitOptions.None).Select(Safe));

    /// <summary><c>17 B</c>, <c>1.5 GiB</c>: steps of 1024, one decimal.</summary>
    public static string Bytes(long count) => Bytes((double)count);

    /// <summary>Bytes per second: <c>1.5 MiB/s</c>.</summary>
    public static string Rate(double bytesPerSecond) => Bytes(Math.Floor(Math.Max(0, bytesPerSecond))) + "/s";

    static string Bytes(double value)
    {
        int unit = 0;
        // 1023.95 would print as 1024.0
        for (; Math.Abs(value) >= (unit == 0 ? 1024 : 1023.95) && unit < Units.Length - 1; unit++) value /= 1024;
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + Units[unit];
    }

    /// <summary><c>5s</c>, <c>2m 05s</c>, <c>1h 12m</c>, <c>3d 04h</c>: the two largest units.</summary>
    public static string Duration(TimeSpan time)
    {
        if (time < TimeSpan.Zero) time = TimeSpan.Zero;
        return time.TotalMinutes < 1 ? $"{time.Seconds}s"
            : time.TotalHours < 1 ? $"{time.Minutes}m {time.Seconds:00}s"
            : time.TotalDays < 1 ? $"{time.Hours}h {time.Minutes:00}m"
            : $"{time.Days}d {time.Hours:00}h";
    }

    /// <summary><c>42.3%</c>, rounded down: <c>100%</c> means all of it. Nothing of nothing is all.</summary>
    public static string Percent(long done, long total)
    {
        if (done >= total) return "100%";
        double tenths = Math.Clamp(Math.Floor(1000.0 * Math.Max(0, done) / total), 0, 999);
        return (tenths / 10).ToString("0.0", CultureInfo.InvariantCulture) + "%";
    }
}
