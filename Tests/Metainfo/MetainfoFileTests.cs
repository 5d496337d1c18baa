using System.Security.Cryptography;
using System.Text;
using TinyTorrent.Metainfo;
using TinyTorrent.Tests.Bencode;

namespace TinyTorrent.Tests.Metainfo;

public class MetainfoFileTests
{
    const int K16 = 16384;

    static Dict Single => new() { { "length", 40000 }, { "name", "a.bin" }, { "piece length", K16 }, { "pieces", new byte[60] } };

    static Dict Multi(params Dict[] files) =>
        new() { { "files", files }, { "name", "root" }, { "piece length", K16 }, { "pieces", new byte[20 * (int)((Total(files) + K16 - 1) / K16)] } };

    static Dict File(long length, params object[] path) => new() { { "length", length }, { "path", path } };

    static long Total(Dict[] files) => files.Sum(f => f.Find(e => e.Key == "length").Value is { } length and not string ? Convert.ToInt64(length, null) : 0);

    static byte[] Torrent(object info) => Ben.Encode(new Dict { { "info", info } });

    static void Refused(object info, string field)
    {
        FormatException e = Assert.Throws<FormatException>(() => MetainfoFile.Parse(Torrent(info)));
        Assert.Contains(field, e.Message, StringComparison.Ordinal);
        Assert.False(MetainfoFile.TryParse(Torrent(info), out MetainfoFile? none, out string error));
        Assert.Null(none);
        Assert.Equal(e.Message, error);
    }

    [Fact]
    public void ASingleFileIsRead()
    {
        byte[] hashes = Enumerable.Range(0, 60).Select(i => (byte)i).ToArray();
        byte[] raw = Ben.Encode(new Dict
        {
            { "announce", "http://t/announce" }, { "comment", "hi" }, { "created by", "me" }, { "creation date", 1700000000 },
            { "info", Single.With("pieces", hashes).With("private", 1).With("source", "X") },
            { "nodes", new object[] { new object[] { "router.example", 6881 }, new object[] { "2001:db8::1", 1 }, new object[] { "bad", 0 }, 7 } },
            { "url-list", "http://seed/a.bin" }, { "x-unknown", new object[] { 1, "two" } },
        });
        MetainfoFile torrent = MetainfoFile.Parse(raw);
        Assert.Equal("a.bin", torrent.Name);
        Assert.False(torrent.IsMultiFile);
        Assert.Equal(new FileEntry("a.bin", 0, 40000, false), Assert.Single(torrent.Files.Files));
        Assert.Equal(3, torrent.Geometry.PieceCount);
        Assert.True(torrent.HashOf(2).SequenceEqual(hashes.AsSpan(40)));
        Assert.Equal("http://t/announce", Assert.Single(Assert.Single(torrent.Trackers)));
        Assert.True(torrent.IsPrivate);
        Assert.Equal(("hi", "me", 1700000000L, "X"), (torrent.Comment, torrent.CreatedBy, torrent.CreationDate!.Value, torrent.Source));
        Assert.Equal(["router.example:6881", "[2001:db8::1]:1"], torrent.Nodes.Select(n => n.ToString()));
        Assert.Equal(["http://seed/a.bin"], torrent.WebSeeds);
        Assert.Equal(raw, torrent.Raw.ToArray());
    }

