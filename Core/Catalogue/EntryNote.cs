// What is kept of an entry beside its .torrent, bencoded:
//   d 7:comment …  6:digest 20 bytes (SHA-1 of the .torrent)  5:files i…e  4:from (the publisher's address; of IPv6 a /64)
//     4:kind …  4:name …  9:published i…e  6:seeded i0e or i1e  4:size i…e
//     5:token 32 bytes (a hash; absent if nobody may take the entry away)  7:torrent i…e (its bytes)
//     8:unseeded i…e (seconds)  7:version i1e e
// A note describes its entry, so that a start need not read the .torrent, which may be large. Those of earlier releases have
// only published, token, unseeded and version; the rest is read from the .torrent then.
// Untrusted input like every state file. Pure.
using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Catalogue;

static class EntryNote
{
    const int Version = 1;

    /// <summary>Bytes: a name of 255, a comment of 501 characters of three each, and the figures have half of it.</summary>
    public const int MaxSize = 4096;

    public static byte[] Write(CatalogueEntry entry)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var writer = new BencodeWriter(bytes);
        writer.BeginDictionary();
        Text("comment"u8, entry.Comment);
        writer.Key("digest"u8);
        writer.Bytes(entry.Digest.Span);
        Integer("files"u8, entry.FileCount);
        writer.Key("from"u8);
        writer.Bytes(entry.Publisher.Bytes);
        Text("kind"u8, ContentKinds.NameOf(entry.Kind));
        Text("name"u8, entry.Name);
        Integer("published"u8, entry.Published);
        Integer("seeded"u8, entry.WasSeeded ? 1 : 0);
        Integer("size"u8, entry.Size);
        if (!entry.Token.Hash.IsEmpty)
        {
            writer.Key("token"u8);
            writer.Bytes(entry.Token.Hash);
        }
        Integer("torrent"u8, entry.TorrentSize);
        Integer("unseeded"u8, (long)entry.Unseeded.TotalSeconds);
        Integer("version"u8, Version);
        writer.End();
        return bytes.WrittenSpan.ToArray();

        void Integer(ReadOnlySpan<byte> key, long value)
        {
            writer.Key(key);
            writer.Integer(value);
        }

        void Text(ReadOnlySpan<byte> key, string value)
        {
            writer.Key(key);
            writer.Text(value);
        }
    }

    /// <summary>A note that describes its entry.</summary>
    public static bool TryRead(ReadOnlySpan<byte> note, in InfoHash hash, [NotNullWhen(true)] out CatalogueEntry? entry)
    {
        entry = null;
        if (!TryReadKept(note, out BencodeValue root, out Kept kept)) return false;
        if (!root.TryGetBytes("name"u8, out ReadOnlySpan<byte> name) || !root.TryGetBytes("comment"u8, out ReadOnlySpan<byte> comment)) return false;
        // It names a file in an answer and in lists: what no .torrent's name can be is no entry's.
        if (!SafeName.TryRead(name, windows: false, out string safe, out _, out _) || safe.Length == 0 || !name.SequenceEqual(Encoding.UTF8.GetBytes(safe))) return false;
        if (!root.TryGetBytes("digest"u8, out ReadOnlySpan<byte> digest) || digest.Length != Sha1.Size) return false;
        if (!root.TryGetBytes("kind"u8, out ReadOnlySpan<byte> kind) || !ContentKinds.TryParse(Encoding.ASCII.GetString(kind), out ContentKind known)) return false;
        if (!root.TryGetInteger("files"u8, out long files) || files is < 1 or > int.MaxValue) return false;
        if (!root.TryGetInteger("size"u8, out long size) || size < 1) return false;
        if (!root.TryGetInteger("torrent"u8, out long torrent) || torrent is < 1 or > MetainfoFile.MaxBytes) return false;
        entry = new CatalogueEntry(safe, Encoding.UTF8.GetString(comment))
        {
            InfoHash = hash, Digest = digest.ToArray(), Kind = known, FileCount = (int)files, Size = size, TorrentSize = (int)torrent,
            Published = kept.Published, Token = kept.Token, Publisher = kept.Publisher,
            Unseeded = kept.Unseeded, WasSeeded = kept.WasSeeded, Saved = (kept.Unseeded, kept.WasSeeded),
        };
        return true;
    }

    /// <summary>A note of any age, whose entry the .torrent describes.</summary>
    public static bool TryRead(ReadOnlySpan<byte> note, MetainfoFile metainfo, [NotNullWhen(true)] out CatalogueEntry? entry)
    {
        bool isNote = TryReadKept(note, out _, out Kept kept);
        entry = isNote ? new CatalogueEntry(metainfo, kept.Published, kept.Token) { Publisher = kept.Publisher, Unseeded = kept.Unseeded, WasSeeded = kept.WasSeeded } : null;
        return isNote;
    }

    /// <summary>What no .torrent says.</summary>
    readonly record struct Kept(long Published, WriteToken Token, PeerAddress Publisher, TimeSpan Unseeded, bool WasSeeded);

    static bool TryReadKept(ReadOnlySpan<byte> note, out BencodeValue root, out Kept kept)
    {
        kept = default;
        if (!BencodeValue.TryParse(note, out root, out _, strict: true)) return false;
        if (!root.TryGetInteger("version"u8, out long version) || version != Version) return false;
        if (!root.TryGetInteger("published"u8, out long published) || !root.TryGetInteger("unseeded"u8, out long unseeded)) return false;
        root.TryGetBytes("token"u8, out ReadOnlySpan<byte> token);
        root.TryGetBytes("from"u8, out ReadOnlySpan<byte> from);
        bool wasSeeded = !root.TryGetInteger("seeded"u8, out long seeded) || seeded != 0; // earlier releases did not say
        kept = new Kept(published, WriteToken.FromHash(token), PeerAddress.From(from), TimeSpan.FromSeconds(Math.Clamp(unseeded, 0, int.MaxValue)), wasSeeded);
        return true;
    }
}
