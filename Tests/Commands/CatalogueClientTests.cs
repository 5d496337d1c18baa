// Whatever answers in a catalogue's place, a command ends with the exit code that scripts expect and one sentence.
using System.Text;
using TinyTorrent.Commands;
using TinyTorrent.Metainfo;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tests.Net;

namespace TinyTorrent.Tests.Commands;

public class CatalogueClientTests
{
    static readonly MetainfoFile s_metainfo = Published.Metainfo("data");

    static CommandException Fails(byte[] answer, Action<CatalogueClient> ask)
    {
        using var server = new ScriptedHttpServer(_ => answer);
        Assert.True(CatalogueAddress.TryParse(server.Base, out CatalogueAddress? address, out _));
        using var client = new CatalogueClient(address, "secret");
        return Assert.Throws<CommandException>(() => ask(client));
    }

    static byte[] Answer(string status, string body) => ScriptedHttpServer.Response(Encoding.UTF8.GetBytes(body), status: status);

    [Theory]
    [InlineData("200 OK", "hello", 3)]
    [InlineData("200 OK", "{\"entries\":1}", 3)]
    [InlineData("404 Not Found", "", 3)]
    [InlineData("404 Not Found", "<html>nothing here</html>", 3)]
    [InlineData("500 Oops", "[\"error\"]", 3)]
    [InlineData("302 Found", "", 3)] // to nowhere
    [InlineData("400 Bad", "{\"error\":\"kind is audio, video or other\"}", 7)]
    [InlineData("403 No", "{\"error\":\"a passkey is needed\"}", 7)]
    [InlineData("503 Busy", "{\"error\":\"too much is being sent at this moment\"}", 7)]
    public void AListThatDoesNotComeHasItsExitCode(string status, string body, int code) =>
        Assert.Equal(code, (int)Fails(Answer(status, body), client => client.List(new(), default)).Code);

    [Theory]
    [InlineData("400 Bad", "{\"error\":\"not a .torrent: byte 0\"}", "not a .torrent: byte 0")]
    [InlineData("401 Who", "{\"error\":\"publishing here needs a token\"}", "(--token)")]
    [InlineData("403 No", "{\"error\":\"this is not the right token\"}", "this is not the right token")]
    [InlineData("409 Taken", "{\"error\":\"another content has this name\",\"info_hash\":\"00ff\"}", "00ff (--name")]
    [InlineData("413 Large", "{\"error\":\"a .torrent has at most 10,000,000 bytes\"}", "at most")]
    [InlineData("507 Full", "{\"error\":\"the catalogue is full\"}", "the catalogue is full")]
    public void WhatTheTrackerDoesNotTakeIsARefusalInItsWords(string status, string body, string words)
    {
        CommandException refusal = Fails(Answer(status, body), client => client.Publish(s_metainfo, default));
        Assert.Equal(ExitCode.Refused, refusal.Code);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("503 Busy")]
    [InlineData("429 Too Many Requests")]
    public void ATrackerThatAsksForPatienceIsAskedAgain(string status)
    {
        int asked = 0;
        using var server = new ScriptedHttpServer(_ => asked++ < 2
            ? ScriptedHttpServer.Response("{\"error\":\"not now\"}"u8.ToArray(), "Retry-After: 0\r\n", status)
            : ScriptedHttpServer.Response(Published.Torrent("data")));
        Assert.True(CatalogueAddress.TryParse(server.Base, out CatalogueAddress? address, out _));
        using var client = new CatalogueClient(address);
        Assert.Equal("data", client.Fetch(s_metainfo.InfoHash, default)!.Name);
        Assert.Equal(3, asked);
    }

    [Fact]
    public void ARedirectIsFollowedByTheRulesOfTrackersAndTheTokenStaysBehind()
    {
        using var server = new ScriptedHttpServer(head => head.Contains("/there/", StringComparison.Ordinal)
            ? ScriptedHttpServer.Response([]) : ScriptedHttpServer.Response([], $"Location: /there/catalogue\r\n", "307 Elsewhere"));
        Assert.True(CatalogueAddress.TryParse(server.Base, out CatalogueAddress? address, out _));
        using var client = new CatalogueClient(address, "secret");
        client.Publish(s_metainfo, default);
        Assert.Equal(["POST /catalogue ", "POST /there/catalogue "], server.Requests.ConvertAll(head => head[..head.IndexOf("HTTP", StringComparison.Ordinal)]));
        Assert.Equal([true, false], server.Requests.ConvertAll(head => head.Contains("Authorization", StringComparison.Ordinal)));
        Assert.All(server.Requests, head => Assert.Contains("Sec-Fetch-Site: none\r\n", head, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/again", "more than 5 redirects")]
    [InlineData("file:///etc/passwd", "a redirect to something other than http and https")]
    public void ARedirectAgainstTheRulesIsNotFollowed(string location, string rule)
    {
        CommandException failure = Fails(ScriptedHttpServer.Response([], $"Location: {location}\r\n", "302 Found"), client => client.List(new(), default));
        Assert.Equal((ExitCode.NoPeer, true), (failure.Code, failure.Message.EndsWith($"{rule}, which is not followed", StringComparison.Ordinal)));
    }

    [Fact]
    public void PatienceHasAnEnd() =>
        Assert.Equal(ExitCode.Refused, Fails(ScriptedHttpServer.Response("{\"error\":\"not now\"}"u8.ToArray(), "Retry-After: 60\r\n", "503 Busy"), client => client.List(new(), default)).Code);

    [Fact]
    public void ATorrentIsTheOneThatWasAskedForOrNone()
    {
        byte[] other = ScriptedHttpServer.Response(Published.Torrent("data", 1));
        foreach (byte[] answer in (byte[][])[Answer("200 OK", "hello"), other, Answer("500 Oops", "")])
            Assert.Equal(ExitCode.BadInput, Fails(answer, client => client.Fetch(s_metainfo.InfoHash, default)).Code);
    }

    [Fact]
    public void AnAnswerThatIsCutOrNoneIsATrackerThatWentAway()
    {
        Assert.Contains("it closed the connection without an answer", Fails([], client => client.List(new(), default)).Message, StringComparison.Ordinal);
        foreach (string answer in (string[])["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "hello\r\n\r\n"])
            Assert.Equal(ExitCode.NoPeer, Fails(Encoding.ASCII.GetBytes(answer), client => client.List(new(), default)).Code);
    }

    [Fact]
    public void AnAnswerWithoutEndIsNotReadToIt()
    {
        byte[] endless = [.. "HTTP/1.1 200 OK\r\n\r\n"u8, .. new byte[2_500_000]];
        CommandException refusal = Fails(endless, client => client.List(new(), default));
        Assert.Equal((ExitCode.BadInput, true), (refusal.Code, refusal.Message.Contains("more than", StringComparison.Ordinal)));
    }
}
