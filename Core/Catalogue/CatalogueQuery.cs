// What a client wants to see of a catalogue: the query of /catalogue.json?kind=&q=&name=&page=, read and written. Strangers
// write it, so every part has a limit. Pure; immutable.
using System.Globalization;
using System.Text;

namespace TinyTorrent.Catalogue;

sealed record CatalogueQuery
{
    /// <summary>Each costs a look at every entry.</summary>
    public const int MaxWords = 16;

    /// <summary>Bytes that all words may have together, folded. A long word that nearly matches everywhere costs its length at every
    /// character, and a name has no more than this.</summary>
    const int MaxWordBytes = 256;

    const int MaxPage = 1_000_000;

    /// <summary>Null for every kind.</summary>
    public ContentKind? Kind { get; init; }

    /// <summary>All of them must be in the name or the comment, whatever their case.</summary>
    public IReadOnlyList<string> Words
    {
        get;
        init
        {
            field = value;
            // The longest first: where it is not, the others need not be looked for.
            _folded = [.. value.Select(CatalogueEntry.Fold).OrderByDescending(word => word.Length)];
        }
    } = [];

    readonly byte[][] _folded = [];

    /// <summary>Exactly this name; null for any.</summary>
    public string? Name { get; init; }

    /// <summary>From 1.</summary>
    public int Page { get; init; } = 1;

    public bool Matches(CatalogueEntry entry)
    {
        if (Kind is { } kind && kind != entry.Kind) return false;
        if (Name is { } name && name != entry.Name) return false;
        foreach (byte[] word in _folded)
            if (!entry.Contains(word)) return false;
        return true;
    }

    /// <param name="query">What follows the question mark, as it came.</param>
    /// <param name="problem">A sentence without its full stop.</param>
    public static bool TryRead(ReadOnlySpan<byte> query, out CatalogueQuery read, out string problem)
    {
        read = new CatalogueQuery();
        problem = "";
        if (query.IsEmpty) return true;
        foreach (string pair in Encoding.ASCII.GetString(query).Split('&'))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            string value = equals < 0 ? "" : Uri.UnescapeDataString(pair[(equals + 1)..].Replace('+', ' '));
            if (value.Length == 0) continue;
            switch (pair[..equals])
            {
                case "kind" when ContentKinds.TryParse(value, out ContentKind kind): read = read with { Kind = kind }; break;
                case "kind": problem = "kind is audio, video or other"; break;
                case "q" when WordsOf(value) is { Length: <= MaxWords } words && words.Sum(word => CatalogueEntry.Fold(word).Length) <= MaxWordBytes:
                    read = read with { Words = words };
                    break;
                case "q": problem = $"q has more than {MaxWords} words, or {MaxWordBytes} bytes of them"; break;
                case "name": read = read with { Name = value }; break;
                case "page" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int page) && page is >= 1 and <= MaxPage:
                    read = read with { Page = page };
                    break;
                case "page": problem = $"page is a number from 1 to {MaxPage}"; break;
                default: break; // a parameter of a later version
            }
        }
        return problem.Length == 0;
    }

    public static string[] WordsOf(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>For behind the path: empty, or with its question mark.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Kind is { } kind) Add("kind", ContentKinds.NameOf(kind));
        if (Words.Count > 0) Add("q", string.Join(' ', Words));
        if (Name is { } name) Add("name", name);
        if (Page > 1) Add("page", Page.ToString(CultureInfo.InvariantCulture));
        return text.ToString();

        void Add(string key, string value) => text.Append(text.Length == 0 ? '?' : '&').Append(key).Append('=').Append(Uri.EscapeDataString(value));
    }
}
