using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Tests.Metainfo;

public class MetainfoBuilderTests
{
    [Fact]
    public void ASmallTorrentIsExactlyTheseBytes()
    {
        byte[] torrent = MetainfoBuilder.Build(new MetainfoOptions { Name = "a", Trackers = [["http://t"]] }, 5, 16384, new byte[20]);
        string expected = "d8:announce8:http://t4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:" + new string('\0', 20) + "ee";
        Assert.Equal(expected, Encoding.UTF8.GetString(torrent));
    }

    [Fact]
    public void EveryFieldComesBackAndTheFormIsCanonical()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            bool Maybe() => random.Next(2) == 0;
            var options = new MetainfoOptions
            {
                Name = Maybe() ? "náme" : "name",
                Trackers = Maybe() ? [] : Maybe() ? [["http://a/x"]] : [["http://a/x", "udp://b:1"], ["https://c/y"]],
                WebSeeds = Maybe() ? [] : ["http://s/", "https://s/"],
                IsPrivate = Maybe(),
                Comment = Maybe() ? null : "a comment",
                CreatedBy = Maybe() ? null : "tinytorrent",
                Source = Maybe() ? null : "SRC",
                CreationDate = Maybe() ? null : random.Next(),
            };
            var files = new List<(string Path, long Length)>();
            for (int i = random.Next(1, 6); i > 0; i--) files.Add(($"d{i % 2}/f{i}", random.Next(1, 100_000)));
            long total = files.Sum(f => f.Length);
            byte[] hashes = new byte[20 * ((total + 16383) / 16384)];
            random.NextBytes(hashes);

            byte[] built = MetainfoBuilder.Build(options, files, 16384, hashes);
            Assert.Equal(built, MetainfoBuilder.Build(options, files, 16384, hashes));
            Assert.True(BencodeValue.TryParse(built, out _, out BencodeError error, strict: true), $"seed {seed}: {error}");
            MetainfoFile read = MetainfoFile.Parse(built);
            Assert.Equal(files.Select(f => ($"{options.Name}/{f.Path}", f.Length)), read.Files.Files.Select(f => (f.Path, f.Length)));
            Assert.Equal(options.Trackers, read.Trackers);
            Assert.Equal(options.WebSeeds, read.WebSeeds);
            Assert.Equal(
                (options.IsPrivate, options.Comment, options.CreatedBy, options.Source, options.CreationDate),
                (read.IsPrivate, read.Comment, read.CreatedBy, read.Source, read.CreationDate));
            for (int piece = 0; piece < read.Geometry.PieceCount; piece++)
                Assert.True(read.HashOf(piece).SequenceEqual(hashes.AsSpan(20 * piece, 20)), $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(1, 16 << 10)]
    [InlineData(31 << 20, 16 << 10)]
    [InlineData(300L << 20, 256 << 10)]
    [InlineData(1L << 30, 1 << 20)]
    [InlineData(4L << 30, 4 << 20)]
    [InlineData(31L << 30, 16 << 20)]
    [InlineData(1L << 50, 16 << 20)]
    public void ThePieceLengthFollowsTheSize(long total, int expected) => Assert.Equal(expected, MetainfoBuilder.ChoosePieceLength(total));

    [Fact]
    public void BetweenTheLimitsThereAre1000To2000Pieces()
    {
        for (long total = 16L << 20; total < 31L << 30; total = total * 21 / 20)
            Assert.InRange(total / MetainfoBuilder.ChoosePieceLength(total), 1000, 2000);
    }
}
