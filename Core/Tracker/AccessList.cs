// Which torrents a tracker serves. Immutable: a new list replaces the old one as a whole, between two announces.
using System.Collections.Frozen;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>All torrents, only the listed ones, or all but the listed ones.</summary>
sealed class AccessList
{
    public static readonly AccessList Everything = new([], listedAreServed: false);

    readonly FrozenSet<InfoHash> _listed;
    readonly bool _listedAreServed;

    AccessList(IEnumerable<InfoHash> listed, bool listedAreServed)
    {
        _listed = listed.ToFrozenSet();
        _listedAreServed = listedAreServed;
    }

    /// <summary>Torrents named by the list.</summary>
    public int Count => _listed.Count;

    public bool Serves(in InfoHash name) => _listed.Contains(name) == _listedAreServed;

    /// <summary>Reads one info-hash a line in hex (40 digits, or 64 of a v2 one: its first 20 bytes count). <c>#</c> begins a comment.</summary>
    /// <exception cref="FormatException">Names the line that is not an info-hash.</exception>
    public static AccessList Parse(string text, bool listedAreServed)
    {
        var listed = new List<InfoHash>();
        int number = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            int comment = line.IndexOf('#');
            ReadOnlySpan<char> hex = (comment < 0 ? line : line[..comment]).Trim();
            if (hex.IsEmpty) continue;
            if (hex.Length == 64 && InfoHash.TryParseHex(hex[24..], out _)) hex = hex[..40];
            if (!InfoHash.TryParseHex(hex, out InfoHash name)) throw new FormatException($"line {number} is not an info-hash of 40 hex digits");
            listed.Add(name);
        }
        return new AccessList(listed, listedAreServed);
    }
}
