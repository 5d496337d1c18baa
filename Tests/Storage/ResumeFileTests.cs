using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Storage;

public sealed class ResumeFileTests : IDisposable
{
    const int PieceLength = 32 * 1024;

    static readonly InfoHash Hash = new("0123456789abcdefghij"u8);

    readonly TemporaryFolder _folder = new();
    readonly FileMap _map = Maps.Of(("t/a", 100_000), ("t/b", 1), ("t/empty", 0), ("t/c", 300_000), ("t/d", 50_000));
    readonly Geometry _geometry;
    readonly PieceStore _store;

    public ResumeFileTests()
    {
        _geometry = new Geometry(_map.TotalLength, PieceLength);
        _store = new PieceStore(_map, _folder["out"]);
        var content = new byte[_map.TotalLength];
        new Random(1).NextBytes(content);
        Assert.True(_store.Write(0, content).IsOk);
        Assert.True(_store.Flush().IsOk);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    string StatePath => _folder["state/x.resume"];

    ResumeFile Open(InfoHash? hash = null, Geometry? geometry = null) => new(StatePath, hash ?? Hash, geometry ?? _geometry, _store);

    ResumeState Sample()
    {
        var pieces = new Bitfield(_geometry.PieceCount);
        for (int piece = 0; piece < pieces.Length; piece++) if (piece % 5 != 4) pieces.Set(piece);
        var blocks = new Bitfield(2);
        blocks.Set(1);
        var lastBlocks = new Bitfield(_geometry.BlocksIn(9));
        lastBlocks.Set(0);
        return new ResumeState(pieces, [(4, blocks), (9, lastBlocks)]);
    }

    static void AreEqual(ResumeState expected, ResumeState? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.Pieces.Bytes, actual.Pieces.Bytes);
        Assert.Equal(expected.Begun.Select(b => (b.Piece, Convert.ToHexString(b.Blocks.Bytes))), actual.Begun.Select(b => (b.Piece, Convert.ToHexString(b.Blocks.Bytes))));
    }

    [Fact]
    public void WhatIsSavedIsLoaded()
    {
        Assert.Null(Open().Load(out string? reason));
        Assert.NotNull(reason);
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        AreEqual(Sample(), Open().Load(out reason));
        Assert.Null(reason);
        Assert.Single(Directory.GetFiles(_folder["state"]));
    }

    [Fact]
    public void EveryCorruptedByteAndEveryCutIsRefusedOrChangesNothing()
    {
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        byte[] good = File.ReadAllBytes(StatePath);
        for (int at = 0; at < good.Length; at++)
        {
            foreach (byte flip in (byte[])[1, 0x10, 0x80, 0xFF])
            {
                byte[] bad = [.. good];
                bad[at] ^= flip;
                IsRefusedOrEqual(bad, $"byte {at} ^ {flip}");
            }
            IsRefusedOrEqual(good[..at], $"cut at {at}");
        }
        IsRefusedOrEqual([.. good, 0], "a byte too many");
    }

    void IsRefusedOrEqual(byte[] bytes, string what)
    {
        File.WriteAllBytes(StatePath, bytes);
        ResumeState? state = Open().Load(out string? reason);
        Assert.True(state is null == reason is not null, what);
        if (state is not null) AreEqual(Sample(), state);
    }

