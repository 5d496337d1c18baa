// Requests with bodies, as a session sees them: asked for first, collected in any pieces, bounded over all connections.
using System.Buffers;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class HttpBodyTests
{
    const int MiB = 1024 * 1024;

    readonly HttpMemory _memory = new(8 * MiB);

    /// <summary>Takes bodies at /in only, and answers with their length and their last byte.</summary>
    static void Take(in HttpRequest request, HttpResponse response)
    {
        if (request.Method != HttpVerb.Post || !request.Path.SequenceEqual("/in"u8)) response.Status = 404;
        else if (!request.IsWhole) response.WantsBody = true;
        else response.Write(Encoding.ASCII.GetBytes($"{request.Body.Length}:{(request.Body.IsEmpty ? "" : (char)request.Body[^1])}"));
    }

    static byte[] Post(string path, int length, string headers = "") =>
        [.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n"), .. Enumerable.Repeat((byte)'b', Math.Max(0, length - 1)), .. length > 0 ? "e"u8 : ""u8];

    static (string Said, bool Goes) Talk(HttpSession session, ReadOnlySpan<byte> rest, Func<int> pieceSize)
    {
        var said = new StringBuilder();
        while (true)
        {
            bool goesOn = session.Answer(out ReadOnlyMemory<byte> output);
            said.Append(Encoding.Latin1.GetString(output.Span));
            session.Sent();
            if (!goesOn) return (HttpSessionTests.WithoutDates(said.ToString()), false);
            if (!output.IsEmpty) continue;
            if (rest.IsEmpty) return (HttpSessionTests.WithoutDates(said.ToString()), true);
            Span<byte> room = session.ReceiveBuffer.Span;
            int count = Math.Min(Math.Min(pieceSize(), rest.Length), room.Length);
            rest[..count].CopyTo(room);
            rest = rest[count..];
            session.Received(count);
        }
    }

    string Talk(ReadOnlySpan<byte> requests, Func<int>? pieceSize = null) => Talk(new HttpSession(Take, _memory), requests, pieceSize ?? (() => int.MaxValue)).Said;

    static int Answers(string said, string body) => said.Split($"\r\n\r\n{body}").Length - 1;

    [Fact]
    public void CuttingTheStreamNeverChangesTheAnswersAndRequestsBehindABodyAreAnswered()
    {
        byte[] requests = [.. Post("/in", 5), .. Post("/in", 0), .. Post("/in", 100_000), .. Post("/in", 20_000), .. "GET /last HTTP/1.0\r\n\r\n"u8];
        string whole = Talk(requests);
        Assert.Equal((1, 1, 1, 1), (Answers(whole, "5:e"), Answers(whole, "0:"), Answers(whole, "100000:e"), Answers(whole, "20000:e")));
        Assert.Contains("HTTP/1.1 404", whole, StringComparison.Ordinal);
        Assert.Equal(whole, Talk(requests, () => 1));
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            Assert.True(whole == Talk(requests, () => random.Next(1, 40_000)), $"seed {seed}");
        }
    }

    [Fact]
    public void WhoWaitsForAWordGetsItOnlyIfTheBodyIsWanted()
    {
        byte[] wanted = Post("/in", 2000, "Expect: 100-Continue\r\n"), unwanted = Post("/out", 2000, "Expect: 100-continue\r\n");
        var session = new HttpSession(Take, _memory);
        Assert.Equal(("HTTP/1.1 100 Continue\r\n\r\n", true), Talk(session, wanted.AsSpan(..^2000), () => int.MaxValue));
        Assert.True(session.IsWithinRequest);
        Assert.True(session.BeginsBody(out int length));
        Assert.Equal((2000, false), (length, session.BeginsBody(out _)));
        Assert.EndsWith("2000:e", Talk(session, wanted.AsSpan(^2000..), () => int.MaxValue).Said, StringComparison.Ordinal);
        Assert.False(session.IsWithinRequest);

        (string said, bool goes) = Talk(session, unwanted.AsSpan(..^2000), () => int.MaxValue);
        Assert.False(goes);
        Assert.StartsWith("HTTP/1.1 404", said, StringComparison.Ordinal);
        Assert.Contains("Connection: close", said, StringComparison.Ordinal);
        Assert.True(session.IsWithinRequest); // the client may be sending: closing at once would reset the answer away
    }

    [Fact]
    public void ABodyNobodyWantedIsNotReadAsARequest() =>
        Assert.Equal(1, Talk([.. "POST /out HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n"u8, .. "GET /secret HTTP/1.1\r\nHost: x\r\n\r\n"u8]).Split("HTTP/1.1 ").Length - 1);

    [Fact]
    public void BodiesShareOneMemoryWhichIsGivenBack()
    {
        for (byte round = 0; round < 4; round++)
        {
            HttpSession first = From(1), second = From(2);
            Assert.Equal("", Talk(first, Post("/in", 2 * MiB).AsSpan(..^1), () => 60_000).Said);
            Assert.StartsWith("HTTP/1.1 503 ", Talk(From(1), Post("/in", 2 * MiB), () => 60_000).Said, StringComparison.Ordinal); // one address has half
            Assert.Equal("", Talk(second, Post("/in", 2 * MiB).AsSpan(..^1), () => 60_000).Said);
            Assert.Contains("\r\nRetry-After: ", Talk(From(3), Post("/in", 2 * MiB), () => 60_000).Said, StringComparison.Ordinal); // what is large has three quarters
            Assert.EndsWith("40000:e", Talk(From(3), Post("/in", 40_000), () => 60_000).Said, StringComparison.Ordinal);
            Assert.EndsWith("300000:e", Talk(From(3), Post("/in", 300_000), () => 60_000).Said, StringComparison.Ordinal);
            if (round % 2 == 0) Assert.EndsWith($"{2 * MiB}:e", Talk(first, "e"u8, () => 1).Said, StringComparison.Ordinal);
            first.End();
            second.End();
            Assert.Equal(0, _memory.Taken);
        }

        HttpSession From(byte client)
        {
            var session = new HttpSession(Take, _memory);
            session.Begin(PeerAddress.From([198, 51, 100, client]));
            return session;
        }
    }

    [Fact]
    public void LengthsNobodyCanMeanAreTooLargeAndNotAnOverflow()
    {
        static void Refuse(in HttpRequest request, HttpResponse response) => response.Status = request.BodyLength == int.MaxValue ? 413 : 500;
        foreach (string length in (string[])["9999999999", "18446744073709551617", new string('9', 4000)])
            Assert.StartsWith("HTTP/1.1 413", Talk(new HttpSession(Refuse, _memory), Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nabc"), () => 7).Said, StringComparison.Ordinal);
    }
}
