// A page of a catalogue as a client reads it (CataloguePage writes it). A stranger's server sent it: whatever is wrong with it
// is a sentence, texts are raw, and numbers are nobody's promise. Fields of later versions are stepped over. Pure.
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Catalogue;

/// <param name="Size">Bytes.</param>
/// <param name="Published">Seconds since 1970, by the server's clock.</param>
sealed record ListedEntry(
    string Name, InfoHash InfoHash, long Size, int FileCount, ContentKind Kind, string Comment, long Published, int Seeders, int Leechers)
{
    public static ListedEntry Of(CatalogueEntry entry, SwarmCounts counts) => new(
        entry.Name, entry.InfoHash, entry.Size, entry.FileCount, entry.Kind, entry.Comment, entry.Published, counts.Seeders, counts.Leechers);

    /// <summary>The fields of a JSON object that has begun, the same in a page and in an event.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("name", Name);
        json.WriteString("info_hash", InfoHash.ToString());
        json.WriteNumber("size", Size);
        json.WriteNumber("file_count", FileCount);
        json.WriteString("kind", ContentKinds.NameOf(Kind));
        json.WriteString("comment", Comment);
        json.WriteNumber("published", Published);
        json.WriteNumber("seeders", Seeders);
        json.WriteNumber("leechers", Leechers);
    }
}

/// <param name="Now">Seconds since 1970, by the server's clock.</param>
sealed record ListedPage(long Now, int Pages, int Total, IReadOnlyList<ListedEntry> Entries)
{
    const int MaxDepth = 8;

    public static bool TryRead(ReadOnlyMemory<byte> json, [NotNullWhen(true)] out ListedPage? page, out string problem)
    {
        page = null;
        problem = "";
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("entries", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            {
                problem = "entries is missing";
                return false;
            }
            var entries = new List<ListedEntry>();
            foreach (JsonElement item in list.EnumerateArray())
            {
                if (Read(item, ref problem) is not { } entry)
                {
                    problem = $"entries[{entries.Count}].{problem}";
                    return false;
                }
                entries.Add(entry);
            }
            page = new ListedPage(Number(root, "now"), (int)Math.Clamp(Number(root, "pages"), 1, int.MaxValue), (int)Math.Clamp(Number(root, "total"), 0, int.MaxValue), entries);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // InvalidOperation: a text of broken escapes
        {
            problem = "not JSON";
            return false;
        }
    }

    static ListedEntry? Read(JsonElement item, ref string problem)
    {
        if (item.ValueKind != JsonValueKind.Object || Text(item, "name") is not { Length: > 0 } name) problem = "name is missing";
        else if (!InfoHash.TryParseHex(Text(item, "info_hash"), out InfoHash hash)) problem = "info_hash is not 40 hex digits";
        else
        {
            // A kind of a later version is another one.
            ContentKind kind = ContentKinds.TryParse(Text(item, "kind"), out ContentKind known) ? known : ContentKind.Other;
            return new ListedEntry(name, hash, Math.Max(0, Number(item, "size")), Count("file_count"), kind, Text(item, "comment"), Number(item, "published"), Count("seeders"), Count("leechers"));
        }
        return null;

        int Count(string field) => (int)Math.Clamp(Number(item, field), 0, int.MaxValue);
    }

    static string Text(JsonElement item, string field) =>
        item.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    static long Number(JsonElement item, string field) =>
        item.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : 0;
}
