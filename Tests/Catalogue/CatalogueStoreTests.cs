using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Catalogue;

public class CatalogueStoreTests
{
    readonly Dictionary<InfoHash, SwarmCounts> _swarms = [];
    readonly HashSet<InfoHash> _denied = [];

    CatalogueStore Store(int entries = 1000, long bytes = 1_000_000, double keep = 100) => new(
        new CatalogueLimits { Entries = entries, Bytes = bytes, Keep = TimeSpan.FromSeconds(keep) },
        new CatalogueSwarms(name => !_denied.Contains(name), name => _swarms.GetValueOrDefault(name)));

    static string[] Names(CataloguePage page) => [.. page.Rows.Select(row => row.Entry.Name)];

    static CataloguePage Ask(CatalogueStore store, string query)
    {
        Assert.True(CatalogueQuery.TryRead(Encoding.ASCII.GetBytes(query), out CatalogueQuery read, out string problem), problem);
        return store.Search(read);
    }

    [Fact]
    public void ANameBelongsToTheFirstContentUntilThatIsGone()
    {
        CatalogueStore store = Store();
        CatalogueEntry first = Published.Entry("film", 1), other = Published.Entry("film", 2);
        Assert.Equal(PublishResult.Added, store.Publish(first, out CatalogueEntry? holder, out _));
        Assert.Same(first, holder);
        Assert.Equal(PublishResult.Known, store.Publish(Published.Entry("film", 1), out holder, out _));
        Assert.Same(first, holder);
        Assert.Equal(PublishResult.NameTaken, store.Publish(other, out holder, out _));
        Assert.Same(first, holder);
        Assert.Equal(PublishResult.Added, store.Publish(Published.Entry("Film", 3), out _, out _));
        Assert.False(store.Remove(other));
        Assert.True(store.Remove(first));
        Assert.False(store.Remove(first));
        Assert.Equal(PublishResult.Added, store.Publish(other, out _, out _));
        Assert.Equal(2, store.Count);
    }

    [Fact]
    public void LimitsAreKeptAndRemovingMakesRoom()
    {
        int size = Published.Torrent("a", 1).Length;
        foreach (CatalogueStore store in (CatalogueStore[])[Store(entries: 2), Store(bytes: 2 * size + 1)])
        {
            CatalogueEntry a = Published.Entry("a", 1);
            Assert.Equal(PublishResult.Added, store.Publish(a, out _, out _));
            Assert.Equal(PublishResult.Added, store.Publish(Published.Entry("b", 2), out _, out _));
            Assert.Equal(PublishResult.Full, store.Publish(Published.Entry("c", 3), out CatalogueEntry? holder, out _));
            Assert.Null(holder);
            Assert.Equal(PublishResult.Known, store.Publish(Published.Entry("b", 2), out _, out _));
            store.Remove(a);
            Assert.Equal(PublishResult.Added, store.Publish(Published.Entry("c", 3), out _, out _));
        }
    }

    [Fact]
    public void AllWordsMustBeThereWhateverTheirCaseAndTheNewestComesFirst()
    {
        CatalogueStore store = Store();
        store.Publish(Published.Entry("Big Buck Bunny.webm", 1, published: 10, comment: "a film of 2008"), out _, out _);
        store.Publish(Published.Entry("bunny song.ogg", 2, published: 30), out _, out _);
        store.Publish(Published.Entry("Ünïcode & co.txt", 3, published: 20), out _, out _);
        Assert.Equal(["bunny song.ogg", "Ünïcode & co.txt", "Big Buck Bunny.webm"], Names(Ask(store, "")));
        Assert.Equal(["bunny song.ogg", "Big Buck Bunny.webm"], Names(Ask(store, "q=BUNNY")));
        Assert.Equal(["Big Buck Bunny.webm"], Names(Ask(store, "q=bunny+FILM&page=1")));
        Assert.Equal(["Ünïcode & co.txt"], Names(Ask(store, "q=%C3%BCn%C3%AF+%26")));
        Assert.Empty(Names(Ask(store, "q=bunny+bear")));
        Assert.Equal(["bunny song.ogg"], Names(Ask(store, "kind=audio")));
        Assert.Equal(["Big Buck Bunny.webm"], Names(Ask(store, "kind=video&q=")));
        Assert.Equal(["Ünïcode & co.txt"], Names(Ask(store, "kind=other&later=1")));
        Assert.Equal(["bunny song.ogg"], Names(Ask(store, "name=bunny%20song.ogg")));
        Assert.Empty(Names(Ask(store, "name=bunny")));
    }

