// How many columns of a terminal a text takes: letters of East Asia and pictures take two, marks on other letters none.
// An approximation by ranges (Unicode's East Asian Width); a terminal that disagrees shows a crooked table, no more.
using System.Globalization;
using System.Text;

namespace TinyTorrent.Commands;

static class Columns
{
    static readonly (int First, int Last)[] s_wide =
    [
        (0x1100, 0x115F), (0x231A, 0x231B), (0x23E9, 0x23EC), (0x2614, 0x2615), (0x26C4, 0x26C5), (0x2705, 0x2705), (0x2728, 0x2728), (0x274C, 0x274C),
        (0x2E80, 0x303E), (0x3041, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xA960, 0xA97F), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
        (0xFE30, 0xFE6F), (0xFF00, 0xFF60), (0xFFE0, 0xFFE6), (0x16FE0, 0x18CFF), (0x1B000, 0x1B2FF), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F900, 0x1FAFF),
        (0x20000, 0x3FFFD),
    ];

    public static int Of(string text)
    {
        int columns = 0;
        foreach (Rune rune in text.EnumerateRunes()) columns += Of(rune);
        return columns;
    }

    /// <summary>Exactly this many columns: cut with an ellipsis, or filled with spaces.</summary>
    public static string Fit(string text, int columns)
    {
        int taken = Of(text);
        if (taken <= columns) return text + new string(' ', columns - taken);
        var cut = new StringBuilder();
        int left = columns - 1; // the ellipsis
        foreach (Rune rune in text.EnumerateRunes())
        {
            if ((left -= Of(rune)) < 0) break;
            cut.Append(rune.ToString());
        }
        string kept = cut.Append('…').ToString();
        return kept + new string(' ', Math.Max(0, columns - Of(kept)));
    }

    static int Of(Rune rune)
    {
        if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark) return 0;
        return Array.Exists(s_wide, range => rune.Value >= range.First && rune.Value <= range.Last) ? 2 : 1;
    }
}
