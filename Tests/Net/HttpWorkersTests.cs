// Answers that take long are made on workers: who waits for one holds up nobody else, addresses take turns, and a fault costs
// one connection.
using System.Collections.Concurrent;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class HttpWorkersTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>Answers /slow... when it is let go, on a worker; everything else at once, with "body|new".</summary>
    sealed class Gate : IDisposable
    {
        public SemaphoreSlim Begun { get; } = new(0);
        public SemaphoreSlim MayEnd { get; } = new(0);
        public ConcurrentBag<bool> New { get; } = [];

        public void Answer(in HttpRequest request, HttpResponse response)
        {
            New.Add(request.IsNew);
            if (request.Path.StartsWith("/fault"u8)) throw new InvalidOperationException("a fault");
            if (request.BodyLength > 0 && !request.IsWhole)
            {
                response.WantsBody = true;
                return;
            }
            if (request.Path.StartsWith("/slow"u8))
            {
                if (response.Defer()) return;
                Begun.Release();
                Assert.True(MayEnd.Wait(s_patience));
                if (request.Path.EndsWith("fault"u8)) throw new OperationCanceledException("a slow fault");
            }
            System.Buffers.BuffersExtensions.Write(response, request.Path);
            System.Buffers.BuffersExtensions.Write(response, request.Body);
        }

        public void Dispose()
        {
            Begun.Dispose();
            MayEnd.Dispose();
        }
    }

    static string Bodies(string answers) => string.Join(' ', answers.Split("HTTP/1.1 ").Skip(1).Select(answer => answer.Split("\r\n\r\n", 2)[1]));

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void OthersAreAnsweredWhileOneIsWorkedOnAndItsOwnAnswersKeepTheirOrder(Way way)
    {
        using var gate = new Gate();
        using var door = new HandlerDoor(way, gate.Answer);
        using Stream waiting = door.Dial();
        waiting.Write([.. HandlerDoor.Request("/1"), .. HandlerDoor.Request("/slow"), .. HandlerDoor.Request("/2"), .. HandlerDoor.Request("/slow"), .. HandlerDoor.Request("/3", "Connection: close\r\n")]);
        Assert.True(gate.Begun.Wait(s_patience));
        for (int i = 0; i < 20; i++) Assert.EndsWith("\r\n\r\n/quick", door.Get("/quick"), StringComparison.Ordinal);
        gate.MayEnd.Release(2);
        Assert.Equal("/1 /slow /2 /slow /3", Bodies(TrackerDoor.ReadToEnd(waiting)));
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void ABodyIsThereWhenItsRequestIsWorkedOnAndOnlyTheFirstCallIsNew(Way way)
    {
        using var gate = new Gate();
        using var door = new HandlerDoor(way, gate.Answer);
        using Stream stream = door.Dial();
        string body = new('b', 100_000);
        stream.Write(HandlerDoor.Request("/slow", $"Content-Length: {body.Length}\r\nConnection: close\r\n", "POST"));
        stream.Write(Encoding.ASCII.GetBytes(body));
        gate.MayEnd.Release();
        Assert.Equal("/slow" + body, Bodies(TrackerDoor.ReadToEnd(stream)));
        Assert.Equal([false, false, true], gate.New.Order());
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void PastTheLimitOfThoseThatWaitOneIsRefused(Way way)
    {
        using var gate = new Gate();
        using var door = new HandlerDoor(way, gate.Answer, places: 1);
        using Stream worked = door.Dial(), waiting = door.Dial();
        worked.Write(HandlerDoor.Request("/slow"));
        Assert.True(gate.Begun.Wait(s_patience)); // it waits no more
        waiting.Write(HandlerDoor.Request("/slow"));
        while (door.Workers.Waiting == 0) Thread.Yield();
        Assert.StartsWith("HTTP/1.1 503 ", door.Get("/slow"), StringComparison.Ordinal);
        Assert.EndsWith("/quick", door.Get("/quick"), StringComparison.Ordinal);
        gate.MayEnd.Release(2);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public void AFaultCostsOneConnection(Way way)
    {
        using var gate = new Gate();
        gate.MayEnd.Release(2);
        using var door = new HandlerDoor(way, gate.Answer);
        foreach (string path in (string[])["/fault", "/slow/fault"])
        {
            using Stream stream = door.Dial();
            stream.Write([.. HandlerDoor.Request("/1"), .. HandlerDoor.Request(path), .. HandlerDoor.Request("/2")]);
            string answers = TrackerDoor.ReadToEnd(stream);
            Assert.Equal(3, answers.Split("HTTP/1.1 ").Length);
            Assert.Contains("HTTP/1.1 500 ", answers, StringComparison.Ordinal);
            Assert.EndsWith("/quick", door.Get("/quick"), StringComparison.Ordinal);
        }
        Assert.Equal(["a fault", "a slow fault"], door.Faults);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Fast)]
    [InlineData(Way.Tls)]
    public async Task TheEndWaitsForWhatIsWorkedOn(Way way)
    {
        using var gate = new Gate();
        var door = new HandlerDoor(way, gate.Answer, new HttpLimits { Farewell = TimeSpan.FromMilliseconds(1) });
        using Stream worked = door.Dial();
        worked.Write(HandlerDoor.Request("/slow"));
        Assert.True(gate.Begun.Wait(s_patience));
        Task ended = Task.Run(door.Dispose);
        Assert.NotSame(ended, await Task.WhenAny(ended, Task.Delay(50)));
        gate.MayEnd.Release();
        await ended.WaitAsync(s_patience);
    }

    [Fact]
    public void ForAClientThatIsGoneNothingIsBegun()
    {
        if (!EpollHttpServer.IsSupported) return;
        using var gate = new Gate();
        using var door = new HandlerDoor(Way.Fast, gate.Answer);
        for (int i = 0; i < 2; i++)
        {
            using Stream stream = door.Dial(out System.Net.Sockets.Socket socket);
            stream.Write(HandlerDoor.Request("/slow"));
            if (i == 0) Assert.True(gate.Begun.Wait(s_patience));
            else while (door.Workers.Waiting == 0) Thread.Yield();
            socket.Close(0); // a reset
        }
        Assert.EndsWith("/quick", door.Get("/quick"), StringComparison.Ordinal); // the one thread has heard of both
        gate.MayEnd.Release();
        while (door.Workers.Waiting > 0) Thread.Yield();
        gate.MayEnd.Release();
        Assert.EndsWith("/slow", door.Get("/slow"), StringComparison.Ordinal);
        Assert.True(gate.Begun.Wait(0)); // that one
        Assert.False(gate.Begun.Wait(0));
        Assert.Empty(door.Faults);
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Tls)]
    public async Task ABodyThatIsStillToComeEndsWithItsClient(Way way)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var door = new HandlerDoor(way, Stream);
        using (Stream player = door.Dial())
        {
            player.Write(HandlerDoor.Request("/film"));
            await begun.Task.WaitAsync(s_patience);
        }
        await ended.Task.WaitAsync(s_patience);
        Assert.Empty(door.Faults);

        void Stream(in HttpRequest request, HttpResponse response) => response.Streamed = new StreamedBody(1000, async (_, gone) =>
        {
            begun.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, gone);
            }
            finally
            {
                ended.SetResult();
            }
        });
    }

    [Theory]
    [InlineData(Way.Portable)]
    [InlineData(Way.Tls)]
    public void WhatIsAskedWhileABodyIsMadeIsAnsweredBehindIt(Way way)
    {
        using var goOn = new SemaphoreSlim(0);
        using var door = new HandlerDoor(way, Stream);
        using Stream client = door.Dial();
        client.Write(HandlerDoor.Request("/film"));
        while (client.ReadByte() != 'x') { } // a part of it
        client.Write([.. HandlerDoor.Request("/1"), .. HandlerDoor.Request("/2", "Connection: close\r\n")]);
        goOn.Release();
        Assert.Equal("/1 /2", Bodies(TrackerDoor.ReadToEnd(client)));

        void Stream(in HttpRequest request, HttpResponse response)
        {
            if (!request.Path.SequenceEqual("/film"u8)) System.Buffers.BuffersExtensions.Write(response, request.Path);
            else response.Streamed = new StreamedBody(2, async (output, gone) =>
            {
                await output.WriteAsync("\0x"u8.ToArray().AsMemory(1, 1), gone);
                await output.FlushAsync(gone);
                await goOn.WaitAsync(gone);
                await output.WriteAsync("y"u8.ToArray(), gone);
            });
        }
    }

    [Fact]
    public void AddressesTakeTurns()
    {
        var order = new ConcurrentQueue<string>();
        using var goOn = new SemaphoreSlim(0);
        using var begun = new SemaphoreSlim(0);
        using (var workers = new HttpWorkers(1, places: 100))
        {
            PeerAddress one = PeerAddress.From([198, 51, 100, 1]), other = PeerAddress.From([198, 51, 100, 2]);
            Assert.True(workers.TryAdd(one, () =>
            {
                begun.Release();
                goOn.Wait(s_patience);
            }));
            Assert.True(begun.Wait(s_patience));
            int taken = 0;
            while (workers.TryAdd(one, () => order.Enqueue("one"))) taken++;
            Assert.Equal(25, taken); // a quarter of the places
            Assert.True(workers.TryAdd(other, () => order.Enqueue("other")));
            Assert.True(workers.TryAdd(other, () => order.Enqueue("other")));
            goOn.Release();
        }
        Assert.Equal(["one", "other", "one", "other", "one"], order.Take(5));
        Assert.Equal(27, order.Count);
    }

    [Fact]
    public void AServerWithoutWorkersAnswersAtOnce()
    {
        var session = new HttpSession((in _, response) => System.Buffers.BuffersExtensions.Write(response, response.Defer() ? "later"u8 : "now"u8), new HttpMemory(0));
        byte[] request = HandlerDoor.Request("/");
        request.CopyTo(session.ReceiveBuffer);
        session.Received(request.Length);
        session.Answer(out ReadOnlyMemory<byte> output);
        Assert.EndsWith("\r\n\r\nnow", Encoding.Latin1.GetString(output.Span), StringComparison.Ordinal);
    }
}
