// One page of a catalogue as JSON. Times are seconds since 1970, sizes bytes:
//   {"schema":1,"now":…,"page":1,"pages":1,"total":1,"entries":[{"name":…,"info_hash":…,"size":…,"file_count":…,
//    "kind":"video","comment":…,"published":…,"seeders":…,"leechers":…}]}
// The encoder escapes everything that is not plain ASCII, and what could end a script in HTML. Pure.
using System.Buffers;
using System.Text.Json;
using TinyTorrent.Tracker;

namespace TinyTorrent.Catalogue;

/// <param name="Page">From 1.</param>
/// <param name="Total">Entries on all pages.</param>
sealed record CataloguePage(int Page, int Total, IReadOnlyList<(CatalogueEntry Entry, SwarmCounts Counts)> Rows)
{
    /// <summary>Entries on a page at most.</summary>
    public const int Size = 100;

    const int Schema = 1;

    /// <summary>Bytes of JSON it will have at most.</summary>
    public int MaxJsonSize => 256 + Rows.Sum(row => 512 + 6 * (row.Entry.Name.Length + row.Entry.Comment.Length));

    /// <param name="now">Seconds since 1970.</param>
    public void WriteTo(IBufferWriter<byte> output, long now)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteNumber("schema", Schema);
        json.WriteNumber("now", now);
        json.WriteNumber("page", Page);
        json.WriteNumber("pages", Math.Max(1, (Total + Size - 1) / Size));
        json.WriteNumber("total", Total);
        json.WriteStartArray("entries");
        foreach ((CatalogueEntry entry, SwarmCounts counts) in Rows)
        {
            json.WriteStartObject();
            ListedEntry.Of(entry, counts).WriteTo(json);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
