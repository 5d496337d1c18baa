using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public partial class HttpSessionTests
{
    const string Get = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", Last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n";

    static void Echo(in HttpRequest request, HttpResponse response)
    {
        if (request.Path.SequenceEqual("/none"u8)) response.Status = 404;
        if (request.Path.SequenceEqual("/json"u8)) response.ContentType = "application/json";
        response.Write(request.Path);
        response.Write("|"u8);
        response.Write(request.Query);
    }

    /// <summary>Answers without the one line that differs from second to second.</summary>
    internal static string WithoutDates(string answers) => Dates().Replace(answers, "");

    [GeneratedRegex("\r\nDate: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT")]
    private static partial Regex Dates();

    /// <summary>What a connection answers when the bytes come in pieces of the given sizes; a trailing "|closed" says that it ended.</summary>
    static string Talk(string requests, Func<int> pieceSize) => Talk(Echo, requests, pieceSize);

    static string Talk(HttpHandler handler, string requests, Func<int>? pieceSize = null)
    {
        var session = new HttpSession(handler, new HttpMemory(0));
        var said = new StringBuilder();
        ReadOnlySpan<byte> rest = Encoding.Latin1.GetBytes(requests);
        while (true)
        {
            bool goesOn = session.Answer(out ReadOnlyMemory<byte> output);
            said.Append(Encoding.Latin1.GetString(output.Span));
            session.Sent();
            if (!goesOn) return WithoutDates(said.Append("|closed").ToString());
            if (!output.IsEmpty) continue;
            if (rest.IsEmpty) return WithoutDates(said.ToString());
            Span<byte> room = session.ReceiveBuffer.Span;
            int count = Math.Min(Math.Min(pieceSize?.Invoke() ?? int.MaxValue, rest.Length), room.Length);
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
        Assert.Equal("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length:          6\r\n\r\n/none|", Talk("GET /none HTTP/1.1\r\nHost: x\r\n\r\n"));
        Assert.Contains("Content-Type: application/json\r\nContent-Length:          6\r\n\r\n/json|", Talk("GET /json HTTP/1.1\r\nHost: x\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void ABodyThatIsMadeWhileItIsSentStandsBetweenItsHeadAndTheNextAnswer()
    {
        var session = new HttpSession(Stream, new HttpMemory(0));
        byte[] requests = Encoding.ASCII.GetBytes("GET /film HTTP/1.1\r\nHost: x\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n");
        requests.CopyTo(session.ReceiveBuffer);
        session.Received(requests.Length);
        Assert.True(session.Answer(out ReadOnlyMemory<byte> output));
        Assert.Equal("HTTP/1.1 206 Partial Content\r\nContent-Type: video/webm\r\nContent-Length: 98765432109\r\n\r\n", WithoutDates(Encoding.Latin1.GetString(output.Span)));
        Assert.Equal(98_765_432_109, session.Streamed!.Length);
        session.Sent();
        Assert.True(session.Answer(out output));
        Assert.EndsWith("\r\n\r\n/x|", Encoding.Latin1.GetString(output.Span), StringComparison.Ordinal);
        Assert.Null(session.Streamed);

        static void Stream(in HttpRequest request, HttpResponse response)
        {
            if (!request.Path.SequenceEqual("/film"u8)) Echo(request, response);
            else (response.Status, response.ContentType, response.Streamed) = (206, "video/webm", new StreamedBody(98_765_432_109, (_, _) => Task.CompletedTask));
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
        string requests = string.Concat(Enumerable.Range(0, 5000).Select(i => $"GET /{i} HTTP/1.1\r\nHost: x\r\n\r\n"));
        string answers = Talk(requests);
        Assert.Equal(5000, answers.Split("HTTP/1.1 200 OK").Length - 1);
        Assert.EndsWith("/4999|", answers, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\n\r\n", 200)]
    [InlineData("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200)]
    [InlineData("nonsense\r\n\r\n", 400)]
    [InlineData("GET /\r\n\r\n", 400)]
    [InlineData("GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /\u00ff HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET http://x/ HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n(x)@: 1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nX Y: 1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\nHost: x\n\n", 400)]
    [InlineData("GET / HTTP/1.1\nHost: x", 400)]
    [InlineData("\u0016\u0003\u0001 x HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.x\r\nHost: x\r\n\r\n", 505)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4,4\r\n\r\nabcd", 400)]
    [InlineData("GET / FTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: tea\r\n\r\nx", 417)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\n\r\nx", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\n\r\n", 411)]
    [InlineData("DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 413)]
    [InlineData("PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405)]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405)]
    [InlineData("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405)]
    [InlineData("get / HTTP/1.1\r\nHost: x\r\n\r\n", 501)]
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
    [InlineData("close", true)]
    [InlineData("close, te", true)]
    [InlineData("keep-alive,\tClose ", true)]
    [InlineData("TE\r\nConnection: ,close", true)]
    [InlineData("keep-alive", false)]
    [InlineData("closer, Upgrade", false)]
    public void AnyWordOfTheConnectionHeaderMayEndIt(string connection, bool closed) =>
        Assert.Equal(closed, Talk($"GET / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n").EndsWith("|closed", StringComparison.Ordinal));

    [Fact]
    public void AWholeUrlIsATargetAndItsHostCounts()
    {
        static string Answer(string target) => Talk(TellHost, $"GET {target} HTTP/1.1\r\nHost: other\r\n\r\n");
        Assert.EndsWith("\r\n\r\nx:80 /a b=http://c", Answer("http://x:80/a?b=http://c"), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nx / ", Answer("HTTPS://x"), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n[::1]:6969 /a ", Answer("http://[::1]:6969/a"), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nother /http://x/ ", Answer("/http://x/"), StringComparison.Ordinal);

        static void TellHost(in HttpRequest request, HttpResponse response)
        {
            response.Write(request.Headers.Host);
            response.Write(" "u8);
            response.Write(request.Path);
            response.Write(" "u8);
            response.Write(request.Query);
        }
    }

    [Fact]
    public void EveryAnswerHasADate()
    {
        string answers = "";
        var session = new HttpSession(Echo, new HttpMemory(0));
        byte[] requests = Encoding.ASCII.GetBytes(Get + "GET /json HTTP/1.1\r\nHost: x\r\n\r\nPUT / HTTP/1.1\r\nHost: x\r\n\r\n");
        requests.CopyTo(session.ReceiveBuffer);
        session.Received(requests.Length);
        session.Answer(out ReadOnlyMemory<byte> output);
        answers = Encoding.ASCII.GetString(output.Span);
        string[] dates = [.. answers.Split("\r\n").Where(line => line.StartsWith("Date: ", StringComparison.Ordinal))];
        Assert.Equal(3, dates.Length);
        foreach (string date in dates)
            Assert.InRange(DateTimeOffset.UtcNow - DateTimeOffset.ParseExact(date[6..], "R", System.Globalization.CultureInfo.InvariantCulture), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void EmptyLinesCountAndAreNotKept()
    {
        var session = new HttpSession(Echo, new HttpMemory(0));
        int sent = 0;
        while (session.Answer(out ReadOnlyMemory<byte> output) && sent < 1_000_000)
        {
            Assert.True(output.IsEmpty);
            Assert.InRange(session.ReceiveBuffer.Length, 1, 2 * HttpRequest.MaxSize);
            Span<byte> room = session.ReceiveBuffer.Span;
            for (int i = 0; i < room.Length; i++) room[i] = sent++ % 2 == 0 ? (byte)'\r' : (byte)'\n';
            session.Received(room.Length);
        }
        Assert.InRange(sent, HttpRequest.MaxSize, 3 * HttpRequest.MaxSize);
        string few = string.Concat(Enumerable.Repeat("\r\n", 1000));
        for (int piece = 1; piece < 4; piece++)
        {
            int size = piece;
            Assert.Equal(Talk(Get + Get + Last), Talk(few + Get + few + Get + few + Last, () => size));
        }
    }

    [Fact]
    public void AStoredBodyIsSentInPortionsBetweenItsHeadAndTheNextAnswer()
    {
        byte[] bytes = new byte[200_000];
        Random.Shared.NextBytes(bytes);
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, bytes);
            foreach (string path in (string[])["/kept", "/file"])
            {
                string said = Talk(Store, $"GET {path} HTTP/1.1\r\nHost: x\r\n\r\nHEAD {path} HTTP/1.1\r\nHost: x\r\n\r\nGET /empty HTTP/1.1\r\nHost: x\r\n\r\n{Get}{Last}");
                const string Head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 200000\r\n\r\n";
                Assert.StartsWith(Head + Encoding.Latin1.GetString(bytes) + Head + "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK", said, StringComparison.Ordinal);
                Assert.EndsWith("/last||closed", said, StringComparison.Ordinal);
                Assert.EndsWith(Encoding.Latin1.GetString(bytes[^1000..]) + "|closed", Talk(Store, $"GET {path} HTTP/1.0\r\n\r\n{Get}"), StringComparison.Ordinal);
            }
        }
        finally
        {
            File.Delete(file);
        }

        void Store(in HttpRequest request, HttpResponse response)
        {
            if (request.Path.SequenceEqual("/kept"u8)) response.Stored = new StoredBody(bytes);
            else if (request.Path.SequenceEqual("/file"u8)) response.Stored = new StoredBody(File.OpenHandle(file));
            else if (request.Path.SequenceEqual("/empty"u8)) response.Stored = new StoredBody(default(ReadOnlyMemory<byte>));
            else Echo(request, response);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(int.MaxValue)]
    public void ARequestWithoutEndIsCutOffAtEightKilobytes(int piece)
    {
        Assert.StartsWith("HTTP/1.1 414 ", Talk("GET /" + new string('a', 9000), () => piece), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 431 ", Talk("GET / HTTP/1.1\r\nHost: x\r\nA: " + new string('a', 9000), () => piece), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", Talk("GET /" + new string('a', 8000) + " HTTP/1.1\r\nHost: x\r\n\r\n", () => piece), StringComparison.Ordinal);
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
        long[] allocated = new long[5]; // the date is written anew in one of them, perhaps
        for (int round = 0; round < allocated.Length; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Round();
            allocated[round] = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated.Min());
    }
}