    static CatalogueEntry From(string address, int seed, long published = 0) => new(Published.Metainfo($"n{seed}", seed), published, default)
    {
        Publisher = PublisherShares.PublisherOf(PeerAddress.From(System.Net.IPAddress.Parse(address))),
    };

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.8", 10)] // an eighth of 80
    [InlineData("192.168.0.7", "192.168.0.8", 40)] // local: a half
    [InlineData("2001:db8:0:1::7", "2001:db8:0:2::7", 10)] // one /64
    public void AnAddressHasItsShareAndTheNextOneHasAnother(string address, string other, int share)
    {
        CatalogueStore store = Store(entries: 80);
        for (int i = 0; i < share; i++) Assert.Equal(PublishResult.Added, store.Publish(From(address, i), out _, out _));
        CatalogueEntry over = From(address, share);
        Assert.Equal(PublishResult.OverShare, store.Publish(over, out CatalogueEntry? holder, out _));
        Assert.Null(holder);
        Assert.Equal(PublishResult.Added, store.Publish(From(other, 100), out _, out _));
        Assert.Equal(PublishResult.Added, store.Publish(Published.Entry("operators", 101), out _, out _)); // counts for nobody
        store.Remove(store.Entries.First(entry => entry.Name == "n0"));
        Assert.Equal(PublishResult.Added, store.Publish(over, out _, out _));
    }

    [Fact]
    public void ASiteOfManyNetworksHasAQuarterAndBytesCountLikeEntries()
    {
        CatalogueStore store = Store(entries: 80);
        int added = 0;
        for (int i = 0; i < 40; i++) added += store.Publish(From($"2001:db8:5:{i:x}::1", i), out _, out _) == PublishResult.Added ? 1 : 0;
        Assert.Equal(20, added);
        store = Store(bytes: 240_000_000);
        CatalogueEntry[] large = [.. Enumerable.Range(0, 5).Select(i => new CatalogueEntry($"large {i}", "")
        {
            InfoHash = Published.Metainfo("x", i).InfoHash, TorrentSize = 10_000_000, Publisher = PeerAddress.From([203, 0, 113, 7]),
        })];
        foreach (CatalogueEntry entry in large[..3]) Assert.Equal(PublishResult.Added, store.Publish(entry, out _, out _));
        Assert.Equal(PublishResult.OverShare, store.Publish(large[3], out _, out _));
        store = Store(bytes: 25_000_000);
        foreach (CatalogueEntry entry in large[..2]) Assert.Equal(PublishResult.Added, store.Publish(entry, out _, out _)); // two, however small it is
        Assert.Equal(PublishResult.OverShare, store.Publish(large[2], out _, out _));
    }

    [Fact]
    public void AFullCatalogueMakesRoomByTheOldestThatNobodyHasSeededOfWhoHasMostOfIt()
    {
        CatalogueStore store = Store(entries: 8);
        CatalogueEntry seeded = From("192.168.0.1", 1, published: 1), filler = From("192.168.0.2", 2, published: 2), honest = From("192.168.0.3", 8, published: 0);
        CatalogueEntry[] all = [seeded, filler, From("192.168.0.2", 3, 3), From("192.168.0.2", 4, 4), Published.Entry("operators", 5), From("192.168.0.1", 6, 0), Published.Entry("others", 7), honest];
        foreach (CatalogueEntry entry in all) Assert.Equal(PublishResult.Added, store.Publish(entry, out _, out _));
        foreach (int seed in (int[])[1, 6]) _swarms[Published.Metainfo($"n{seed}", seed).InfoHash] = new SwarmCounts(1, 0, 0);
        Assert.Equal(PublishResult.Added, store.Publish(From("192.168.0.4", 9, 9), out _, out IReadOnlyList<CatalogueEntry> evicted));
        Assert.Equal([filler], evicted);
        Assert.Equal(PublishResult.Added, store.Publish(From("192.168.0.4", 10, 10), out _, out evicted)); // two and two
        Assert.Equal("n3", Assert.Single(evicted).Name);
        Assert.Equal(PublishResult.Added, store.Publish(From("192.168.0.4", 11, 11), out _, out evicted)); // nobody has three: its own goes
        Assert.Equal("n9", Assert.Single(evicted).Name);
        foreach (CatalogueEntry entry in store.Entries) _swarms[entry.InfoHash] = new SwarmCounts(1, 0, 0);
        store.Tick(TimeSpan.FromSeconds(1), []);
        _swarms.Clear();
        Assert.Equal(PublishResult.Full, store.Publish(From("192.168.0.5", 12), out _, out evicted)); // what was seeded once stays its time
        Assert.Empty(evicted);
        Assert.Equal(8, store.Count);
    }

