// One published torrent: what is shown of it, what of it is kept. Immutable but for what time brings: how long nobody has
// seeded it, and what is known of the disk.
using System.Text;
using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Catalogue;

sealed class CatalogueEntry
{
    /// <summary>Characters of a comment that are kept: it is for a line in a list.</summary>
    public const int MaxComment = 500;

    readonly byte[] _text;

    /// <param name="published">Seconds since 1970.</param>
    /// <param name="token">What takes the entry away again.</param>
    public CatalogueEntry(MetainfoFile metainfo, long published, WriteToken token) : this(metainfo.Name, CommentOf(metainfo))
    {
        (InfoHash, Published, Token) = (metainfo.InfoHash, published, token);
        Size = metainfo.Geometry.TotalLength;
        FileCount = metainfo.Files.Files.Count(file => !file.IsPadding);
        Kind = ContentKinds.Of(metainfo.Files);
        TorrentSize = metainfo.Raw.Length;
        Digest = DigestOf(metainfo.Raw.Span);
    }

    /// <summary>For a note that describes it.</summary>
    public CatalogueEntry(string name, string comment)
    {
        (Name, Comment) = (name, comment);
        // Words hold no line break, so none is found across the two.
        _text = Fold(name + '\n' + comment);
    }

    public InfoHash InfoHash { get; init; }

    /// <summary>The content's own name, fit to be a file name; a stranger chose it.</summary>
    public string Name { get; }

    /// <summary>A stranger's text.</summary>
    public string Comment { get; }

    /// <summary>Bytes of content.</summary>
    public long Size { get; init; }

    public int FileCount { get; init; }
    public ContentKind Kind { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public long Published { get; init; }

    public WriteToken Token { get; init; }

    /// <summary>The address it came from, of IPv6 a /64; none if it counts for nobody: the operator's own.</summary>
    public PeerAddress Publisher { get; init; }

    /// <summary>Bytes of the .torrent.</summary>
    public int TorrentSize { get; init; }

    /// <summary>SHA-1 of the .torrent.</summary>
    public ReadOnlyMemory<byte> Digest { get; init; }

    /// <summary>The .torrent itself, where there is no disk to keep it; null otherwise.</summary>
    public ReadOnlyMemory<byte>? Torrent { get; init; }

    /// <summary>The .torrent on disk is known to be what it was.</summary>
    public bool IsChecked { get; set; }

    /// <summary>For how long nobody has seeded it, while the tracker ran.</summary>
    public TimeSpan Unseeded { get; set; }

    /// <summary>Somebody has seeded it at some time.</summary>
    public bool WasSeeded { get; set; }

    /// <summary>What of <see cref="Unseeded"/> and <see cref="WasSeeded"/> is on disk; null if no note describes the entry yet.</summary>
    public (TimeSpan Unseeded, bool WasSeeded)? Saved { get; set; }

    /// <param name="folded">As <see cref="Fold"/> gives it.</param>
    public bool Contains(ReadOnlySpan<byte> folded) => _text.AsSpan().IndexOf(folded) >= 0;

    /// <summary>A text as it is compared where upper and lower case are the same: UTF-8, whose search is a search for bytes.</summary>
    public static byte[] Fold(string text) => Encoding.UTF8.GetBytes(text.ToUpperInvariant());

    public static byte[] DigestOf(ReadOnlySpan<byte> torrent)
    {
        byte[] digest = new byte[Sha1.Size];
        Sha1.Hash(torrent, digest);
        return digest;
    }

    static string CommentOf(MetainfoFile metainfo) =>
        metainfo.Comment is { Length: > MaxComment } comment ? comment[..MaxComment] + "…" : metainfo.Comment ?? "";
}
