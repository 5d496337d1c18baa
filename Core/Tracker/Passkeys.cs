// Who may use a private tracker: whoever knows one of its keys, which stands in the path as /key/announce or /key/scrape.
// Kept are not the keys but 128 bits of a keyed hash of each. What is compared are hashes, and nobody outside can compute
// one, so the time a comparison takes tells nothing about a key. Immutable: a new list replaces the old one as a whole.
using System.Buffers;
using System.Text;
using TinyTorrent.Hashing;

namespace TinyTorrent.Tracker;

sealed class Passkeys
{
    /// <summary>Characters of a key at most.</summary>
    public const int MaxLength = 64;

    /// <summary>Secret bytes that <see cref="Parse"/> needs.</summary>
    public const int SecretSize = 2 * SipHash.KeySize;

    static readonly SearchValues<char> KeyCharacters = SearchValues.Create("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

    readonly HashSet<UInt128> _marks = [];
    readonly SipHash _high, _low;

    Passkeys(ReadOnlySpan<byte> secret) => (_high, _low) = (new SipHash(secret[..SipHash.KeySize]), new SipHash(secret[SipHash.KeySize..]));

    public int Count => _marks.Count;

    public bool Contains(ReadOnlySpan<byte> key) => key.Length <= MaxLength && _marks.Contains(Mark(key));

    /// <summary>Cuts a path in front of <c>/announce</c> or <c>/scrape</c>; false if it does not end in either.</summary>
    /// <param name="key">What stands between the first slash and the last, whatever it is; may be empty.</param>
    /// <param name="rest">The path without the key.</param>
    public static bool TrySplit(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> rest)
    {
        key = rest = default;
        if (path.IsEmpty || path[0] != '/') return false;
        int last = path.LastIndexOf((byte)'/');
        if (last > 0) key = path[1..last];
        rest = path[last..];
        return rest.SequenceEqual("/announce"u8) || rest.SequenceEqual("/scrape"u8);
    }

    /// <summary>Reads one key a line: letters, digits, - and _. <c>#</c> begins a comment.</summary>
    /// <param name="secret"><see cref="SecretSize"/> bytes nobody else knows.</param>
    /// <exception cref="FormatException">Names the line that is not a key, but does not show it.</exception>
    public static Passkeys Parse(string text, ReadOnlySpan<byte> secret)
    {
        var keys = new Passkeys(secret);
        int number = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            int comment = line.IndexOf('#');
            string key = (comment < 0 ? line : line[..comment]).Trim().ToString();
            if (key.Length == 0) continue;
            if (key.Length > MaxLength || key.AsSpan().ContainsAnyExcept(KeyCharacters))
                throw new FormatException($"line {number} is not a passkey of 1 to {MaxLength} letters, digits, - and _");
            keys._marks.Add(keys.Mark(Encoding.ASCII.GetBytes(key)));
        }
        return keys;
    }

    UInt128 Mark(ReadOnlySpan<byte> key) => new(_high.Hash(key), _low.Hash(key));
}