    [Fact]
    public void ALargeOneTakesNoRoomFromManySmall()
    {
        int size = Published.Torrent("n10", 10).Length;
        CatalogueStore store = Store(bytes: 6 * size);
        for (int i = 10; i < 16; i++) Assert.Equal(PublishResult.Added, store.Publish(From($"192.168.0.{i}", i), out _, out _));
        var large = new CatalogueEntry(MetainfoFile.Parse(Published.Torrent("n16", 16, comment: new string('x', 2 * size))), 0, default) { Publisher = PeerAddress.From([192, 168, 0, 16]) };
        Assert.Equal(PublishResult.Full, store.Publish(large, out _, out _));
        Assert.Equal(PublishResult.Added, store.Publish(From("192.168.0.17", 17), out _, out IReadOnlyList<CatalogueEntry> evicted));
        Assert.Single(evicted);
    }

    [Fact]
    public void WordsTogetherHaveALimitAndAnOrdinaryNameIsWithinIt()
    {
        Assert.True(CatalogueQuery.TryRead(Encoding.ASCII.GetBytes("q=" + new string('x', 255)), out _, out _));
        Assert.False(CatalogueQuery.TryRead(Encoding.ASCII.GetBytes("q=" + new string('x', 200) + "+" + new string('y', 57)), out _, out string problem));
        Assert.Contains("256 bytes", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kind=films")]
    [InlineData("page=0")]
    [InlineData("page=-1")]
    [InlineData("page=99999999999999999999")]
    [InlineData("q=a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q")]
    public void AQueryThatMakesNoSenseIsAProblemInWords(string query)
    {
        Assert.False(CatalogueQuery.TryRead(Encoding.ASCII.GetBytes(query), out _, out string problem));
        Assert.NotEqual("", problem);
    }

    [Fact]
    public void AQueryIsReadAsItWasWritten()
    {
        var query = new CatalogueQuery { Kind = ContentKind.Video, Words = ["a&b", "ü=+%"], Name = "x y?#", Page = 7 };
        Assert.True(CatalogueQuery.TryRead(Encoding.ASCII.GetBytes(query.ToString()[1..]), out CatalogueQuery read, out _));
        Assert.Equal((query.Kind, query.Name, query.Page), (read.Kind, read.Name, read.Page));
        Assert.Equal(query.Words, read.Words);
        Assert.Equal("", new CatalogueQuery().ToString());
    }

    [Fact]
    public void RandomQueriesNeverThrow()
    {
        var random = new Random(8);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] query = Encoding.ASCII.GetBytes("kind=audio&q=a+%C3%BC&name=x%20y&page=3");
            for (int change = random.Next(1, 10); change > 0; change--) query[random.Next(query.Length)] = (byte)random.Next(33, 127);
            if (CatalogueQuery.TryRead(query, out CatalogueQuery read, out _)) _ = read.ToString();
        }
    }

    [Fact]
    public void PagesCoverEverythingOnceAndOneBeyondIsEmpty()
    {
        CatalogueStore store = Store();
        for (int i = 0; i < 250; i++) store.Publish(Published.Entry($"n{i}", i, published: i / 10), out _, out _);
        string[] all = [.. Enumerable.Range(1, 3).SelectMany(page => Names(Ask(store, $"page={page}")))];
        Assert.Equal((250, 250), (all.Length, all.Distinct().Count()));
        Assert.Empty(Names(Ask(store, "page=4")));
        Assert.Empty(Names(Ask(store, "page=1000000")));
        Assert.Equal(250, Ask(store, "page=4").Total);
    }

