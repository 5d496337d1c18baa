using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Storage;

public sealed class ContentHasherTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Writes random content over the map; padding stays zero.</summary>
    byte[] Write(FileMap map, Random random)
    {
        byte[] content = new byte[map.TotalLength];
        random.NextBytes(content);
        foreach (FileEntry file in map.Files)
        {
            Span<byte> bytes = content.AsSpan((int)file.Offset, (int)file.Length);
            if (file.IsPadding)
            {
                bytes.Clear();
                continue;
            }
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[file.Path])!);
            File.WriteAllBytes(_folder[file.Path], bytes);
        }
        return content;
    }

    static byte[] Digest(byte[] content, Geometry geometry, int piece) =>
        SHA1.HashData(content.AsSpan((int)geometry.OffsetOf(piece), geometry.LengthOf(piece)));

    [Fact]
    public void EveryPieceIsToldOnceWithItsDigest()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            FileMap map = Maps.Random(random, $"t{seed}");
            byte[] content = Write(map, random);
            var geometry = new Geometry(map.TotalLength, random.Next(1, 1 + (int)map.TotalLength));
            if (geometry.PieceCount > 2000) geometry = geometry with { PieceLength = 500 };
            using PieceStore store = PieceStore.ForContent(map, _folder.Path);
            var told = new byte[]?[geometry.PieceCount];
            long progress = -1;
            DiskResult result = ContentHasher.Hash(store, geometry, null, (piece, digest) =>
            {
                Assert.Null(told[piece]);
                told[piece] = digest.ToArray();
            }, done => progress = done);
            Assert.True(result.IsOk, $"seed {seed}: {result}");
            Assert.Equal(map.TotalLength, progress);
            for (int piece = 0; piece < told.Length; piece++)
                Assert.True(Digest(content, geometry, piece).AsSpan().SequenceEqual(told[piece]), $"seed {seed}, piece {piece} of {geometry}");
        }
    }

    [Fact]
    public void OnlyThePiecesAskedForAreTold()
    {
        FileMap map = Maps.Of(("t/a", 1000), ("t/b", 1000));
        byte[] content = Write(map, new Random(1));
        var geometry = new Geometry(2000, 64);
        using PieceStore store = PieceStore.ForContent(map, _folder.Path);
        var told = new SortedSet<int>();
        ContentHasher.Hash(store, geometry, [3, 5, 31], (piece, digest) =>
        {
            told.Add(piece);
            Assert.Equal(Digest(content, geometry, piece), digest);
        });
        Assert.Equal([3, 5, 31], told);
        Assert.True(ContentHasher.Hash(store, geometry, [], (_, _) => Assert.Fail("a piece of none")).IsOk);
    }

    [Fact]
    public void APieceThatCannotBeReadHasNoDigestAndTheGravestFaultIsReturned()
    {
        FileMap map = Maps.Of(("t/a", 1000), ("t/b", 1000), ("t/c", 1000));
        byte[] content = Write(map, new Random(2));
        File.Delete(_folder["t/a"]);
        var geometry = new Geometry(3000, 100);
        Check(DiskFault.Missing, unread: 10);

        File.Delete(_folder["t/c"]);
        Directory.CreateDirectory(_folder["t/c"]);
        Check(DiskFault.Io, unread: 20);

        void Check(DiskFault gravest, int unread)
        {
            using PieceStore store = PieceStore.ForContent(map, _folder.Path);
            long progress = 0;
            DiskResult result = ContentHasher.Hash(store, geometry, null, (piece, digest) =>
            {
                if (digest.IsEmpty) unread--;
                else Assert.Equal(Digest(content, geometry, piece), digest);
            }, done => progress = done);
            Assert.Equal((gravest, 0, 3000), (result.Fault, unread, progress));
        }
    }

    [Fact]
    public void CancellingEndsAllThreadsAndNothingWrongIsTold()
    {
        FileMap map = Maps.Of(("t/a", 1_000_000));
        byte[] content = Write(map, new Random(3));
        var geometry = new Geometry(1_000_000, 1000);
        using PieceStore store = PieceStore.ForContent(map, _folder.Path);
        using var cancel = new CancellationTokenSource();
        int told = 0;
        Assert.Throws<OperationCanceledException>(() => ContentHasher.Hash(store, geometry, null, (piece, digest) =>
        {
            Assert.Equal(Digest(content, geometry, piece), digest);
            if (++told == 10) cancel.Cancel();
        }, cancellation: cancel.Token));
        Assert.InRange(told, 10, geometry.PieceCount - 1);
    }

    [Fact]
    public void WhatTheCallbackThrowsReachesTheCaller()
    {
        FileMap map = Maps.Of(("t/a", 1000));
        Write(map, new Random(4));
        using PieceStore store = PieceStore.ForContent(map, _folder.Path);
        Assert.Throws<InvalidDataException>(() => ContentHasher.Hash(store, new Geometry(1000, 10), null, (_, _) => throw new InvalidDataException()));
    }

    [Theory]
    [InlineData(1, 2, 16, 1, 1)]
    [InlineData(4, 2, 16, 2, 2)]
    [InlineData(20, 2, 16, 2, 10)]
    [InlineData(33, 2, 16, 2, 9)]
    [InlineData(2048, 2, 16, 2, 16)]
    [InlineData(2048, 128, 16, 16, 16)]
    [InlineData(0, 2, 16, 1, 0)]
    public void FewPiecesAreSharedEvenly(int pieces, int cores, int lanes, int threads, int group) =>
        Assert.Equal((threads, group), ContentHasher.Divide(pieces, cores, lanes));
}
