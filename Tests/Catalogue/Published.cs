using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Tests.Catalogue;

/// <summary>Small torrents to publish. The seed makes the content, and so the info-hash.</summary>
static class Published
{
    public static byte[] Torrent(string name, int seed = 0, long length = 1000, string? comment = null)
    {
        byte[] hash = new byte[20];
        BitConverter.TryWriteBytes(hash, seed);
        return MetainfoBuilder.Build(new MetainfoOptions { Name = name, Comment = comment }, length, 1 << 29, hash);
    }

    public static byte[] Torrent(string name, params (string Path, long Length)[] files) =>
        MetainfoBuilder.Build(new MetainfoOptions { Name = name }, files, 1 << 29, new byte[20]);

    public static MetainfoFile Metainfo(string name, int seed = 0) => MetainfoFile.Parse(Torrent(name, seed));

    public static CatalogueEntry Entry(string name, int seed = 0, long published = 0, string? comment = null) =>
        new(MetainfoFile.Parse(Torrent(name, seed, comment: comment)), published, default);
}
