using System.Buffers;
using System.Text;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public class HttpSessionTests
{
    const string Get = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", Last = "GET /last HTTP/1.1\r\nConnection: Close\r\n\r\n";

    static void Echo(in HttpRequest request, HttpResponse response)
    {
        if (request.Path.SequenceEqual("/none"u8)) response.Status = 404;
        if (request.Path.SequenceEqual("/json"u8)) response.ContentType = "application/json";
        response.Write(request.Path);
        response.Write("|"u8);
        response.Write(request.Query);
    }

    /// <summary>What a connection answers when the bytes come in pieces of the given sizes; a trailing "|closed" says that it ended.</summary>
    static string Talk(string requests, Func<int> pieceSize)
    {
        var session = new HttpSession(Echo, new HttpMemory(0));
        var said = new StringBuilder();
        ReadOnlySpan<byte> rest = Encoding.Latin1.GetBytes(requests);
        while (true)
        {
            bool goesOn = session.Answer(out ReadOnlyMemory<byte> output);
            said.Append(Encoding.Latin1.GetString(output.Span));
            session.Sent();
            if (!goesOn) return said.Append("|closed").ToString();
            if (!output.IsEmpty) continue;
            if (rest.IsEmpty) return said.ToString();
            Span<byte> room = session.ReceiveBuffer.Span;
            int count = Math.Min(Math.Min(pieceSize(), rest.Length), room.Length);
            rest[..count].CopyTo(room);
            rest = rest[count..];
            session.Received(count);
        }
    }

    static string Talk(string requests) => Talk(requests, () => int.MaxValue);

    [Fact]
    public void AnAnswerSaysHowLongItIs() =>
        Assert.Equal("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length:          6\r\n\r\n/a|b=c", Talk(Get));

    [Fact]
    public void HeadGetsTheHeadersOfGet() =>
        Assert.Equal("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length:          6\r\n\r\n", Talk(Get.Replace("GET", "HEAD", StringComparison.Ordinal)));

    [Fact]
    public void StatusAndTypeAreTheHandlersToChoose()
    {
        Assert.Equal("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length:          6\r\n\r\n/none|", Talk("GET /none HTTP/1.1\r\n\r\n"));
        Assert.Contains("Content-Type: application/json\r\nContent-Length:          6\r\n\r\n/json|", Talk("GET /json HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void ABodyThatIsMadeWhileItIsSentStandsBetweenItsHeadAndTheNextAnswer()
    {
        var session = new HttpSession(Stream, new HttpMemory(0));
        byte[] requests = Encoding.ASCII.GetBytes("GET /film HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n");
        requests.CopyTo(session.ReceiveBuffer);
        session.Received(requests.Length);
        Assert.True(session.Answer(out ReadOnlyMemory<byte> output));
        Assert.Equal("HTTP/1.1 206 Partial Content\r\nContent-Type: video/webm\r\nContent-Length: 98765432109\r\n\r\n", Encoding.Latin1.GetString(output.Span));
        Assert.Equal(98_765_432_109, session.Streamed!.Length);
        session.Sent();
        Assert.True(session.Answer(out output));
        Assert.EndsWith("\r\n\r\n/x|", Encoding.Latin1.GetString(output.Span), StringComparison.Ordinal);
        Assert.Null(session.Streamed);

        static void Stream(in HttpRequest request, HttpResponse response)
        {
            if (!request.Path.SequenceEqual("/film"u8)) Echo(request, response);
            else (response.Status, response.ContentType, response.Streamed) = (206, "video/webm", new StreamedBody(98_765_432_109, _ => Task.CompletedTask));
        }
    }

    [Fact]
    public void CuttingTheStreamNeverChangesTheAnswers()
    {
        string requests = string.Concat(Enumerable.Repeat(Get, 40)) + "\r\n" + Get + Last + Get;
        string whole = Talk(requests);
        Assert.Equal(42, whole.Split("HTTP/1.1 200 OK").Length - 1);
        Assert.EndsWith("/last||closed", whole, StringComparison.Ordinal);
        Assert.Equal(whole, Talk(requests, () => 1));
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            Assert.True(whole == Talk(requests, () => random.Next(1, 200)), $"seed {seed}");
        }
    }

    [Fact]
    public void ManyPipelinedRequestsAreAnsweredInPortions()
    {
        string requests = string.Concat(Enumerable.Range(0, 5000).Select(i => $"GET /{i} HTTP/1.1\r\n\r\n"));
        string answers = Talk(requests);
        Assert.Equal(5000, answers.Split("HTTP/1.1 200 OK").Length - 1);
        Assert.EndsWith("/4999|", answers, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\n\r\n", 200)]
    [InlineData("\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200)]
    [InlineData("nonsense\r\n\r\n", 400)]
    [InlineData("GET /\r\n\r\n", 400)]
    [InlineData("GET  HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /a b HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /\u00ff HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /\0 HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET http://x/ HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / FTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413)]
    [InlineData("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: \r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: tea\r\n\r\nx", 417)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\n\r\n", 411)]
    [InlineData("DELETE / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 413)]
    [InlineData("PUT / HTTP/1.1\r\n\r\n", 405)]
    [InlineData("get / HTTP/1.1\r\n\r\n", 405)]
    [InlineData("GET / HTTP/2.0\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.10\r\n\r\n", 505)]
    public void WhatIsNotAPlainRequestEndsTheConnectionWithItsStatus(string request, int status)
    {
        string answer = Talk(request + Get);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("|closed", answer, StringComparison.Ordinal);
        Assert.Equal(1, answer.Split("HTTP/1.1 ").Length - 1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(int.MaxValue)]
    public void ARequestWithoutEndIsCutOffAtEightKilobytes(int piece)
    {
        Assert.StartsWith("HTTP/1.1 414 ", Talk("GET /" + new string('a', 9000), () => piece), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 431 ", Talk("GET / HTTP/1.1\r\nA: " + new string('a', 9000), () => piece), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", Talk("GET /" + new string('a', 8000) + " HTTP/1.1\r\n\r\n", () => piece), StringComparison.Ordinal);
    }

    [Fact]
    public void RandomBytesAreAnsweredOrAwaitedButNeverThrow()
    {
        var random = new Random(4);
        for (int round = 0; round < 20_000; round++)
        {
            char[] bytes = (Get + Last).ToCharArray();
            for (int change = random.Next(1, 8); change > 0; change--) bytes[random.Next(bytes.Length)] = (char)random.Next(256);
            Talk(new string(bytes));
        }
    }

    [Fact]
    public void AKeptConnectionAllocatesNothingPerRequest()
    {
        var session = new HttpSession(Echo, new HttpMemory(0));
        byte[] request = Encoding.ASCII.GetBytes(Get);
        void Round()
        {
            for (int i = 0; i < 1000; i++)
            {
                request.CopyTo(session.ReceiveBuffer);
                session.Received(request.Length);
                session.Answer(out _);
                session.Sent();
            }
        }
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
