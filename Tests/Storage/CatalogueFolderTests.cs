using Microsoft.Win32.SafeHandles;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Storage;

public sealed class CatalogueFolderTests : IDisposable
{
    static readonly WriteToken s_token = WriteToken.Of("secret"u8);
    static readonly CatalogueSwarms s_swarms = new(_ => true, _ => default);

    readonly TemporaryFolder _folder = new();
    readonly List<string> _warnings = [];

    public void Dispose() => _folder.Dispose();

    CatalogueKeeper Open(CatalogueLimits? limits = null)
    {
        var keeper = new CatalogueKeeper(limits ?? new CatalogueLimits(), new CatalogueFolder(_folder["catalogue"]), s_swarms, TimeSpan.Zero, _warnings.Add);
        Assert.True(keeper.Fault.IsOk, keeper.Fault.ToString());
        keeper.Load(() => false);
        return keeper;
    }

    static CatalogueEntry Publish(CatalogueKeeper keeper, string name, int seed = 0)
    {
        Publication publication = keeper.Publish(Published.Torrent(name, seed), now: 1000 + seed, s_token, publisher: default);
        Assert.Equal((PublishResult.Added, true), (publication.Result, publication.Disk.IsOk));
        return publication.Entry!;
    }

    static byte[]? Read(CatalogueKeeper keeper, CatalogueEntry entry)
    {
        using SafeFileHandle? file = keeper.Open(entry);
        if (file is null) return null;
        byte[] bytes = new byte[RandomAccess.GetLength(file)];
        RandomAccess.Read(file, bytes, 0);
        return bytes;
    }

    string PathOf(CatalogueEntry entry, string suffix) => _folder[$"catalogue/{entry.InfoHash}{suffix}"];

    static string[] Names(CatalogueKeeper keeper) => [.. keeper.Store.Search(new CatalogueQuery()).Rows.Select(row => row.Entry.Name)];

    [Fact]
    public void WhatWasPublishedIsThereAfterARestartWithItsDateItsTokenAndItsBytes()
    {
        CatalogueKeeper before = Open();
        CatalogueEntry film = Publish(before, "film", 1), song = Publish(before, "song", 2);
        Assert.Equal(Published.Torrent("film", 1), Read(before, film));
        Assert.True(before.Remove(song).IsOk);
        CatalogueKeeper after = Open();
        Assert.Equal(["film"], Names(after));
        CatalogueEntry entry = after.Store.Find(film.InfoHash)!;
        Assert.Equal((1001, true), (entry.Published, entry.Token.Fits("secret"u8)));
        Assert.Equal(Published.Torrent("film", 1), Read(after, entry));
        Assert.Empty(_warnings);
        Assert.Equal(2, Directory.GetFiles(_folder["catalogue"]).Length);
    }

