using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Storage;

public sealed class ExistingContentTests : IDisposable
{
    const int PieceLength = 32 * 1024;

    readonly TemporaryFolder _folder = new();
    readonly byte[] _content = new byte[5 * PieceLength + 100];
    readonly MetainfoFile _metainfo;
    readonly PieceStore _store;
    readonly ResumeFile _resume;

    public ExistingContentTests()
    {
        new Random(1).NextBytes(_content);
        byte[] hashes = [.. _content.Chunk(PieceLength).SelectMany(SHA1.HashData)];
        _metainfo = MetainfoFile.Parse(MetainfoBuilder.Build(new MetainfoOptions { Name = "a.bin" }, _content.Length, PieceLength, hashes));
        _store = new PieceStore(_metainfo.Files, _folder["out"]);
        _resume = new ResumeFile(_folder["x.resume"], _metainfo.InfoHash, _metainfo.Geometry, _store);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    PiecePicker Find()
    {
        var picker = new PiecePicker(_metainfo.Geometry, new Random(1));
        Assert.True(ExistingContent.Find(_metainfo, _store, _resume.Load(out _), picker, (_, _) => { }, CancellationToken.None).IsOk);
        return picker;
    }

    [Fact]
    public void ContentWithoutAResumeFileIsHashed()
    {
        _content[2 * PieceLength] ^= 1;
        Assert.True(_store.Write(0, _content).IsOk);
        Assert.Equal([0, 1, 3, 4, 5], Enumerable.Range(0, 6).Where(piece => Find().Have[piece]));
    }

    [Fact]
    public void APieceStoppedBetweenItsLastBlockAndItsHashIsHashed()
    {
        _content[PieceLength] ^= 1;
        Assert.True(_store.Write(0, _content).IsOk);
        Assert.True(_store.Flush().IsOk);
        var pieces = new Bitfield(6);
        pieces.Set(0);
        var all = new Bitfield(2);
        all.SetAll();
        var half = new Bitfield(2);
        half.Set(0);
        Assert.True(_resume.Save(new ResumeState(pieces, [(1, all), (2, all), (3, half)]), _store.Stamps()).IsOk);

        PiecePicker picker = Find();
        Assert.Equal([0, 2], Enumerable.Range(0, 6).Where(piece => picker.Have[piece]));
        (int piece, Bitfield blocks) = Assert.Single(picker.WrittenBlocks());
        Assert.Equal((3, 1), (piece, blocks.Count));
    }
}
