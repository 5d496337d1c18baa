using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Storage;

public sealed class FileSelectionTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    string Root => _folder["out"];

    PieceStore Open(FileMap map, bool[] wanted, int pieceLength) =>
        new(map, Root, new FileSelection(map, wanted, pieceLength, _folder["state/edges"]));

    [Fact]
    public void PiecesOfWantedFilesAreKeptWholeAndNoOtherFileIsMade()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            FileMap map = Maps.Random(random, "t" + seed);
            var geometry = new Geometry(map.TotalLength, random.Next(1, 1500));
            bool[] wanted = [.. map.Files.Select(_ => random.Next(3) == 0)];
            var content = new byte[map.TotalLength];
            random.NextBytes(content);
            bool[] padding = Maps.PaddingBytes(map);
            for (int i = 0; i < content.Length; i++) if (padding[i]) content[i] = 0;

            int[] pieces = [.. Enumerable.Range(0, geometry.PieceCount).Where(p => Touches(map, wanted, geometry, p))];
            random.Shuffle(pieces);
            string edges = _folder[$"state/{seed}"];
            using (var store = new PieceStore(map, Root, new FileSelection(map, wanted, geometry.PieceLength, edges)))
            {
                foreach (int piece in pieces) Assert.True(store.Write(geometry.OffsetOf(piece), Piece(content, geometry, piece)).IsOk, $"seed {seed}");
                Assert.True(store.Flush().IsOk);
            }
            using (var store = new PieceStore(map, Root, new FileSelection(map, wanted, geometry.PieceLength, edges)))
            {
                foreach (int piece in pieces)
                {
                    var back = new byte[geometry.LengthOf(piece)];
                    Assert.True(store.Read(geometry.OffsetOf(piece), back).IsOk, $"seed {seed}");
                    Assert.True(Piece(content, geometry, piece).SequenceEqual(back), $"seed {seed}, piece {piece}");
                }
            }
            for (int file = 0; file < wanted.Length; file++)
            {
                FileEntry entry = map.Files[file];
                string path = Path.Combine(Root, entry.Path);
                if (!wanted[file] || entry.IsPadding) Assert.False(File.Exists(path), $"seed {seed}: {path}");
                else if (entry.Length > 0) Assert.Equal(content.AsSpan((int)entry.Offset, (int)entry.Length).ToArray(), File.ReadAllBytes(path));
            }
        }
    }

    [Fact]
    public void TheEdgeFileHasRoomForTwoPiecesOfEachFileAndNoMore()
    {
        FileMap map = Maps.Of(("t/huge", 1L << 40), ("t/wanted", 10), ("t/huger", 1L << 41));
        using PieceStore store = Open(map, [false, true, false], 1000);
        Assert.True(store.Write((1L << 40) - 24, new byte[1000]).IsOk);
        Assert.InRange(new FileInfo(_folder["state/edges"]).Length, 1, 5000);
        Assert.Equal(DiskFault.Missing, store.Write(5000, new byte[10]).Fault); // no piece of a wanted file
        Assert.Equal(["wanted"], Directory.GetFiles(Path.Combine(Root, "t")).Select(Path.GetFileName));
    }

    [Fact]
    public void AnUnwantedFileThatExistsIsUsedWhereItIs()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(Path.Combine(Root, "a"), "aaaa");
        using PieceStore store = Open(Maps.Of(("a", 4), ("b", 4)), [false, true], 8);
        var back = new byte[4];
        Assert.True(store.Read(0, back).IsOk);
        Assert.Equal("aaaa"u8, back);
        Assert.Equal(DiskFault.Occupied, store.Write(0, "xxxxyyyy"u8).Fault);
        store.SetAside(0);
        Assert.True(store.Write(0, "xxxxyyyy"u8).IsOk);
        Assert.Equal("aaaa", File.ReadAllText(Path.Combine(Root, "a")));
        var both = new byte[8];
        Assert.True(store.Read(0, both).IsOk);
        Assert.Equal("xxxxyyyy"u8, both);
    }

    [Fact]
    public void AnUnwantedFileOfAnotherLengthIsSomebodyElsesAndLeftAlone()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(Path.Combine(Root, "a"), "precious");
        using PieceStore store = Open(Maps.Of(("a", 4), ("b", 4)), [false, true], 8);
        Assert.True(store.Write(0, "xxxxyyyy"u8).IsOk);
        Assert.True(store.CutLongFiles().IsOk);
        Assert.Equal("precious", File.ReadAllText(Path.Combine(Root, "a")));
        var back = new byte[8];
        Assert.True(store.Read(0, back).IsOk);
        Assert.Equal("xxxxyyyy"u8, back);
    }

    [Fact]
    public void EmptyFilesNobodyAskedForAreNotMade()
    {
        using PieceStore store = Open(Maps.Of(("t/a", 0), ("t/b", 4), ("t/c", 0)), [false, true, true], 8);
        Assert.True(store.CreateEmptyFiles().IsOk);
        Assert.Equal(["c"], Directory.GetFiles(Path.Combine(Root, "t")).Select(Path.GetFileName));
    }

    static bool Touches(FileMap map, bool[] wanted, Geometry geometry, int piece)
    {
        foreach (FileSlice slice in map.Slices(geometry.OffsetOf(piece), geometry.LengthOf(piece)))
            if (wanted[slice.File]) return true;
        return false;
    }

    static ReadOnlySpan<byte> Piece(byte[] content, Geometry geometry, int piece) =>
        content.AsSpan((int)geometry.OffsetOf(piece), geometry.LengthOf(piece));
}
