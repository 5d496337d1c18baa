// Which characters of a stranger's text can be seen, on a screen and in a file name alike: a name that is shown can then be
// typed. Invisible are control characters (C0, DEL, C1), line separators, format characters (bidirectional marks, overrides
// and isolates, zero-width, soft hyphen, tags) and unpaired surrogates. The two joiners are format characters that change
// what is seen between the letters of many scripts and within emoji: there they are visible, and nowhere else.
using System.Buffers;
using System.Globalization;
using System.Text;

namespace TinyTorrent.Types;

static class VisibleText
{
    const int ZeroWidthNonJoiner = 0x200C, ZeroWidthJoiner = 0x200D;

    /// <summary>The text with each invisible character replaced; the text itself if it has none.</summary>
    public static string Replace(string text, char replacement)
    {
        if (Ascii.IsValid(text) && text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0) return text;

        var visible = new StringBuilder(text.Length);
        bool changed = false;
        Rune before = default; // joins nothing
        for (ReadOnlySpan<char> rest = text; rest.Length > 0;)
        {
            bool valid = Rune.DecodeFromUtf16(rest, out Rune rune, out int taken) == OperationStatus.Done;
            if (valid && IsVisible(before, rune, rest[taken..])) visible.Append(rest[..taken]);
            else
            {
                visible.Append(replacement);
                (changed, rune) = (true, default);
            }
            before = rune;
            rest = rest[taken..];
        }
        return changed ? visible.ToString() : text;
    }

    static bool IsVisible(Rune before, Rune rune, ReadOnlySpan<char> after)
    {
        if (rune.Value is ZeroWidthNonJoiner or ZeroWidthJoiner)
            return Joins(before) && Rune.DecodeFromUtf16(after, out Rune next, out _) == OperationStatus.Done && Joins(next);
        return Rune.GetUnicodeCategory(rune) is not (
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate);
    }

    /// <summary>Letters with their marks, digits (Persian sets a non-joiner behind one), emoji and their modifiers.</summary>
    static bool Joins(Rune rune) => Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
        or UnicodeCategory.OtherSymbol or UnicodeCategory.MathSymbol or UnicodeCategory.ModifierSymbol;
}
