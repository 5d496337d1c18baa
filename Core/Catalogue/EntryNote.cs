// What is kept of an entry beside its .torrent, bencoded:
//   d 9:published i…e  5:token 32 bytes (a hash; absent if nobody may take the entry away)  8:unseeded i…e (seconds)  7:version i1e e
// Untrusted input like every state file. Pure.
using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using TinyTorrent.Bencode;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Catalogue;

static class EntryNote
{
    const int Version = 1;

    /// <summary>Bytes; the file of a sane note has a tenth of it.</summary>
    public const int MaxSize = 4096;

    public static byte[] Write(CatalogueEntry entry)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var writer = new BencodeWriter(bytes);
        writer.BeginDictionary();
        writer.Key("published"u8);
        writer.Integer(entry.Published);
        if (!entry.Token.Hash.IsEmpty)
        {
            writer.Key("token"u8);
            writer.Bytes(entry.Token.Hash);
        }
        writer.Key("unseeded"u8);
        writer.Integer((long)entry.Unseeded.TotalSeconds);
        writer.Key("version"u8);
        writer.Integer(Version);
        writer.End();
        return bytes.WrittenSpan.ToArray();
    }

    public static bool TryRead(ReadOnlySpan<byte> note, MetainfoFile metainfo, [NotNullWhen(true)] out CatalogueEntry? entry)
    {
        entry = null;
        if (!BencodeValue.TryParse(note, out BencodeValue root, out _, strict: true)) return false;
        if (!root.TryGetInteger("version"u8, out long version) || version != Version) return false;
        if (!root.TryGetInteger("published"u8, out long published) || !root.TryGetInteger("unseeded"u8, out long unseeded)) return false;
        root.TryGetBytes("token"u8, out ReadOnlySpan<byte> token);
        entry = new CatalogueEntry(metainfo, published, WriteToken.FromHash(token));
        entry.Unseeded = entry.UnseededSaved = TimeSpan.FromSeconds(Math.Clamp(unseeded, 0, int.MaxValue));
        return true;
    }
}