    [Fact]
    public void WhatIsPublishedIsForTheTrackerAloneToReadOnThisMachine()
    {
        if (OperatingSystem.IsWindows()) return;
        CatalogueEntry film = Publish(Open(), "film");
        foreach (string suffix in (string[])[".torrent", ".entry"]) // the note has its publisher's address
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(PathOf(film, suffix)));
    }

    [Fact]
    public void AFolderThatTakesNothingShowsUntilItTakesSomethingAgain()
    {
        var saved = new SavedState();
        var keeper = new CatalogueKeeper(new CatalogueLimits(), new CatalogueFolder(_folder["catalogue"]), s_swarms, TimeSpan.Zero, _warnings.Add, saved);
        keeper.Load(() => false);
        Publish(keeper, "film", 1);
        Assert.Null(saved.Fault);
        Directory.Delete(_folder["catalogue"], recursive: true);
        File.WriteAllText(_folder["catalogue"], "in its place");
        Assert.False(keeper.Publish(Published.Torrent("song", 2), now: 1000, s_token, publisher: default).Disk.IsOk);
        Assert.StartsWith("the catalogue is not saved: ", saved.Fault, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder["catalogue"], saved.Fault, StringComparison.Ordinal);
        File.Delete(_folder["catalogue"]);
        Publish(keeper, "song", 2);
        Assert.Equal((null, 1), (saved.Fault, saved.Failures));
    }

    [Fact]
    public void WhatFollowsAPublishedTorrentIsNotKept()
    {
        byte[] torrent = Published.Torrent("film", 1);
        CatalogueKeeper keeper = Open();
        CatalogueEntry film = keeper.Publish([.. torrent, .. "\r\n"u8], now: 1, s_token, publisher: default).Entry!;
        Assert.Equal(torrent, File.ReadAllBytes(PathOf(film, ".torrent")));
    }

    [Fact]
    public void ABrokenFileIsSetAsideWithAWarningAndTheOthersAreThere()
    {
        CatalogueKeeper before = Open();
        CatalogueEntry cut = Publish(before, "cut", 1), flipped = Publish(before, "flipped", 2), noted = Publish(before, "noted", 3);
        Publish(before, "good", 4);
        byte[] bytes = File.ReadAllBytes(PathOf(cut, ".torrent"));
        File.WriteAllBytes(PathOf(cut, ".torrent"), bytes[..^1]);
        bytes = File.ReadAllBytes(PathOf(flipped, ".torrent"));
        bytes[bytes.AsSpan().IndexOf("7:flipped"u8) + 3] ^= 1; // a torrent still, only another one
        File.WriteAllBytes(PathOf(flipped, ".torrent"), bytes);
        File.WriteAllText(PathOf(noted, ".entry"), "d1:xe");

        CatalogueKeeper after = Open();
        Assert.Equal(["flipped", "good", "noted"], Names(after).Order()); // no .torrent is read at the start that has a note and its length
        Assert.Null(Read(after, after.Store.Find(flipped.InfoHash)!));
        Assert.Equal(["good", "noted"], Names(after).Order());
        Assert.Equal(3, _warnings.Count);
        Assert.All((string[])[PathOf(cut, ".torrent.broken"), PathOf(flipped, ".torrent.broken"), PathOf(noted, ".entry.broken")], path => Assert.True(File.Exists(path)));
        _warnings.Clear();
        Assert.Equal(["good", "noted"], Names(Open()).Order());
        Assert.Empty(_warnings);
    }

    [Fact]
    public void AStartReadsNoTorrentThatANoteDescribes()
    {
        CatalogueEntry film = Publish(Open(), "film", 1);
        int length = (int)new FileInfo(PathOf(film, ".torrent")).Length;
        File.WriteAllBytes(PathOf(film, ".torrent"), new byte[length]); // nothing that could be read
        CatalogueEntry listed = Open().Store.Find(film.InfoHash)!;
        Assert.Equal(
            (film.Name, film.Comment, film.Size, film.FileCount, film.Kind, film.TorrentSize, film.Published, true),
            (listed.Name, listed.Comment, listed.Size, listed.FileCount, listed.Kind, listed.TorrentSize, listed.Published, listed.Token.Fits("secret"u8)));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void ANoteOfAnEarlierReleaseIsReadAndWrittenAnew()
    {
        CatalogueEntry film = Publish(Open(), "film", 1);
        string token = System.Text.Encoding.Latin1.GetString(film.Token.Hash);
        File.WriteAllBytes(PathOf(film, ".entry"), System.Text.Encoding.Latin1.GetBytes($"d9:publishedi77e5:token32:{token}8:unseededi33e7:versioni1ee"));
        CatalogueKeeper keeper = Open();
        CatalogueEntry read = keeper.Store.Find(film.InfoHash)!;
        Assert.Equal((77, 33, true, true), (read.Published, read.Unseeded.TotalSeconds, read.WasSeeded, read.Token.Fits("secret"u8)));
        keeper.Tick(TimeSpan.FromMinutes(2));
        Assert.True(EntryNote.TryRead(File.ReadAllBytes(PathOf(film, ".entry")), film.InfoHash, out CatalogueEntry? noted));
        Assert.Equal((77, "film"), (noted.Published, noted.Name));
    }

    [Fact]
    public void ALoadThatIsStoppedEndsAndTheFilesStay()
    {
        for (int i = 0; i < 3; i++) Publish(Open(), $"film {i}", i);
        var keeper = new CatalogueKeeper(new CatalogueLimits(), new CatalogueFolder(_folder["catalogue"]), s_swarms, TimeSpan.Zero, _warnings.Add);
        Assert.False(keeper.AwaitLoaded(TimeSpan.Zero));
        int left = 2; // files, an entry has two
        keeper.Load(() => left-- == 0);
        Assert.True(keeper.AwaitLoaded(TimeSpan.Zero));
        Assert.InRange(keeper.Store.Count, 0, 2);
        Assert.Equal(3, Open().Store.Count);
    }

    [Fact]
    public void WhatMakesRoomOrIsClearedIsGoneFromTheDiskToo()
    {
        CatalogueKeeper keeper = Open(new CatalogueLimits { Entries = 2 });
        PeerAddress stranger = PeerAddress.From([10, 0, 0, 1]);
        foreach (string name in (string[])["a", "b"]) keeper.Publish(Published.Torrent(name, name[0]), 1, s_token, name == "a" ? stranger : default);
        Assert.Equal(PublishResult.Added, keeper.Publish(Published.Torrent("c", 'c'), 1, s_token, PeerAddress.From([10, 0, 0, 2])).Result);
        Assert.Equal(["b", "c"], Names(keeper).Order());
        Assert.Equal(4, Directory.GetFiles(_folder["catalogue"]).Length);
        Assert.Equal(["b", "c"], Names(Open(new CatalogueLimits { Entries = 2 })).Order());
        Assert.True(keeper.Clear(out int count).IsOk);
        Assert.Equal((2, 0, 0), (count, keeper.Store.Count, Directory.GetFiles(_folder["catalogue"]).Length));
    }

    [Fact]
    public void WhateverAWriteWasCutOffAfterWholeEntriesAreFound()
    {
        CatalogueKeeper before = Open();
        CatalogueEntry kept = Publish(before, "kept", 1), half = Publish(before, "half", 2);
        File.Move(PathOf(half, ".torrent"), PathOf(half, ".torrent") + AtomicFile.BesideSuffix); // the note was there first
        File.WriteAllText(PathOf(kept, ".entry") + AtomicFile.BesideSuffix, "d9:publ");
        Assert.Equal(["kept"], Names(Open()));
        Assert.Empty(_warnings);
        Assert.Equal(2, Directory.GetFiles(_folder["catalogue"]).Length);
    }

    [Fact]
    public void ATorrentAnOperatorPutsThereIsListedAndNobodysToken()
    {
        MetainfoFile metainfo = Published.Metainfo("mine");
        Directory.CreateDirectory(_folder["catalogue"]);
        File.WriteAllBytes(_folder[$"catalogue/{metainfo.InfoHash}.torrent"], metainfo.Raw.ToArray());
        CatalogueKeeper keeper = Open();
        Assert.Equal(["mine"], Names(keeper));
        Assert.False(keeper.Store.Find(metainfo.InfoHash)!.Token.Fits(""u8));
    }

    [Fact]
    public void WhatTheDiskDoesNotTakeIsNotListed()
    {
        CatalogueKeeper keeper = Open();
        Directory.Delete(_folder["catalogue"]);
        File.WriteAllText(_folder["catalogue"], "a file in the folder's place");
        Publication publication = keeper.Publish(Published.Torrent("film"), 1, s_token, publisher: default);
        Assert.False(publication.Disk.IsOk);
        Assert.Empty(Names(keeper));
    }

    [Fact]
    public void AFileInTheFoldersPlaceIsFoundAtTheStartAndLeft()
    {
        File.WriteAllText(_folder["catalogue"], "mine");
        DiskResult fault = new CatalogueFolder(_folder["catalogue"]).Open();
        Assert.Equal($"{_folder["catalogue"]}: a file, not a folder", fault.ToString());
        Assert.Equal("mine", File.ReadAllText(_folder["catalogue"]));
    }

    [Fact]
    public void ExpiryTakesFilesAwayAndGoesOnWhereItWasAfterARestart()
    {
        var limits = new CatalogueLimits { Keep = TimeSpan.FromSeconds(100) };
        CatalogueKeeper before = Open(limits);
        Publish(before, "film");
        before.Tick(TimeSpan.FromSeconds(70));
        CatalogueKeeper after = Open(limits);
        after.Tick(TimeSpan.FromSeconds(20));
        Assert.Equal(["film"], Names(after));
        after.Tick(TimeSpan.FromSeconds(40));
        Assert.Empty(Names(after));
        Assert.Empty(Directory.GetFiles(_folder["catalogue"]));
    }

    [Fact]
    public void AFolderThatCannotBeWrittenIsSaidOnceUntilItCan()
    {
        CatalogueKeeper keeper = Open(new CatalogueLimits { Keep = TimeSpan.FromSeconds(100_000) });
        for (int i = 0; i < 3; i++) Publish(keeper, $"film {i}", i);
        string folder = _folder["catalogue"], aside = _folder["aside"];
        TimeSpan now = TimeSpan.Zero;
        foreach (int expected in (int[])[1, 2])
        {
            Directory.Move(folder, aside);
            File.WriteAllText(folder, "no folder");
            for (int i = 0; i < 3; i++) keeper.Tick(now += TimeSpan.FromSeconds(13_000));
            Assert.Equal(expected, _warnings.Count);
            File.Delete(folder);
            Directory.Move(aside, folder);
            keeper.Tick(now += TimeSpan.FromSeconds(13_000));
            Assert.Equal(expected, _warnings.Count);
        }
    }
}
