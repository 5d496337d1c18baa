// A tracker whose catalogue takes long to read: here one of its files is a pipe that gives nothing until the test writes to it.
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public sealed partial class CatalogueStartTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly string _pipe;

    public CatalogueStartTests()
    {
        var before = new CatalogueKeeper(new CatalogueLimits(), new CatalogueFolder(_folder["catalogue"]), new CatalogueSwarms(_ => true, _ => default), TimeSpan.Zero, _ => { });
        before.Load(() => false);
        before.Publish(Published.Torrent("film"), 1, default, default);
        _pipe = _folder[$"catalogue/{new string('0', 40)}.torrent"];
        Assert.True(OperatingSystem.IsWindows() || mkfifo(_pipe, Convert.ToUInt32("600", 8)) == 0);
    }

    public void Dispose() => _folder.Dispose();

    TrackerServer Start(out string root)
    {
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0);
        root = $"http://127.0.0.1:{port.Number}/";
        return new TrackerServer(new TrackerOptions(), new HttpLimits(), [port], catalogue: new CatalogueOptions(new CatalogueLimits(), new CatalogueFolder(_folder["catalogue"]), "token", IsOpen: true));
    }

    /// <summary>Returns once the pipe has a reader, which then finds its end.</summary>
    void Release() => File.OpenHandle(_pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite).Dispose();

    [Fact]
    public async Task AnnouncesAreAnsweredWhileTheCatalogueIsReadAndItsRequestsWaitForTheWholeOfIt()
    {
        if (OperatingSystem.IsWindows()) return; // no named pipes among its files
        using TrackerServer tracker = Start(out string root);
        using var http = new HttpClient();
        Task<string> list = http.GetStringAsync(new Uri(root + "catalogue.json"));
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri(root + "health")));
        Assert.Contains("8:interval", await http.GetStringAsync(new Uri(root + "announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&left=1&port=1")), StringComparison.Ordinal);
        Assert.False(list.IsCompleted);
        await Task.Run(Release);
        Assert.Equal(1, JsonDocument.Parse(await list).RootElement.GetProperty("total").GetInt32());
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);
}