    [Fact]
    public void CountsAreLiveAndWhatTheTrackerDoesNotServeIsNotShown()
    {
        CatalogueStore store = Store();
        CatalogueEntry entry = Published.Entry("a", 1);
        store.Publish(entry, out _, out _);
        Assert.Equal(default, Ask(store, "").Rows[0].Counts);
        _swarms[entry.InfoHash] = new SwarmCounts(3, 4, 5);
        Assert.Equal(new SwarmCounts(3, 4, 5), Ask(store, "").Rows[0].Counts);
        _denied.Add(entry.InfoHash);
        Assert.Empty(Names(Ask(store, "")));
    }

    [Fact]
    public void WhatNobodySeedsForLongGoesAndOneSeederKeepsIt()
    {
        CatalogueStore store = Store(keep: 100);
        CatalogueEntry seeded = Published.Entry("seeded", 1), left = Published.Entry("left", 2), wanted = Published.Entry("wanted", 3);
        foreach (CatalogueEntry entry in (CatalogueEntry[])[seeded, left, wanted]) store.Publish(entry, out _, out _);
        _swarms[seeded.InfoHash] = new SwarmCounts(1, 0, 0);
        _swarms[left.InfoHash] = new SwarmCounts(1, 0, 0);
        _swarms[wanted.InfoHash] = new SwarmCounts(0, 9, 0); // who only downloads has nothing to give yet
        Assert.Empty(store.Tick(TimeSpan.FromSeconds(60), []));
        _swarms[left.InfoHash] = default;
        var aged = new List<CatalogueEntry>();
        Assert.Equal([wanted], store.Tick(TimeSpan.FromSeconds(60), aged));
        Assert.Equal([seeded, left], aged.OrderBy(entry => entry.Name == "left"));
        Assert.Equal([left], store.Tick(TimeSpan.FromSeconds(60), []));
        Assert.Equal(["seeded"], Names(Ask(store, "")));
        for (int day = 0; day < 100; day++) Assert.Empty(store.Tick(TimeSpan.FromDays(1), []));
    }

    [Fact]
    public void HostileTextIsInertInTheAnswer()
    {
        CatalogueStore store = Store();
        store.Publish(Published.Entry("<script><img src=x onerror=alert(1)>\u202e\u200b.mp4", 1, comment: "\u001b[2J\"\\ " + new string('x', 5000)), out _, out _);
        CataloguePage page = Ask(store, "");
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        page.WriteTo(bytes, now: 123);
        string json = Encoding.UTF8.GetString(bytes.WrittenSpan);
        Assert.DoesNotContain(json, c => c is < ' ' or > '~' or '<' or '>');
        Assert.InRange(json.Length, 1, page.MaxJsonSize);
        JsonElement entry = JsonDocument.Parse(json).RootElement.GetProperty("entries")[0];
        Assert.Equal(CatalogueEntry.MaxComment + 1, entry.GetProperty("comment").GetString()!.Length);
        Assert.Equal("video", entry.GetProperty("kind").GetString());
    }

    [Fact]
    public void MostOfTheBytesDecideTheKind()
    {
        Assert.Equal(ContentKind.Audio, KindOf(("cover.jpg", 100), ("01.FLAC", 300), ("film.mkv", 200)));
        Assert.Equal(ContentKind.Video, KindOf(("film.mkv", 300), ("subtitles.srt", 100)));
        Assert.Equal(ContentKind.Other, KindOf(("disk.iso", 300), ("trailer.mkv", 300)));
        Assert.Equal(ContentKind.Other, KindOf(("mp3", 300), (".mkv/readme", 1)));
        static ContentKind KindOf(params (string, long)[] files) => ContentKinds.Of(MetainfoFile.Parse(Published.Torrent("x", files)).Files);
    }

    [Fact]
    public void ATokenFitsItsSecretAndNothingElse()
    {
        WriteToken token = WriteToken.Of("secret"u8);
        Assert.True(token.Fits("secret"u8));
        Assert.True(WriteToken.FromHash(token.Hash).Fits("secret"u8));
        Assert.False(token.Fits("secreT"u8) || token.Fits(""u8) || default(WriteToken).Fits(""u8) || default(WriteToken).Fits("secret"u8));
        Assert.False(WriteToken.FromHash(token.Hash[1..]).Fits("secret"u8));
    }
}