    [Fact]
    public void AForgedChecksumDoesNotLetNonsenseIn()
    {
        // A body of each wrong shape under a right checksum: what an attacker, not a bad disk, would leave there.
        foreach (string body in new[]
        {
            "de", "le", "i1e", "d7:versioni1ee", "d5:files0:9:info-hash20:0123456789abcdefghij6:pieces0:7:versioni1ee",
            "d6:blocksl3:abcee", "d6:blocksi5e7:versioni2ee",
        })
        {
            Forge(body);
            Assert.Null(Open().Load(out string? reason));
            Assert.NotNull(reason);
        }
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        string good = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(StatePath));
        good = good[(good.IndexOf("4:body", StringComparison.Ordinal) + 6)..good.LastIndexOf("3:sum", StringComparison.Ordinal)];
        Forge(good);
        AreEqual(Sample(), Open().Load(out _));
        foreach ((string from, string to) in new[]
        {
            ("li4e1:", "li-1e1:"), ("li4e1:", "li99999999999e1:"), ("li4e1:", "li9e1:"), ("li4e1:", "li0e1:"), ("li4e1:@", "li4e1:\xFF"),
            ("li4e1:@", "li4e2:@@"), ("li4e1:@", "li4e"), ("7:versioni1e", "7:versioni2e"),
        })
        {
            Assert.Contains(from, good);
            Forge(good.Replace(from, to, StringComparison.Ordinal));
            Assert.True(Open().Load(out string? reason) is null, $"{from} -> {to}");
            Assert.NotNull(reason);
        }
    }

    void Forge(string body)
    {
        byte[] raw = System.Text.Encoding.Latin1.GetBytes(body);
#pragma warning disable CA5350 // the reference digest
        byte[] sum = System.Security.Cryptography.SHA1.HashData(raw);
#pragma warning restore CA5350
        Directory.CreateDirectory(_folder["state"]);
        File.WriteAllBytes(StatePath, [.. "d4:body"u8, .. raw, .. "3:sum20:"u8, .. sum, .. "e"u8]);
    }

    [Fact]
    public void AnotherTorrentsFileIsRefused()
    {
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        Assert.Null(Open(hash: new InfoHash("01234567890123456789"u8)).Load(out string? reason));
        Assert.NotNull(reason);
        Assert.Null(Open(geometry: new Geometry(_map.TotalLength, PieceLength / 2)).Load(out reason));
        Assert.NotNull(reason);
    }

    [Theory]
    [InlineData("t/a", 0, 3)] // 100 000 bytes: pieces 0 to 3
    [InlineData("t/b", 3, 3)]
    [InlineData("t/c", 3, 12)]
    [InlineData("t/d", 12, 13)]
    public void AFileThatChangedLosesThePiecesThatTouchIt(string path, int first, int last)
    {
        foreach (Action<string> change in new Action<string>[]
        {
            p => File.SetLastWriteTimeUtc(p, File.GetLastWriteTimeUtc(p).AddTicks(-10)),
            p => { DateTime t = File.GetLastWriteTimeUtc(p); File.AppendAllText(p, "x"); File.SetLastWriteTimeUtc(p, t); },
            File.Delete,
        })
        {
            Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
            change(Path.Combine(_folder["out"], path));
            ResumeState? state = Open().Load(out _);
            Assert.NotNull(state);
            for (int piece = 0; piece < _geometry.PieceCount; piece++)
                Assert.Equal(Sample().Pieces[piece] && (piece < first || piece > last), state.Pieces[piece]);
            Assert.DoesNotContain(state.Begun, b => b.Piece >= first && b.Piece <= last);
        }
    }

    [Fact]
    public void AnAbsentOrEmptyFileIsNeverTakenForUnchanged()
    {
        File.Delete(_folder["out/t/b"]);
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        Assert.False(Open().Load(out _)!.Pieces[3]);
        File.WriteAllBytes(_folder["out/t/b"], []);
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        Assert.False(Open().Load(out _)!.Pieces[3]);
    }

    [Fact]
    public void DyingBetweenWritingAndRenamingKeepsTheOldFile()
    {
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        File.WriteAllText(StatePath + AtomicFile.BesideSuffix, "d4:body"); // what such a death leaves
        AreEqual(Sample(), Open().Load(out _));
        Assert.True(Open().Save(new ResumeState(new Bitfield(_geometry.PieceCount), []), _store.Stamps()).IsOk);
        Assert.True(Open().Load(out _)!.Pieces.IsEmpty);
        Assert.Single(Directory.GetFiles(_folder["state"]));
    }

    [Fact]
    public void ALinkPlantedWhereTheNewFileIsWrittenIsNotFollowed()
    {
        Directory.CreateDirectory(_folder["state"]);
        File.WriteAllText(_folder["precious"], "precious");
        File.CreateSymbolicLink(StatePath + AtomicFile.BesideSuffix, _folder["precious"]);
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        Assert.Equal("precious", File.ReadAllText(_folder["precious"]));
        AreEqual(Sample(), Open().Load(out _));
    }

    [Fact]
    public void ALinkInPlaceOfTheFolderIsNotFollowed()
    {
        Directory.CreateDirectory(_folder["outside"]);
        Directory.CreateSymbolicLink(_folder["state"], _folder["outside"]);
        Assert.Equal(DiskFault.Permission, Open().Save(Sample(), _store.Stamps()).Fault);
        Assert.Empty(Directory.GetFiles(_folder["outside"]));
    }

    [Fact]
    public async Task ANamedPipeInItsPlaceDoesNotHang()
    {
        if (OperatingSystem.IsWindows()) return;
        Directory.CreateDirectory(_folder["state"]);
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", StatePath)) await mkfifo.WaitForExitAsync();
        Assert.Null(await Task.Run(() => Open().Load(out _)).WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.True(Open().Save(Sample(), _store.Stamps()).IsOk);
        AreEqual(Sample(), Open().Load(out _));
    }
}
