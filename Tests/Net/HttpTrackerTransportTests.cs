using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class HttpTrackerTransportTests
{
    static readonly byte[] Good = "d8:intervali900e5:peers6:\u0001\u0002\u0003\u0004\u0000Pe"u8.ToArray();

    static byte[] Ok(string headers = "") => ScriptedHttpServer.Response(Good, headers);

    static TrackerReply AskOnce(Func<string, byte[]> answer, string path = "/announce", TrackerTimeouts? timeouts = null)
    {
        using var server = new ScriptedHttpServer(answer);
        using var probe = new TrackerProbe(timeouts);
        return probe.Ask(server.Base + path);
    }

    static void AssertGood(TrackerReply reply)
    {
        Assert.True(reply.Failure == TrackerFailure.None, reply.Reason);
        Assert.Equal("1.2.3.4:80", Assert.Single(reply.Peers).ToString());
    }

    static void AssertFails(TrackerReply reply, TrackerFailure kind, string reason)
    {
        Assert.Equal(kind, reply.Failure);
        Assert.Contains(reason, reply.Reason, StringComparison.Ordinal);
    }

    static byte[] Compress(byte[] body, Func<Stream, Stream> wrap)
    {
        var packed = new MemoryStream();
        using (Stream stream = wrap(packed)) stream.Write(body);
        return packed.ToArray();
    }

    [Fact]
    public void ARequestNamesTheProgramAndCarriesTheHash()
    {
        using var server = new ScriptedHttpServer(_ => Ok());
        using var probe = new TrackerProbe();
        AssertGood(probe.Ask(server.Base.Replace("http://", "http://me:p%40ss@", StringComparison.Ordinal) + "/announce?k=v"));
        string head = Assert.Single(server.Requests);
        Assert.StartsWith("GET /announce?k=v&info_hash=%0D%1A%274AN%5Bhu%82", head, StringComparison.Ordinal);
        Assert.Contains("&left=5", head, StringComparison.Ordinal);
        Assert.Contains("\r\nUser-Agent: tinytorrent/0.", head, StringComparison.Ordinal);
        Assert.Contains($"\r\nAuthorization: Basic {Convert.ToBase64String("me:p@ss"u8)}\r\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("traceparent", head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void IPv6Works()
    {
        using var server = new ScriptedHttpServer(_ => Ok(), IPAddress.IPv6Loopback);
        using var probe = new TrackerProbe();
        AssertGood(probe.Ask(server.Base + "/announce"));
    }

    [Fact]
    public void ChunkedAnswersAndThoseThatEndWithTheConnectionAreRead()
    {
        string body = Encoding.Latin1.GetString(Good);
        AssertGood(AskOnce(_ => Encoding.Latin1.GetBytes(
            $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{body[..5]}\r\n{body.Length - 5:x}\r\n{body[5..]}\r\n0\r\n\r\n")));
        AssertGood(AskOnce(_ => Encoding.Latin1.GetBytes($"HTTP/1.0 200 OK\r\n\r\n{body}")));
    }

    [Theory]
    [InlineData("zz\r\n")]
    [InlineData("-1\r\n")]
    [InlineData("7fffffff\r\n")]
    [InlineData("ffffffffffffffff\r\n")]
    [InlineData("fffffffffffffffffffffffff\r\n")]
    [InlineData("5;name=\"\r\n")]
    [InlineData("\r\n\r\n")]
    public void AChunkThatLiesAboutItsLengthIsABadAnswer(string chunk) => AssertFails(
        AskOnce(_ => Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}d8:intervali1800e5:peers0:e\r\n0\r\n\r\n")),
        TrackerFailure.BadAnswer, "");

    [Fact]
    public void CompressedAnswersAreInflated()
    {
        AssertGood(AskOnce(_ => ScriptedHttpServer.Response(Compress(Good, s => new GZipStream(s, CompressionLevel.Fastest)), "Content-Encoding: gzip\r\n")));
        AssertGood(AskOnce(_ => ScriptedHttpServer.Response(Compress(Good, s => new ZLibStream(s, CompressionLevel.Fastest)), "Content-Encoding: deflate\r\n")));
        AssertGood(AskOnce(_ => ScriptedHttpServer.Response(Compress(Good, s => new DeflateStream(s, CompressionLevel.Fastest)), "Content-Encoding: deflate\r\n")));
    }

    [Fact]
    public void WhatDoesNotInflateToAMegabyteOrLessIsABadAnswer()
    {
        byte[] bomb = Compress(new byte[50_000_000], s => new GZipStream(s, CompressionLevel.Optimal));
        Assert.True(bomb.Length < 100_000);
        AssertFails(AskOnce(_ => ScriptedHttpServer.Response(bomb, "Content-Encoding: gzip\r\n")), TrackerFailure.BadAnswer, "more than 1,048,576 bytes");
        AssertFails(AskOnce(_ => ScriptedHttpServer.Response(new byte[1_100_000])), TrackerFailure.BadAnswer, "more than 1,048,576 bytes");
        AssertFails(AskOnce(_ => Ok("Content-Encoding: gzip\r\n")), TrackerFailure.BadAnswer, "a compressed answer that is damaged");
        AssertFails(AskOnce(_ => Ok("Content-Encoding: br\r\n")), TrackerFailure.BadAnswer, "encoding that was not asked for");
        AssertFails(AskOnce(_ => ScriptedHttpServer.Response([0x78, 0x20, 1, 2, 3, 4], "Content-Encoding: deflate\r\n")), TrackerFailure.BadAnswer, ""); // to be read with a dictionary
    }

    [Fact]
    public void RedirectsAreFollowedAndKeepTheHash()
    {
        using var server = new ScriptedHttpServer(head => head.Contains("/announce?", StringComparison.Ordinal)
            ? ScriptedHttpServer.Response([], $"Location: /x/announce?{head[(head.IndexOf('?') + 1)..head.IndexOf(" HTTP", StringComparison.Ordinal)]}\r\n", "302 Found")
            : Ok());
        using var other = new ScriptedHttpServer(_ => ScriptedHttpServer.Response([], $"Location: {server.Base}/announce.php?info_hash=%FF%41%2f\r\n", "301 Moved"));
        using var probe = new TrackerProbe();
        AssertGood(probe.Ask(other.Base + "/announce"));
        Assert.StartsWith("GET /announce.php?info_hash=%FF", Assert.Single(server.Requests), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/announce", "more than 5 redirects")]
    [InlineData("/admin", "not a tracker's path")]
    [InlineData("ftp://127.0.0.1/announce", "other than http and https")]
    [InlineData("http://[::1", "no URL")]
    [InlineData("file:///etc/passwd", "other than http and https")]
    public void ARedirectThatLeadsAstrayIsABadAnswer(string location, string reason) =>
        AssertFails(AskOnce(_ => ScriptedHttpServer.Response([], $"Location: {location}\r\n", "302 Found")), TrackerFailure.BadAnswer, reason);

    [Fact]
    public void TheSecretsOfTheFirstHostAreNotSentToTheNext()
    {
        using var server = new ScriptedHttpServer(_ => Ok());
        using var other = new ScriptedHttpServer(_ => ScriptedHttpServer.Response([], $"Location: {server.Base}/announce\r\n", "302 Found"));
        using var probe = new TrackerProbe();
        AssertGood(probe.Ask(other.Base.Replace("http://", "http://me:secret@", StringComparison.Ordinal) + "/announce"));
        Assert.DoesNotContain("Authorization", Assert.Single(server.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public void OnThisMachineOnlyATrackerIsAskedUnlessTheUserTypedItsUrl()
    {
        using var server = new ScriptedHttpServer(_ => Ok());
        using var probe = new TrackerProbe();
        AssertFails(probe.Ask(server.Base + "/reboot"), TrackerFailure.BadAnswer, "not a tracker's path");
        Assert.Empty(server.Requests);
        AssertGood(probe.Ask(server.Base + "/announce/0123456789abcdef"));
        AssertGood(probe.Ask(server.Base + "/reboot", typed: true));
    }

    [Fact]
    public void OtherAnswersHaveTheirReasons()
    {
        AssertFails(AskOnce(_ => ScriptedHttpServer.Response("<html>hi"u8.ToArray())), TrackerFailure.BadAnswer, "a web page");
        AssertFails(AskOnce(_ => ScriptedHttpServer.Response("<html>gone"u8.ToArray(), "", "404 Not Found")), TrackerFailure.BadAnswer, "HTTP 404");
        AssertFails(AskOnce(_ => "\u0016\u0003\u0001 not http at all\r\n\r\n"u8.ToArray()), TrackerFailure.BadAnswer, "an answer that is not HTTP");
        AssertFails(AskOnce(_ => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:inter"u8.ToArray()), TrackerFailure.BadAnswer, "the answer ended early");
        AssertFails(AskOnce(_ => []), TrackerFailure.BadAnswer, "it closed the connection without an answer (is it an https:// address?)");
        TrackerReply busy = AskOnce(_ => ScriptedHttpServer.Response([], "Retry-After: 77\r\n", "503 Service Unavailable"));
        AssertFails(busy, TrackerFailure.BadAnswer, "HTTP 503");
        Assert.Equal(TimeSpan.FromSeconds(77), busy.RetryIn);
    }

    [Theory]
    [InlineData("Retry-After: 9999999", 86400)]
    [InlineData("Date: Wed, 01 Jan 2020 10:00:00 GMT\r\nRetry-After: Wed, 01 Jan 2020 10:02:00 GMT", 120)]
    [InlineData("Retry-After: Wed, 01 Jan 2200 10:02:00 GMT", 86400)]
    [InlineData("Retry-After: soon", null)]
    public void RetryAfterIsSecondsOrADateAndADayAtMost(string header, int? seconds) => Assert.Equal(
        seconds, (int?)AskOnce(_ => ScriptedHttpServer.Response([], header + "\r\n", "429 Too Many Requests")).RetryIn?.TotalSeconds);

    [Fact]
    public async Task ACertificateNobodyVouchesForIsRefused()
    {
        using var key = RSA.Create(2048);
        using X509Certificate2 certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task<Exception?> serving = ServeAsync();
        using var probe = new TrackerProbe();
        AssertFails(probe.Ask($"https://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}/announce"), TrackerFailure.Unreachable, "certificate");
        Assert.NotNull(await serving); // nothing was sent through the tunnel

        async Task<Exception?> ServeAsync()
        {
            using var tls = new SslStream(new NetworkStream(await listener.AcceptSocketAsync(), ownsSocket: true));
            return await Record.ExceptionAsync(async () =>
            {
                await tls.AuthenticateAsServerAsync(certificate);
                Assert.Equal(0, await tls.ReadAsync(new byte[1]));
                throw new IOException("closed");
            });
        }
    }

    [Fact]
    public void NobodyThereIsUnreachable()
    {
        using var probe = new TrackerProbe();
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound but not listening: nobody else can take the port
        AssertFails(probe.Ask($"http://{bound.LocalEndPoint}/announce"), TrackerFailure.Unreachable, "refused");
        AssertFails(probe.Ask("http://no-such-name.invalid/announce"), TrackerFailure.Unreachable, "");
    }

    [Fact]
    public void ASlowTrackerIsGivenUp()
    {
        using var server = new ScriptedHttpServer(async (_, stream, cancel) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\nd8:"u8.ToArray(), cancel);
            await Task.Delay(Timeout.Infinite, cancel);
        });
        using var probe = new TrackerProbe(new TrackerTimeouts { Http = TimeSpan.FromMilliseconds(200) });
        AssertFails(probe.Ask(server.Base + "/announce"), TrackerFailure.Unreachable, "no answer in 0.2 s");
    }

    [Fact]
    public void AScrapeIsSentToItsOwnUrl()
    {
        using var server = new ScriptedHttpServer(_ => ScriptedHttpServer.Response(
            [.. "d5:filesd20:"u8, .. FakeHash, .. "d8:completei5e10:downloadedi6e10:incompletei7eeee"u8]));
        using var probe = new TrackerProbe();
        TrackerReply reply = probe.Ask(server.Base + "/announce", scrape: true);
        Assert.Equal((5, 7, 6), (reply.Seeders, reply.Leechers, reply.Completed));
        Assert.StartsWith("GET /scrape?info_hash=", Assert.Single(server.Requests), StringComparison.Ordinal);
        AssertFails(probe.Ask(server.Base + "/a/announce/x", scrape: true), TrackerFailure.Refused, "no scrape form");
    }

    static byte[] FakeHash => Tracker.FakeTrackers.Self.InfoHash.Bytes.ToArray();

    [Fact]
    public void ShutdownLetsStoppedOutAndCutsTheRest()
    {
        using var hanging = new ScriptedHttpServer((_, _, cancel) => Task.Delay(Timeout.Infinite, cancel));
        using var arrived = new SemaphoreSlim(0);
        using var working = new ScriptedHttpServer(async (_, stream, cancel) =>
        {
            arrived.Release();
            await Task.Delay(100, cancel);
            await stream.WriteAsync(Ok(), cancel);
        });
        using var probe = new TrackerProbe();
        probe.Send(hanging.Base + "/announce");
        probe.Send(working.Base + "/announce", AnnounceEvent.Stopped);
        probe.Transport.Shutdown(TimeSpan.FromSeconds(60));
        Assert.Equal(1, arrived.CurrentCount);
        Assert.Equal(1, probe.RepliesWaiting);
    }

    [Fact]
    public async Task ShutdownDoesNotWaitForAHangingTrackerBeyondItsGrace()
    {
        using var hanging = new ScriptedHttpServer((_, _, cancel) => Task.Delay(Timeout.Infinite, cancel));
        using var probe = new TrackerProbe(new TrackerTimeouts { Http = TimeSpan.FromHours(1) });
        probe.Send(hanging.Base + "/announce", AnnounceEvent.Stopped);
        long start = Stopwatch.GetTimestamp();
        await Task.Run(() => probe.Transport.Shutdown(TimeSpan.FromMilliseconds(300))).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(250));
        probe.Send(hanging.Base + "/announce"); // after the end: nothing happens
        Assert.Equal(0, probe.RepliesWaiting);
    }
}
