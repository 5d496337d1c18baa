using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Storage;

public sealed class PieceVerifierTests
{
    const int PieceLength = 3 * Geometry.BlockLength + 100;

    /// <summary>As a torrent does when a piece has failed: from the answer, on the verifier's thread.</summary>
    [Fact]
    public async Task EachBlockOfAPieceIsHashedWhereThePieceIs()
    {
        var content = new byte[40 * PieceLength + Geometry.BlockLength + 7];
        new Random(1).NextBytes(content);
        byte[] hashes = [.. content.Chunk(PieceLength).SelectMany(SHA1.HashData)];
        MetainfoFile metainfo = MetainfoFile.Parse(MetainfoBuilder.Build(new MetainfoOptions { Name = "t" }, content.Length, PieceLength, hashes));
        int pieces = metainfo.Geometry.PieceCount;
        using var folder = new TemporaryFolder();
        using var store = new PieceStore(metainfo.Files, folder["out"]);
        for (int piece = 0; piece < pieces; piece++)
            Assert.True(store.Write(piece * PieceLength, content.AsSpan(piece * PieceLength, metainfo.Geometry.LengthOf(piece))).IsOk);

        var answers = new (bool Matches, byte[]? Blocks)[pieces];
        using var all = new CountdownEvent(pieces);
        TorrentDisk? disk = null;
        using var verifier = new PieceVerifier();
        disk = new TorrentDisk(metainfo, store, verifier, (piece, matches) =>
        {
            answers[piece] = (matches, disk!.HashBlocks(piece));
            all.Signal();
        });
        for (int piece = 0; piece < pieces; piece++) disk.Verify(piece);
        await Task.Run(all.Wait);
        for (int piece = 0; piece < pieces; piece++)
        {
            byte[] bytes = content.AsSpan(piece * PieceLength, metainfo.Geometry.LengthOf(piece)).ToArray();
            Assert.True(answers[piece].Matches);
            Assert.Equal([.. bytes.Chunk(Geometry.BlockLength).SelectMany(SHA1.HashData)], answers[piece].Blocks!);
        }
    }
}
