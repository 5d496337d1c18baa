using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Commands;
using TinyTorrent.Metainfo;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public class TorrentSourceTests
{
    const string Hash = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

    static readonly byte[] Torrent = MetainfoBuilder.Build(
        new MetainfoOptions { Name = "evil\x1b[2J\u202e", Comment = "two\nlines", Trackers = [["http://t/a"]] }, 5, 16384, new byte[20]);

    [Fact]
    public void AFileAMagnetLinkAndAHashAreTold()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["x.torrent"], Torrent);
        TorrentSource file = TorrentSource.Load(folder["x.torrent"]);
        Assert.Equal(MetainfoFile.Parse(Torrent).InfoHash, file.InfoHash);
        Assert.Equal(5, file.Metainfo!.Geometry.TotalLength);
        Assert.Equal([["http://t/a"]], file.Trackers);

        TorrentSource magnet = TorrentSource.Load($"magnet:?xt=urn:btih:{Hash}&dn=n&tr=udp://a:1&tr=http://b&x.pe=h:1");
        Assert.Equal((Hash, "n", null), (magnet.InfoHash.ToString(), magnet.Name, magnet.Metainfo));
        Assert.Equal([["udp://a:1"], ["http://b"]], magnet.Trackers);
        Assert.Equal("h:1", Assert.Single(magnet.Peers).ToString());

        Assert.Equal(Hash, TorrentSource.Load(Hash.ToUpperInvariant()).InfoHash.ToString());
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => TorrentSource.LoadMetainfo(Hash)).Code);
    }

    [Fact]
    public async Task AnInterruptEndsTheWaitForAPipeThatNobodyWritesTo()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [folder["pipe"]])) await mkfifo.WaitForExitAsync();
        using var interrupt = new CancellationTokenSource();
        Task<TorrentSource> load = Task.Run(() => TorrentSource.Load(folder["pipe"], interrupt.Token));
        await interrupt.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => load.WaitAsync(TimeSpan.FromSeconds(20)));
        File.WriteAllBytes(folder["pipe"], Torrent); // lets the reader go
    }

    [Fact]
    public void WhatCannotBeReadNamesThePathAndIsADiskFault()
    {
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])[folder["none.torrent"], folder["no/such/folder.torrent"], folder.Path])
        {
            CommandException e = Assert.Throws<CommandException>(() => TorrentSource.Load(path));
            Assert.Equal(ExitCode.Disk, e.Code);
            Assert.StartsWith(path + ": ", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void WhatIsSaidOfAUrlHoldsNoSecret()
    {
        using var refused = new TcpListener(IPAddress.Loopback, 0);
        refused.Start();
        int port = ((IPEndPoint)refused.LocalEndpoint).Port;
        refused.Stop();
        CommandException e = Assert.Throws<CommandException>(
            () => TorrentSource.Load($"http://user:pass@127.0.0.1:{port}/0123456789abcdef0123456789abcdef/x.torrent?passkey=hidden"));
        Assert.StartsWith($"http://127.0.0.1:{port}/…/x.torrent?passkey=…: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoTorrentNamesTheSourceAndTheOffset()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["x"], Torrent[..^2]);
        FormatException e = Assert.Throws<FormatException>(() => TorrentSource.Load(folder["x"]));
        Assert.StartsWith($"{folder["x"]}: byte {Torrent.Length - 2}: ", e.Message, StringComparison.Ordinal);

        using (FileStream big = File.Create(folder["big"])) big.SetLength(MetainfoFile.MaxFileBytes + 1);
        Assert.Contains("100,000,000", Assert.Throws<FormatException>(() => TorrentSource.Load(folder["big"])).Message, StringComparison.Ordinal);
        Assert.Contains("version 2", Assert.Throws<FormatException>(() => TorrentSource.Load(new string('a', 64))).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => TorrentSource.Load("magnet:?dn=x"));
    }

    [Fact]
    public void AUrlIsFetchedAndItsFaultsHaveTheirExitCodes()
    {
        string url = Serve("200 OK", Torrent);
        Assert.Equal(MetainfoFile.Parse(Torrent).InfoHash, TorrentSource.Load(url).InfoHash);
        CommandException refused = Assert.Throws<CommandException>(() => TorrentSource.Load(Serve("404 Not Found", [])));
        Assert.Equal(ExitCode.NoPeer, refused.Code);
        Assert.Contains("404", refused.Message, StringComparison.Ordinal);
        Assert.Contains("a web page", Assert.Throws<FormatException>(() => TorrentSource.Load(Serve("200 OK", "<html>"u8.ToArray()))).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => TorrentSource.Load(Serve("200 OK", new byte[MetainfoFile.MaxBytes + 1])));
        Assert.Equal(ExitCode.NoPeer, Assert.Throws<CommandException>(() => TorrentSource.Load(Serve("200 OK", Torrent, claim: 1000))).Code);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("identity")]
    public void ATorrentThatIsSentCompressedIsInflatedUpToItsLimit(string encoding)
    {
        byte[] Packed(byte[] plain)
        {
            var packed = new MemoryStream();
            using (Stream stream = encoding == "gzip" ? new GZipStream(packed, CompressionLevel.Fastest) : encoding == "deflate" ? new ZLibStream(packed, CompressionLevel.Fastest) : new BufferedStream(packed)) stream.Write(plain);
            return packed.ToArray();
        }
        Assert.Equal(MetainfoFile.Parse(Torrent).InfoHash, TorrentSource.Load(Serve($"200 OK\r\nContent-Encoding: {encoding}", Packed(Torrent))).InfoHash);
        FormatException e = Assert.Throws<FormatException>(() => TorrentSource.Load(Serve($"200 OK\r\nContent-Encoding: {encoding}", Packed(new byte[MetainfoFile.MaxBytes + 1]))));
        Assert.EndsWith("an answer of more than 10,000,000 bytes: not a .torrent", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARedirectIsFollowedToATorrentOrAMagnetLinkAndNoFarther()
    {
        string To(string location) => TorrentSource.Load(Serve($"302 Found\r\nLocation: {location}", [])) is var source ? source.InfoHash.ToString() : "";

        Assert.Equal(Hash, To($"magnet:?xt=urn:btih:{Hash}"));
        CommandException magnet = Assert.Throws<CommandException>(() => TorrentSource.LoadMetainfo(Serve($"302 Found\r\nLocation: magnet:?xt=urn:btih:{Hash}", [])));
        Assert.Matches("^http://127.0.0.1:[0-9]+/x.torrent leads to a magnet link, which does not describe its content", magnet.Message);
        Assert.Equal(MetainfoFile.Parse(Torrent).InfoHash.ToString(), To(Serve("200 OK", Torrent)));
        Assert.EndsWith("a redirect to something other than http and https, ftp://h/x, which is not followed", Assert.Throws<CommandException>(() => To("ftp://h/x")).Message, StringComparison.Ordinal);
        string loop = Serve("302 Found\r\nLocation: /again", [], times: 7);
        Assert.Contains("more than 5 redirects", Assert.Throws<CommandException>(() => TorrentSource.Load(loop)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AHostThatIsNotThereIsSaidInWords()
    {
        CommandException e = Assert.Throws<CommandException>(() => TorrentSource.Load("http://nowhere.invalid/x.torrent"));
        Assert.Matches("^http://nowhere.invalid/x.torrent: (there is no host named nowhere.invalid|nowhere.invalid has no address|the name nowhere.invalid could not be looked up.*)$", e.Message);
    }

    [Fact]
    public void WhatIsShownCannotDriveATerminal()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["x"], Torrent);
        string shown = Described(folder["x"]);
        Assert.DoesNotContain('\x1b', shown);
        Assert.DoesNotContain('\u202e', shown);
        Assert.DoesNotContain("\nlines", shown, StringComparison.Ordinal);
        Assert.Contains("5 B (5 bytes)", shown, StringComparison.Ordinal);
        Assert.Contains("http://t/a", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void DatesNoCalendarHasAreShownAsNumbers()
    {
        using var folder = new TemporaryFolder();
        foreach (long date in (long[])[long.MinValue, long.MaxValue, -62135596800, 253402300799, 253402300800])
        {
            var options = new MetainfoOptions { Name = "a", CreationDate = date };
            File.WriteAllBytes(folder["x"], MetainfoBuilder.Build(options, 5, 16384, new byte[20]));
            Assert.Contains("Created:", Described(folder["x"]), StringComparison.Ordinal);
        }
    }

    static string Described(string path)
    {
        var text = new StringWriter();
        InfoCommand.Describe(text, TorrentSource.Load(path));
        return text.ToString();
    }

    /// <summary>An HTTP server for one answer, on a port of its own.</summary>
    /// <param name="claim">The Content-Length to state, if not the true one.</param>
    static string Serve(string status, byte[] body, int? claim = null, int times = 1)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = Task.Run(async () =>
        {
            using (listener)
            for (; times > 0; times--)
            {
                using TcpClient client = await listener.AcceptTcpClientAsync();
                NetworkStream stream = client.GetStream();
                _ = await stream.ReadAsync(new byte[4096]);
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {claim ?? body.Length}\r\nConnection: close\r\n\r\n"));
                try { await stream.WriteAsync(body); }
                catch (IOException) { } // the client has seen enough
            }
        });
        return $"http://{listener.LocalEndpoint}/x.torrent";
    }
}
