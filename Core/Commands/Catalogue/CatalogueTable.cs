// A catalogue as a table that fits the terminal: the names get what the figures leave, and lose their ends if that is not
// enough. Names come from strangers, so their width is counted in columns, and what a terminal would obey is replaced.
using System.Globalization;
using TinyTorrent.Catalogue;

namespace TinyTorrent.Commands;

static class CatalogueTable
{
    const int MinNameColumns = 12;

    static readonly string[] s_heads = ["size", "kind", "seeders", "leechers", "age"];

    /// <param name="width">Columns; names are shown whole if there is no terminal.</param>
    public static IEnumerable<string> Lines(ListedPage page, int? width)
    {
        List<(string Name, string[] Figures)> rows = [.. page.Entries.Select(entry => (Display.Safe(entry.Name), FiguresOf(entry, page.Now)))];
        int[] columns = [.. s_heads.Select((head, i) => rows.Select(row => row.Figures[i].Length).Append(head.Length).Max())];
        int widest = rows.Select(row => Columns.Of(row.Name)).Append("name".Length).Max();
        int room = width is { } w ? Math.Max(MinNameColumns, w - columns.Sum(c => c + 2)) : widest;
        int names = Math.Min(widest, room);
        yield return Line("name", s_heads);
        foreach ((string name, string[] figures) in rows) yield return Line(name, figures);

        string Line(string name, string[] figures) =>
            Columns.Fit(name, names) + string.Concat(figures.Select((figure, i) => "  " + (s_heads[i] == "kind" ? figure.PadRight(columns[i]) : figure.PadLeft(columns[i]))));
    }

    static string[] FiguresOf(ListedEntry entry, long now) =>
    [
        Display.Bytes(entry.Size), ContentKinds.NameOf(entry.Kind),
        entry.Seeders.ToString(CultureInfo.InvariantCulture), entry.Leechers.ToString(CultureInfo.InvariantCulture), Age(now - entry.Published),
    ];

    /// <summary>The largest unit alone.</summary>
    static string Age(long seconds) => seconds switch
    {
        < 0 => "0s",
        < 60 => $"{seconds}s",
        < 3600 => $"{seconds / 60}m",
        < 86400 => $"{seconds / 3600}h",
        < 365 * 86400L => $"{seconds / 86400}d",
        _ => $"{seconds / (365 * 86400L)}y",
    };
}