    [Fact]
    public void TheInfoHashIsMadeFromTheBytesAsTheyStand()
    {
        // Keys out of order and keys nobody knows: encoding it anew would change the hash.
        var info = new Dict { { "zzz", 1 }, { "pieces", new byte[60] }, { "name", "a" }, { "piece length", K16 }, { "length", 40000 }, { "", new Dict() } };
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(info));
        Assert.Equal(Ben.Encode(info), torrent.InfoBytes.ToArray());
        Assert.Equal(SHA1.HashData(Ben.Encode(info)), torrent.InfoHash.Bytes.ToArray());
    }

    [Fact]
    public void AFolderIsReadWithEmptyFilesAndPaddingInPlace()
    {
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi(
            File(10, "d", "ž.txt"), File(16374, ".pad", "1").With("attr", "p"), File(0, "empty"), File(5, "d", "e", "x").With("attr", "x"),
            File(16379, ".pad", "1").With("attr", "p"), File(0, "link").With("attr", "l").With("symlink path", new object[] { "..", "etc" }), File(1, "last"))));
        Assert.True(torrent.IsMultiFile);
        Assert.Equal(
            [
                new("root/d/ž.txt", 0, 10, false), new("root/.pad/1", 10, 16374, true), new("root/empty", 16384, 0, false),
                new("root/d/e/x", 16384, 5, false), new("root/.pad/1", 16389, 16379, true), new("root/last", 32768, 1, false),
            ],
            torrent.Files.Files);
    }

    [Fact]
    public void PaddingNeedsNoPathAndALinkNoLength()
    {
        byte[] torrent = Torrent(Multi(File(10, "a"), File(16374).With("attr", "p").With("path", null), File(0, "l").With("attr", "l").With("length", null), File(5, "b"))
            .With("pieces", new byte[40]));
        Assert.Equal(["root/a", "root/.pad", "root/b"], MetainfoFile.Parse(torrent).Files.Files.Select(f => f.Path));
        Refused(Multi(File(10, "a"), File(0, "l").With("attr", "l").With("length", "0")), "info.files[1].length");
    }

    [Fact]
    public void Utf8NamesArePreferredAndOtherEncodingsSurvive()
    {
        byte[] sjis = [0x93, 0xFA, 0x96, 0x7B];
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi(
            File(1, sjis).With("path.utf-8", new object[] { "日本" }), File(1, sjis)).With("name", sjis).With("name.utf-8", "日")));
        Assert.Equal("日", torrent.Name);
        Assert.Equal(["日/日本", "日/%93%FA%96{"], torrent.Files.Files.Select(f => f.Path));
    }

    [Fact]
    public void WrongPieceLengthsAreRefused()
    {
        Refused(Single.With("piece length", null), "info.piece length");
        Refused(Single.With("piece length", "16384"), "info.piece length");
        Refused(Single.With("piece length", -16384), "info.piece length");
        Refused(Single.With("piece length", 0), "info.piece length");
        Refused(Single.With("piece length", 512 * 1024 * 1024 + 1), "info.piece length");
        Refused(Single.With("piece length", long.MaxValue), "info.piece length");
        Assert.Equal(1, MetainfoFile.Parse(Torrent(Single.With("piece length", 512 * 1024 * 1024).With("pieces", new byte[20]))).Geometry.PieceCount);
        Assert.Equal(3, MetainfoFile.Parse(Torrent(Single.With("piece length", 13334))).Geometry.PieceCount);
    }

    [Fact]
    public void WrongNamesAreRefused()
    {
        Refused(Single.With("name", null), "info.name");
        Refused(Single.With("name", 5), "info.name");
        Refused(Single.With("name", ".."), "info.name");
        Refused(Single.With("name", "a\0b"), "info.name");
        Refused(Multi(File(1, "..", "..", "etc", "passwd")), "info.files[0].path");
        Refused(Multi(File(1, "ok"), File(1, "a", "..", "b")), "info.files[1].path");
        Refused(Multi(File(1)), "info.files[0].path");
        Refused(Multi(File(1, 7)), "info.files[0].path");
        Refused(Multi(File(1, "a").With("path", null)), "info.files[0].path");
        Refused(Multi(File(1, "a").With("path", "a")), "info.files[0].path");
        Refused(Multi(File(1, "a").With("path.utf-8", new object[] { ".." })), "info.files[0].path");
    }

    [Fact]
    public void AMissingOrWrongInfoIsRefused()
    {
        Refused("info", "info");
        Refused(new object[] { 1 }, "info");
        Assert.Throws<FormatException>(() => MetainfoFile.Parse("de"u8.ToArray()));
        Assert.Equal("byte 0: a .torrent starts with the letter d, and this does not", Assert.Throws<FormatException>(() => MetainfoFile.Parse("le"u8.ToArray())).Message);
        Assert.Contains("byte 0: a .torrent starts", Assert.Throws<FormatException>(() => MetainfoFile.Parse("a film"u8.ToArray())).Message, StringComparison.Ordinal);
        Assert.Equal("byte 0: it is empty, and no .torrent", Assert.Throws<FormatException>(() => MetainfoFile.Parse(ReadOnlyMemory<byte>.Empty)).Message);
        FormatException broken = Assert.Throws<FormatException>(() => MetainfoFile.Parse("d4:infod1:x?"u8.ToArray()));
        Assert.StartsWith("byte 11:", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongLengthsAreRefused()
    {
        Refused(Single.With("length", null), "length");
        Refused(Single.With("length", "x"), "info.length");
        Refused(Single.With("length", -1), "info.length");
        Refused(Single.With("length", 0).With("pieces", ""), "empty");
        Refused(Single.With("length", long.MaxValue), "pieces");
        Refused(Multi(File(0, "a"), File(0, "b")), "empty");
        Refused(Multi(File(1, "a").With("length", -5)), "info.files[0].length");
        Refused(Multi(File(1, "a").With("length", "5")), "info.files[0].length");
        Refused(Multi(File(1, "a")).With("files", new object[] { File(long.MaxValue, "a"), File(long.MaxValue, "b") }), "info.files[1].length");
        Refused(Multi(), "info.files is empty");
        Refused(Multi().With("files", "x"), "info.files");
        Refused(Multi().With("files", new object[] { 1 }), "info.files[0]");
    }

    [Fact]
    public void WrongPieceHashesAreRefused()
    {
        Refused(Single.With("pieces", null), "info.pieces");
        Refused(Single.With("pieces", 5), "info.pieces");
        Refused(Single.With("pieces", new byte[59]), "info.pieces");
        Refused(Single.With("pieces", new byte[40]), "info.pieces");
        Refused(Single.With("pieces", new byte[80]), "info.pieces");
        Refused(Single.With("length", 0x200001).With("piece length", 1).With("pieces", new byte[20]), "2097153 pieces");
        Refused(Single.With("pieces", null).With("meta version", 2).With("file tree", new Dict()), "version 2");
    }

    [Fact]
    public void TheV1PartOfAHybridIsRead()
    {
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Single.With("meta version", 2).With("file tree", new Dict())));
        Assert.True(torrent.HasV2);
        Assert.Equal(40000, torrent.Geometry.TotalLength);
    }

    [Theory]
    [InlineData("a b/c d", "a b/c d")]
    [InlineData("/a|b//c|./d", "a|b/c|d")] // slashes around a name, empty parts and dots name nothing
    [InlineData("x|x|x", "x|x (2)|x (3)")]
    [InlineData("x.tar.gz|d/x.mkv|x.tar.gz|d/x.mkv", "x.tar.gz|d/x.mkv|x.tar (2).gz|d/x (2).mkv")]
    [InlineData("x|x (2)|x", "x|x (2)|x (3)")] // a name that was not mapped stays
    [InlineData("x|x|x (2)/y", "x|x (3)|x (2)/y")]
    [InlineData("d|d/x", "d (2)|d/x")] // a file where a folder is needed
    [InlineData("d/e/f|d/e|d/e", "d/e/f|d/e (2)|d/e (3)")]
    [InlineData("a\u0001b|a_b|a\u0002b", "a_b (2)|a_b|a_b (3)")]
    [InlineData("d\u0001/x|d_/x|d\u0002/y", "d_/x (2)|d_/x|d_/y")]
    [InlineData("d\u0001/a\u0001|d\u0001/a_|d_/a_", "d_/a_ (2)|d_/a_ (3)|d_/a_")]
    [InlineData("d\u0001/a\u0001|d\u0001/a_", "d_/a_ (2)|d_/a_")]
    [InlineData("d|d!|d!!/x|d0|dd/d|dd/d d", "d|d!|d!!/x|d0|dd/d|dd/d d")]
    public void EveryFileHasAPathOfItsOwn(string given, string expected)
    {
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi([.. given.Split('|').Select(path => File(1, path.Split('/')))])));
        Assert.Equal(expected.Split('|').Select(path => "root/" + path), torrent.Files.Files.Select(file => file.Path));
    }

    [Fact]
    public void NamesThatAreAlikeInTheirFirst255BytesAreTwoFiles()
    {
        string[] names = [.. "abc".Select(c => new string('é', 200) + c + ".mkv")];
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi([.. names.Select(name => File(1, name))])));
        string[] paths = [.. torrent.Files.Files.Select(file => file.Path["root/".Length..])];
        Assert.Equal(3, paths.Distinct().Count());
        Assert.All(paths, path => Assert.True(Encoding.UTF8.GetByteCount(path) <= 255 && path.EndsWith(".mkv", StringComparison.Ordinal), path));
        Assert.Equal(names.Select(name => "root/" + name), torrent.Files.Files.Select(file => file.OriginalPath));
    }

    [Fact]
    public void WhatIsMappedIsStillKnownByTheNameItCameWith()
    {
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi(
            File(1, "a"), File(1, "d\u200e", "a\u0001"), File(1, "s/t"), File(1, "x\u0001"), File(1, "x\u0001"), File(1, "x_")).With("name", "r\u202e")));
        Assert.Equal("r_", torrent.Name);
        Assert.Equal(["r_/a", "r_/d_/a_", "r_/s_t", "r_/x_ (2)", "r_/x_ (3)", "r_/x_"], torrent.Files.Files.Select(file => file.Path));
        Assert.Equal(
            ["r\u202e/a", "r\u202e/d\u200e/a\u0001", "r\u202e/s_t", "r\u202e/x\u0001", "r\u202e/x_ (3)", "r\u202e/x_"],
            torrent.Files.Files.Select(file => file.OriginalPath));
        Assert.Null(Assert.Single(MetainfoFile.Parse(Torrent(Single)).Files.Files).OriginalPath);
    }

    [Fact]
    public void ATorrentWithoutANameHasItsHashForOne()
    {
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Single.With("name", "")));
        Assert.Equal((torrent.InfoHash.ToString(), torrent.Name), (torrent.Name, torrent.Files.Files[0].Path));
        Assert.Equal("root/_", MetainfoFile.Parse(Torrent(Multi(File(1, "", ".")))).Files.Files[0].Path);
    }

    [Fact]
    public void ManyFilesOfOnePathDoNotCostTheirSquare()
    {
        // Pairs of long names that are alike but for their last bytes all want the same name with a number.
        Dict[] files = [.. Enumerable.Range(0, 60_000).Select(i => File(1, new string('n', 245) + $"{i / 2:D10}"))];
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi(files)));
        Assert.Equal(files.Length, torrent.Files.Files.Select(file => file.Path).Distinct().Count());
    }

    [Fact]
    public void NamesThatDifferInCaseAreToldApartWhereTheSystemDoesNot()
    {
        MetainfoFile torrent = MetainfoFile.Parse(Torrent(Multi(File(1, "README"), File(1, "readme"))));
        Assert.Equal(OperatingSystem.IsLinux() ? "root/readme" : "root/readme (2)", torrent.Files.Files[1].Path);
    }

    [Fact]
    public void WhatFollowsTheTorrentIsNoPartOfIt()
    {
        byte[] torrent = Torrent(Single);
        foreach (string tail in (string[])["\n", " \n", "\0", "\r\n<!-- 0.003 s -->", "i1e"])
        {
            MetainfoFile read = MetainfoFile.Parse((byte[])[.. torrent, .. Encoding.UTF8.GetBytes(tail)]);
            Assert.Equal(torrent, read.Raw.ToArray());
            Assert.Equal(SHA1.HashData(Ben.Encode(Single)), read.InfoHash.Bytes.ToArray());
        }
    }

    [Fact]
    public void OddFieldsThatNobodyNeedsDoNoHarmAndDecisiveOnesMayNotComeTwice()
    {
        byte[] info = Ben.Encode(Single);
        MetainfoFile Parse(string before, string insideInfo = "") => MetainfoFile.Parse((byte[])
            [.. Encoding.UTF8.GetBytes(before + "4:info"), .. info[..^1], .. Encoding.UTF8.GetBytes(insideInfo), .. "ee"u8]);

        Assert.Equal(0, Parse("d13:creation datei-0e").CreationDate);
        Assert.Equal(1234567, Parse("d13:creation datei01234567e").CreationDate);
        Assert.Null(Parse("d13:creation datei99999999999999999999e").CreationDate);
        Assert.Null(Parse("d13:creation dateie").CreationDate);
        Assert.Equal("a", Parse("d7:comment1:a7:comment1:b").Comment);
        Assert.Equal("a", Parse("d07:comment01:a").Comment);
        MetainfoFile odd = Parse("d", "1:xi-0e1:xi01.5e");
        Assert.Equal(SHA1.HashData([.. info[..^1], .. "1:xi-0e1:xi01.5ee"u8]), odd.InfoHash.Bytes.ToArray());
        foreach (string field in (string[])["6:lengthi5e", "4:name1:b", "6:pieces0:", "12:piece lengthi1e", "7:privatei1e7:privatei0e"])
            Assert.Contains("appears twice", Assert.Throws<FormatException>(() => Parse("d", field)).Message, StringComparison.Ordinal);
        Assert.Equal("info appears twice", Assert.Throws<FormatException>(() => Parse("d4:infode")).Message);
        foreach (string field in (string[])["6:lengthi1e", "4:pathl1:ae", "10:path.utf-8l1:be10:path.utf-8l1:be", "4:attr1:x4:attr1:x"])
        {
            string torrent = $"d4:infod5:filesld6:lengthi1e4:pathl1:ae{field}ee4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
            Assert.EndsWith("appears twice", Assert.Throws<FormatException>(() => MetainfoFile.Parse(Encoding.UTF8.GetBytes(torrent))).Message, StringComparison.Ordinal);
        }
        foreach (string length in (string[])["i1.5e", "ie", "i99999999999999999999e"])
            Assert.StartsWith("info.length", Assert.Throws<FormatException>(() => MetainfoFile.Parse(Encoding.UTF8.GetBytes($"d4:infod6:length{length}4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AWebPageIsToldAsOne() =>
        Assert.Contains("a web page", Assert.Throws<FormatException>(() => MetainfoFile.Parse("\r\n<!DOCTYPE html>"u8.ToArray())).Message, StringComparison.Ordinal);

    [Fact]
    public void DirectoriesMoreThan100DeepAreRefused()
    {
        object[] Deep(int depth) => Enumerable.Repeat((object)"d", depth).ToArray();
        Assert.Single(MetainfoFile.Parse(Torrent(Multi(File(1, Deep(100))))).Files.Files);
        Refused(Multi(File(1, Deep(101))), "100 deep");
    }

    [Fact]
    public void AFileHasAHundredMillionBytesAtMostAndTenMillionOverANetwork()
    {
        byte[] Sized(int bytes)
        {
            int others = Ben.Encode(new Dict { { "info", Single }, { "x", new byte[bytes / 2] } }).Length - bytes / 2;
            return Ben.Encode(new Dict { { "info", Single }, { "x", new byte[bytes - others] } });
        }
        Assert.True(MetainfoFile.TryParse(Sized(MetainfoFile.MaxBytes), out _, out _));
        Assert.False(MetainfoFile.TryParse(Sized(MetainfoFile.MaxBytes + 1), out _, out string error));
        Assert.Contains("10,000,000", error, StringComparison.Ordinal);
        byte[] largest = Sized(MetainfoFile.MaxFileBytes);
        Assert.Equal((MetainfoFile.MaxFileBytes, 40000), (largest.Length, (int)MetainfoFile.Parse(largest).Geometry.TotalLength));
        Assert.Contains("100,000,000", Assert.Throws<FormatException>(() => MetainfoFile.Parse((byte[])[.. largest, 0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PathsThatRepeatALongNameDoNotExplode()
    {
        var files = new Dict[160_000];
        for (int i = 0; i < files.Length; i++) files[i] = File(1, $"{i}");
        byte[] torrent = Torrent(Multi(files).With("name", new string('n', 255)));
        FormatException e = Assert.Throws<FormatException>(() => MetainfoFile.Parse(torrent));
        Assert.Contains("paths are too long", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TrackersComeInTiersWithoutEmptyOnesAndForeignSchemes()
    {
        MetainfoFile Parse(Dict root) => MetainfoFile.Parse(Ben.Encode(root.With("info", Single)));
        string Show(MetainfoFile t) => string.Join(" | ", t.Trackers.Select(tier => string.Join(",", tier)));

        MetainfoFile torrent = Parse(new Dict
        {
            { "announce", "http://ignored/announce" },
            {
                "announce-list", new object[]
                {
                    new object[] { "http://a/announce", "", " udp://b:80 ", "http://a/announce" }, new object[] { "" }, Array.Empty<object>(),
                    "https://c/announce", 5, new object[] { "wss://d", "ftp://e/x", "udp://noport", "nonsense", 7, "HTTP://F/Announce" },
                }
            },
        });
        Assert.Equal("http://a/announce,udp://b:80 | https://c/announce | HTTP://F/Announce", Show(torrent));
        Assert.Equal(["wss://d", "ftp://e/x", "udp://noport", "nonsense"], torrent.OtherTrackers);
        Assert.Equal("http://t/a", Show(Parse(new Dict { { "announce", "http://t/a" }, { "announce-list", new object[] { new object[] { "" } } } })));
        Assert.Equal("", Show(Parse(new Dict { { "announce", "" } })));
        Assert.Equal("", Show(Parse([])));
    }

    [Fact]
    public void OnlyTheFirstThousandUrlsAreRead()
    {
        object[] urls = [.. Enumerable.Range(0, 5000).Select(i => $"http://h/{i}")];
        MetainfoFile torrent = MetainfoFile.Parse(Ben.Encode(new Dict { { "announce-list", new object[] { urls } }, { "info", Single }, { "url-list", urls } }));
        Assert.Equal((1000, 1000), (torrent.Trackers[0].Count, torrent.WebSeeds.Count));
    }

    [Fact]
    public void OptionalFieldsOfAWrongKindAreAsGoodAsNone()
    {
        MetainfoFile torrent = MetainfoFile.Parse(Ben.Encode(new Dict
        {
            { "announce", 1 }, { "announce-list", "x" }, { "comment", 5 }, { "created by", new Dict() }, { "creation date", "today" },
            { "info", Single.With("private", "yes").With("source", 3) }, { "nodes", 1 }, { "url-list", 9 },
        }));
        Assert.Equal((null, null, null, null), (torrent.Comment, torrent.CreatedBy, torrent.CreationDate, torrent.Source));
        Assert.False(torrent.IsPrivate);
        Assert.Empty(torrent.Trackers);
        Assert.Empty(torrent.WebSeeds);
    }

    [Fact]
    public void MutatedTorrentsRaiseNothingButFormatException()
    {
        byte[] torrent = Ben.Encode(new Dict
        {
            { "announce", "http://t/announce" }, { "announce-list", new object[] { new object[] { "udp://t:1" } } },
            { "info", Multi(File(10, "d", "x"), File(0, "e"), File(20000, "f").With("attr", "p"), File(9, "g").With("path.utf-8", new object[] { "h" })) },
            { "nodes", new object[] { new object[] { "n", 1 } } }, { "url-list", new object[] { "http://w/" } },
        });
        int accepted = 0;
        for (int seed = 0; seed < 30_000; seed++)
        {
            try
            {
                MetainfoFile parsed = MetainfoFile.Parse(Mutation.Of(torrent, new Random(seed)));
                Assert.True(parsed.Geometry.TotalLength == parsed.Files.TotalLength && parsed.HashOf(parsed.Geometry.PieceCount - 1).Length == 20, $"seed {seed}");
                accepted++;
            }
            catch (FormatException e)
            {
                Assert.False(string.IsNullOrWhiteSpace(e.Message));
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
        Assert.InRange(accepted, 100, 29_900);
    }
}
