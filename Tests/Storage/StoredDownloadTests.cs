using System.Security.Cryptography;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class StoredDownloadTests : IDisposable
{
    const int PieceLength = 16 * 1024;

    readonly TemporaryFolder _folder = new();
    readonly byte[] _content = new byte[3 * PieceLength + 100];
    readonly MetainfoFile _metainfo;

    public StoredDownloadTests()
    {
        new Random(1).NextBytes(_content);
        byte[] hashes = [.. _content.Chunk(PieceLength).SelectMany(SHA1.HashData)];
        _metainfo = MetainfoFile.Parse(MetainfoBuilder.Build(new MetainfoOptions { Name = "a.bin" }, _content.Length, PieceLength, hashes));
    }

    public void Dispose() => _folder.Dispose();

    StoredDownload Checked()
    {
        var download = new StoredDownload(_metainfo, _folder["out"]);
        Assert.True(download.Check((_, _) => { }, default).IsOk);
        return download;
    }

    [Fact]
    public void WhatIsBegunIsKnownAtTheNextStartAndForgottenWhenItIsDone()
    {
        using (StoredDownload first = Checked())
        {
            Assert.False(first.LiesOnSomethingElse);
            Assert.True(first.Begin().IsOk);
            Assert.True(first.Store.Write(0, new byte[PieceLength]).IsOk); // nothing of it is right
        }
        using StoredDownload second = Checked();
        Assert.False(second.LiesOnSomethingElse); // it is ours
        Assert.True(second.Store.Write(0, _content).IsOk);
        File.AppendAllText(_folder["out/a.bin"], "a tail");
        Assert.True(second.Finish().IsOk);
        second.Forget();
        Assert.Equal(_content, File.ReadAllBytes(_folder["out/a.bin"]));
        Assert.False(Path.Exists(_folder["out/.tinytorrent"]));
    }

    [Fact]
    public void AFileOfThatNameIsSomethingElseUnlessAPieceOfItFits()
    {
        Directory.CreateDirectory(_folder["out"]);
        File.WriteAllText(_folder["out/a.bin"], "my letters");
        using (StoredDownload other = Checked()) Assert.True(other.LiesOnSomethingElse);
        File.WriteAllBytes(_folder["out/a.bin"], _content[..(PieceLength + 1)]);
        using StoredDownload part = Checked();
        Assert.False(part.LiesOnSomethingElse);
    }
}
