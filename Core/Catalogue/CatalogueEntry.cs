// One published torrent: what is shown of it, what of it is kept. Immutable but for the time nobody has seeded it, which only
// the tracker's clock changes.
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Catalogue;

sealed class CatalogueEntry
{
    /// <summary>Characters of a comment that are kept: it is for a line in a list.</summary>
    public const int MaxComment = 500;

    /// <param name="published">Seconds since 1970.</param>
    /// <param name="token">What takes the entry away again.</param>
    public CatalogueEntry(MetainfoFile metainfo, long published, WriteToken token)
    {
        (InfoHash, Name, Published, Token) = (metainfo.InfoHash, metainfo.Name, published, token);
        Size = metainfo.Geometry.TotalLength;
        FileCount = metainfo.Files.Files.Count(file => !file.IsPadding);
        Kind = ContentKinds.Of(metainfo.Files);
        Comment = metainfo.Comment is { Length: > MaxComment } comment ? comment[..MaxComment] + "…" : metainfo.Comment ?? "";
        TorrentSize = metainfo.Raw.Length;
    }

    public InfoHash InfoHash { get; }

    /// <summary>The content's own name, fit to be a file name; a stranger chose it.</summary>
    public string Name { get; }

    /// <summary>A stranger's text.</summary>
    public string Comment { get; }

    /// <summary>Bytes of content.</summary>
    public long Size { get; }

    public int FileCount { get; }
    public ContentKind Kind { get; }

    /// <summary>Seconds since 1970.</summary>
    public long Published { get; }

    public WriteToken Token { get; }

    /// <summary>Bytes of the .torrent.</summary>
    public int TorrentSize { get; }

    /// <summary>The .torrent itself, where there is no disk to keep it; null otherwise.</summary>
    public ReadOnlyMemory<byte>? Torrent { get; init; }

    /// <summary>For how long nobody has seeded it, while the tracker ran.</summary>
    public TimeSpan Unseeded { get; set; }

    /// <summary>What of <see cref="Unseeded"/> is on disk.</summary>
    public TimeSpan UnseededSaved { get; set; }
}
