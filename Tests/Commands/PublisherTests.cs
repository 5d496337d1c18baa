using System.Net;
using TinyTorrent.Catalogue;
using TinyTorrent.Commands;
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Commands;

/// <summary>What is missing from a catalogue: lost by the tracker, or taken away by who published it.</summary>
public sealed class PublisherTests : IDisposable
{
    const string Secret = "operators";

    readonly TemporaryFolder _folder = new();
    readonly TrackerServer _tracker;
    readonly CatalogueAddress _address;
    readonly CatalogueClient _client;
    readonly Progress _progress = new(TextWriter.Null, null);
    readonly MetainfoFile _metainfo = Published.Metainfo("data", 1);

    public PublisherTests()
    {
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0);
        _tracker = new TrackerServer(new TrackerOptions(), new HttpLimits(), [port], catalogue: new CatalogueOptions(new CatalogueLimits(), null, Secret, IsOpen: false));
        Assert.True(CatalogueAddress.TryParse($"http://127.0.0.1:{port.Number}", out CatalogueAddress? address, out _));
        _client = new CatalogueClient(_address = address, Secret);
    }

    public void Dispose()
    {
        _client.Dispose();
        _tracker.Dispose();
        _progress.Dispose();
        _folder.Dispose();
    }

    Publisher NewProcess(string? folder) => new(_client, new PublishTokens(folder, _address.Root), _progress);

    bool IsListed => _client.Has(_metainfo.InfoHash, default);

    void Lose() => Assert.True(_tracker.Catalogue!.Remove(_tracker.Catalogue.Store.Find(_metainfo.InfoHash)!).IsOk);

    [Theory, InlineData(true), InlineData(false)]
    public void WhatTheTrackerLostIsPublishedAgainWhetherTokensAreKeptOrNot(bool kept)
    {
        Publisher publisher = NewProcess(kept ? _folder["tokens"] : null);
        Assert.NotNull(publisher.Publish(_metainfo, default));
        Assert.False(publisher.Renew(_metainfo, default));
        Lose();
        Assert.True(publisher.Renew(_metainfo, default));
        Assert.True(IsListed);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void WhatWasTakenAwayIsNotPublishedAgainByWhoHasPublishedItNowOrEarlier(bool earlier)
    {
        if (earlier) NewProcess(_folder["tokens"]).Publish(_metainfo, default);
        Publisher running = NewProcess(_folder["tokens"]);
        Assert.Equal(earlier, running.Publish(_metainfo, default) is null);
        InfoHash hash = _metainfo.InfoHash;
        NewProcess(_folder["tokens"]).Remove(hash, "data", access: null, default);
        Assert.False(running.Renew(_metainfo, default));
        Assert.False(IsListed);
    }

    [Fact]
    public void WhatItsPublisherTookAwayComesBackAsAnotherOwnersAndIsThenForThatOneToTakeAway()
    {
        InfoHash hash = _metainfo.InfoHash;
        Publisher first = NewProcess(_folder["one"]), second = NewProcess(_folder["two"]);
        Assert.NotNull(first.Publish(_metainfo, default));
        Assert.Null(second.Publish(_metainfo, default));
        Assert.Equal(ExitCode.Refused, Assert.Throws<CommandException>(() => second.Remove(hash, "data", access: null, default)).Code);

        NewProcess(_folder["one"]).Remove(hash, "data", access: null, default);
        Assert.False(first.Renew(_metainfo, default));
        Assert.False(IsListed);
        Assert.True(second.Renew(_metainfo, default));
        Assert.True(IsListed);
        Assert.Throws<CommandException>(() => first.Remove(hash, "data", access: null, default));

        NewProcess(_folder["two"]).Remove(hash, "data", access: null, default);
        Assert.False(second.Renew(_metainfo, default) || first.Renew(_metainfo, default));
        Assert.False(IsListed);
    }

    [Fact]
    public void WhatAnotherOwnerHasPublishedAfterALossTheTrackersTokenTakesAwayAllTheSame()
    {
        InfoHash hash = _metainfo.InfoHash;
        Publisher first = NewProcess(_folder["one"]);
        first.Publish(_metainfo, default);
        Lose();
        NewProcess(_folder["two"]).Publish(_metainfo, default);
        Assert.Equal(ExitCode.Refused, Assert.Throws<CommandException>(() => first.Remove(hash, "data", access: null, default)).Code);
        first.Remove(hash, "data", access: Secret, default);
        Assert.False(IsListed);
    }
}
