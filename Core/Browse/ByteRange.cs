// The Range header of a request for part of a file (RFC 9110, 14.2), as far as players use it: one range. Pure.
using System.Globalization;

namespace TinyTorrent.Browse;

/// <param name="From">First byte.</param>
/// <param name="Length">Bytes; may be 0 only for an empty file.</param>
readonly record struct ByteRange(long From, long Length)
{
    const string Unit = "bytes=";

    /// <summary>What of a file of <paramref name="size"/> bytes is asked for.</summary>
    /// <param name="header">Null or not understood: the whole file, as the RFC wants it.</param>
    /// <param name="isPartial">The answer is 206.</param>
    /// <returns>False if nothing of the file lies in the range: the answer is 416.</returns>
    public static bool TryRead(string? header, long size, out ByteRange range, out bool isPartial)
    {
        range = new ByteRange(0, size);
        isPartial = false;
        if (header is null || !header.StartsWith(Unit, StringComparison.OrdinalIgnoreCase)) return true;
        ReadOnlySpan<char> text = header.AsSpan(Unit.Length).Trim();
        int dash = text.IndexOf('-');
        if (dash < 0 || text.Contains(',')) return true;
        ReadOnlySpan<char> first = text[..dash], last = text[(dash + 1)..];
        long to = size - 1, count = 0;
        if (first.IsEmpty ? !TryNumber(last, out count) : !last.IsEmpty && !TryNumber(last, out to)) return true;
        long from = Math.Max(0, size - count);
        if (!first.IsEmpty && !TryNumber(first, out from)) return true;
        if (!first.IsEmpty && to < from && !last.IsEmpty) return true;
        isPartial = true;
        range = new ByteRange(from, Math.Min(to, size - 1) - from + 1);
        return range.Length > 0;
    }

    static bool TryNumber(ReadOnlySpan<char> digits, out long number) => long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
