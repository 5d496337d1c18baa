using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Net;

/// <summary>
/// Both engines against peers that behave badly, over loopback. Whatever such a peer does, others are served, its
/// connection ends with it, nothing is recorded as a fault of ours, and shutting down does not wait for it.
/// </summary>
public class DriverTests
{
    /// <summary>The engines; the asynchronous one with what the system has best to watch its sockets, and with the framework's own.</summary>
    public enum Way { Async, Portable, Sync }

    const int KiB = 1024, PieceLength = 64 * KiB;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    static readonly Geometry s_geometry = new(3_000_001, PieceLength);
    static readonly byte[] s_content = RandomBytes((int)s_geometry.TotalLength, seed: 1);
    static readonly byte[][] s_hashes = [.. s_content.Chunk(PieceLength).Select(SHA1.HashData)];

    static byte[] RandomBytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A torrent in memory behind a listener, run by one of the two drivers.</summary>
    sealed class Client : IDisk, IAsyncDisposable
    {
        readonly byte[] _content;
        readonly Clock _clock = new();
        readonly IReadiness _readiness;
        readonly DiskQueue _queue = new(1);
        readonly IPeerDriver _driver;
        readonly PeerListener _listener = PeerListener.Open(IPAddress.Loopback, 0);
        readonly CancellationTokenSource _stop = new();
        readonly Task _listening, _beating;
        readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Client(Way way, bool complete, long? limitUp = null, TimeSpan? handshakeTime = null)
        {
            _readiness = way == Way.Portable ? new PortableReadiness() : IReadiness.Create();
            RateLimiter down = new(null), up = new(limitUp);
            _driver = way == Way.Sync ? new SyncDriver(_clock, down, up) : new AsyncDriver(_clock, _readiness, _queue, down, up);
            Connections = new Connections(_driver, _clock, 50, handshakeTime);
            var picker = new PiecePicker(s_geometry, new Random(1));
            if (complete) for (int i = 0; i < s_geometry.PieceCount; i++) picker.MarkHave(i);
            _content = complete ? s_content : new byte[s_content.Length];
            Torrent = new Torrent(default, s_geometry, picker, this, PeerId.Create(new Random()), 0, new Random(1));
            Torrent.Completed += _completed.SetResult;
            _listening = _listener.RunAsync(
                s => Connections.TryStart(s, new PeerSession((PeerSession p, in Handshake h) => Torrent.Admit(p, h, (IPEndPoint)s.RemoteEndPoint!, dialled: false, _clock.Now))), _stop.Token);
            _beating = BeatAsync();
        }

        public Connections Connections { get; }
        public Torrent Torrent { get; }
        public int Port => _listener.Port;

        async Task BeatAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                Connections.Tick();
                Torrent.Tick(_clock.Now);
                await Task.Delay(50);
            }
        }

        public bool Write(long offset, ReadOnlySpan<ReadOnlyMemory<byte>> buffers)
        {
            foreach (ReadOnlyMemory<byte> buffer in buffers)
            {
                buffer.Span.CopyTo(_content.AsSpan((int)offset));
                offset += buffer.Length;
            }
            return true;
        }

        public bool Read(long offset, ReadOnlySpan<Memory<byte>> buffers)
        {
            foreach (Memory<byte> buffer in buffers)
            {
                _content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
                offset += buffer.Length;
            }
            return true;
        }

        public void Verify(int piece) => Torrent.OnPieceHashed(piece,
            SHA1.HashData(_content.AsSpan((int)s_geometry.OffsetOf(piece), s_geometry.LengthOf(piece))).AsSpan().SequenceEqual(s_hashes[piece]), _clock.Now);

        public byte[]? HashBlocks(int piece) => throw new InvalidOperationException("no piece has failed");

        /// <summary>Connects to another client, and comes back if that is refused.</summary>
        public async Task DialAsync(int port)
        {
            var address = new IPEndPoint(IPAddress.Loopback, port);
            Socket socket = await _driver.ConnectAsync(address, CancellationToken.None);
            var session = new PeerSession((PeerSession p, in Handshake h) => Torrent.Admit(p, h, address, dialled: true, _clock.Now));
            session.Outbox.SendHandshake(Torrent.Hello);
            Assert.True(Connections.TryStart(socket, session));
        }

        public async Task CompleteAsync()
        {
            await _completed.Task.WaitAsync(s_patience);
            Assert.Equal(s_content, _content);
        }

        public async Task EmptyAsync()
        {
            for (var since = Stopwatch.StartNew(); Connections.Count > 0; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience, "a connection stays");
            Assert.Equal(0, Torrent.Stats.Peers);
        }

        public async ValueTask DisposeAsync()
        {
            if (_stop.IsCancellationRequested) return;
            await _stop.CancelAsync();
            _listener.Dispose();
            Task stopping = Connections.StopAsync(TimeSpan.FromMilliseconds(300));
            await Task.WhenAll(_listening, _beating, stopping).WaitAsync(TimeSpan.FromSeconds(20));
            await EmptyAsync();
            _queue.Dispose();
            _readiness.Dispose();
            Assert.Null(Connections.Fault);
        }
    }

    /// <summary>A well-behaved downloader with the other engine gets everything from the client under test.</summary>
    static async Task AssertServesAsync(Client seed, Way way)
    {
        await using var getter = new Client(way == Way.Sync ? Way.Async : Way.Sync, complete: false);
        await getter.DialAsync(seed.Port);
        await getter.CompleteAsync();
    }

    static async Task AssertDownloadsAsync(Client getter, Way way)
    {
        await using var seed = new Client(way == Way.Sync ? Way.Async : Way.Sync, complete: true);
        await getter.DialAsync(seed.Port);
        await getter.CompleteAsync();
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task AHandshakeMayComeByteByByteAndABlockIsServed(Way way)
    {
        await using var seed = new Client(way, complete: true);
        using (var raw = new RawPeer(seed.Port))
        {
            byte[] hello = RawPeer.Hello();
            foreach (byte b in hello[..^1]) raw.Socket.Send([b]);
            Assert.False(raw.Socket.Poll(50_000, SelectMode.SelectRead));
            raw.Socket.Send(hello[^1..]);
            Assert.Equal(Handshake.Size, raw.Socket.Receive(new byte[Handshake.Size]));
            raw.Send(MessageId.Interested);
            raw.Await(MessageId.Unchoke);
            raw.Send(MessageId.Request, new BlockRef(2, 16 * KiB, 100));
            Assert.Equal(s_content.AsSpan(2 * PieceLength + 16 * KiB, 100), raw.Await(MessageId.Piece).Body.AsSpan(8));
        }
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory]
    [InlineData(Way.Async, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData(Way.Portable, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData(Way.Sync, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData(Way.Async, "\u0016\u0003\u0001")]
    [InlineData(Way.Portable, "\u0016\u0003\u0001")]
    [InlineData(Way.Sync, "\u0016\u0003\u0001")]
    public async Task AnotherProtocolIsHungUpOn(Way way, string hello)
    {
        await using var seed = new Client(way, complete: true);
        using var raw = new RawPeer(seed.Port);
        raw.Socket.Send(System.Text.Encoding.Latin1.GetBytes(hello));
        raw.AwaitEnd();
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory]
    [InlineData(Way.Async, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0 })]
    [InlineData(Way.Portable, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0 })]
    [InlineData(Way.Sync, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0 })]
    [InlineData(Way.Async, new byte[] { 0, 0, 0, 2, 1, 1 })]
    [InlineData(Way.Portable, new byte[] { 0, 0, 0, 2, 1, 1 })]
    [InlineData(Way.Sync, new byte[] { 0, 0, 0, 2, 1, 1 })]
    public async Task AnIllegalLengthIsHungUpOn(Way way, byte[] frame)
    {
        await using var seed = new Client(way, complete: true);
        using RawPeer raw = new RawPeer(seed.Port).Greet();
        raw.Socket.Send(frame);
        raw.AwaitEnd();
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task GarbageAfterTheHandshakeIsHungUpOn(Way way)
    {
        await using var getter = new Client(way, complete: false);
        for (int seed = 0; seed < 20; seed++)
        {
            using RawPeer raw = new RawPeer(getter.Port).Greet();
            try { raw.Socket.Send(RandomBytes(100 * KiB, seed)); }
            catch (SocketException) { } // it has hung up already
            raw.Socket.Shutdown(SocketShutdown.Send);
            raw.AwaitEnd();
        }
        await getter.EmptyAsync();
        await AssertDownloadsAsync(getter, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task APeerThatVanishesInTheMiddleOfABlockCostsNothingButTheBlock(Way way)
    {
        await using var getter = new Client(way, complete: false);
        using (RawPeer raw = new RawPeer(getter.Port).Greet())
        {
            raw.Send(MessageId.HaveAll);
            raw.Send(MessageId.Unchoke);
            BlockRef wanted = raw.AwaitRequest();
            byte[] header = new byte[PeerMessage.PieceHeaderLength];
            PeerMessage.WritePieceHeader(header, wanted);
            raw.Socket.Send([.. header, .. new byte[wanted.Length / 2]]);
        }
        await getter.EmptyAsync();
        await AssertDownloadsAsync(getter, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task APeerThatNeverReadsHoldsUpNobodyNotEvenTheEnd(Way way)
    {
        await using var seed = new Client(way, complete: true);
        using var raw = new RawPeer(seed.Port);
        raw.Socket.ReceiveBufferSize = 4 * KiB;
        raw.Greet();
        raw.Send(MessageId.Interested);
        raw.Await(MessageId.Unchoke);
        for (int round = 0; round < 10; round++)
            for (int piece = 0; piece < s_geometry.PieceCount; piece++)
                for (int block = 0; block < s_geometry.BlocksIn(piece); block++) raw.Send(MessageId.Request, s_geometry.Block(piece, block));
        await AssertServesAsync(seed, way);
        Assert.Equal(1, seed.Torrent.Stats.Peers);
        await seed.DisposeAsync(); // while the peer is still there
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task AHundredThousandRequestsAreEachAnsweredOrRejected(Way way)
    {
        const int Requests = 100_000;
        await using var seed = new Client(way, complete: true);
        using (RawPeer raw = new RawPeer(seed.Port).Greet())
        {
            raw.Send(MessageId.Interested);
            raw.Await(MessageId.Unchoke);
            byte[] flood = new byte[17 * Requests];
            for (int i = 0; i < Requests; i++) PeerMessage.Write(flood.AsSpan(17 * i), MessageId.Request, new BlockRef(i % 40, 0, 16));
            Task sending = Task.Run(() => raw.Socket.Send(flood));
            for (int i = 0; i < Requests; i++) raw.Await(MessageId.Piece, MessageId.RejectRequest);
            await sending;
        }
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task BlocksNobodyAskedForAreNotListenedToForEver(Way way)
    {
        await using var getter = new Client(way, complete: false);
        using RawPeer raw = new RawPeer(getter.Port).Greet();
        byte[] junk = new byte[Geometry.BlockLength];
        await Assert.ThrowsAsync<SocketException>(() => Task.Run(() =>
        {
            for (int i = 0; i < 10_000; i++) raw.SendBlock(new BlockRef(i % 40, 0, junk.Length), junk);
        }));
        await getter.EmptyAsync();
        await AssertDownloadsAsync(getter, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task APeerThatSaysNothingIsDroppedWhenItsTimeIsOver(Way way)
    {
        await using var seed = new Client(way, complete: true, handshakeTime: TimeSpan.FromMilliseconds(100));
        using var silent = new RawPeer(seed.Port);
        using var slow = new RawPeer(seed.Port);
        slow.Socket.Send(RawPeer.Hello()[..40]);
        silent.AwaitEnd();
        slow.AwaitEnd();
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task WhoAsksWhileChokedIsRejectedOrIgnored(Way way)
    {
        await using var seed = new Client(way, complete: true);
        BlockRef block = new(0, 0, 16);
        foreach (bool fast in new[] { true, false })
        {
            using RawPeer raw = new RawPeer(seed.Port).Greet(fast);
            int[] granted = AllowedFast.Pieces(IPAddress.Loopback, default, s_geometry.PieceCount);
            while (granted.Contains(block.Piece)) block = block with { Piece = block.Piece + 1 };
            raw.Send(MessageId.Request, block);
            if (fast) Assert.Equal(MessageId.RejectRequest, raw.Await(MessageId.RejectRequest, MessageId.Piece).Id);
            raw.Send(MessageId.Interested);
            Assert.Equal(MessageId.Unchoke, raw.Await(MessageId.Unchoke, MessageId.Piece).Id);
            raw.Send(MessageId.Request, block);
            raw.Await(MessageId.Piece);
        }
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task WhoSendsABadPieceAloneIsDroppedAndThePieceComesFromOthers(Way way)
    {
        await using var getter = new Client(way, complete: false);
        using RawPeer raw = new RawPeer(getter.Port).Greet();
        raw.Send(MessageId.HaveAll);
        raw.Send(MessageId.Unchoke);
        bool lied = false;
        try
        {
            while (true)
            {
                BlockRef wanted = raw.AwaitRequest();
                byte[] data = s_content.AsSpan((int)s_geometry.OffsetOf(wanted.Piece) + wanted.Begin, wanted.Length).ToArray();
                if (!lied) data[0] ^= 1;
                lied = true;
                raw.SendBlock(wanted, data);
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException) { }
        await getter.EmptyAsync();
        Assert.Equal(1, getter.Torrent.Stats.FailedPieces);
        await AssertDownloadsAsync(getter, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task APeerThatClosesItsHalfIsLetGo(Way way)
    {
        await using var seed = new Client(way, complete: true);
        using RawPeer raw = new RawPeer(seed.Port).Greet();
        raw.Socket.Shutdown(SocketShutdown.Send);
        raw.AwaitEnd();
        await seed.EmptyAsync();
        await AssertServesAsync(seed, way);
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task ClosingEverybodyWhileTheyWaitForTheRateLimitRunsNothingInsideTheLock(Way way)
    {
        await using var seed = new Client(way, complete: true, limitUp: 1);
        List<RawPeer> peers = [.. Enumerable.Range(0, 5).Select(_ => new RawPeer(seed.Port))];
        foreach (RawPeer peer in peers) peer.Socket.Send(RawPeer.Hello());
        for (var since = Stopwatch.StartNew(); seed.Torrent.Stats.Peers < peers.Count; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
        await Task.Delay(100); // long enough for the writers to have taken what they are to send, and to wait
        seed.Torrent.CloseAll();
        await seed.EmptyAsync();
        peers.ForEach(p => p.Dispose());
    }

    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task AListenerThatThrowsEndsTheConnectionAndIsReported(Way way)
    {
        var seed = new Client(way, complete: true);
        seed.Torrent.PeerChanged += (_, connected) => { if (!connected) throw new InvalidOperationException("mine"); };
        using (new RawPeer(seed.Port).Greet()) { }
        await seed.EmptyAsync();
        for (var since = Stopwatch.StartNew(); seed.Connections.Fault is null; await Task.Delay(5)) Assert.True(since.Elapsed < s_patience);
        Assert.Equal("mine", seed.Connections.Fault.Message);
        await Assert.ThrowsAnyAsync<Exception>(async () => await seed.DisposeAsync()); // for the fault alone
    }

    /// <summary>As when it has won a race, and the losers are cancelled.</summary>
    [Theory, InlineData(Way.Async), InlineData(Way.Portable), InlineData(Way.Sync)]
    public async Task AConnectionThatIsMadeOutlivesTheCancellationOfItsDial(Way way)
    {
        using IReadiness readiness = way == Way.Portable ? new PortableReadiness() : IReadiness.Create();
        using var queue = new DiskQueue(1);
        RateLimiter none = new(null);
        IPeerDriver driver = way == Way.Sync ? new SyncDriver(new Clock(), none, none) : new AsyncDriver(new Clock(), readiness, queue, none, none);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        for (int i = 0; i < 300; i++)
        {
            using var race = new CancellationTokenSource();
            Task<Socket> dial = driver.ConnectAsync((IPEndPoint)listener.LocalEndpoint, race.Token);
            while (!dial.IsCompleted) Thread.SpinWait(1); // to be there first
            race.Cancel();
            using Socket socket = await dial;
            (await listener.AcceptSocketAsync()).Dispose();
            Assert.Equal(listener.LocalEndpoint, socket.RemoteEndPoint);
        }
    }

    [Fact]
    public async Task AnAddressFamilyTheHostLacksIsOnePeerLess()
    {
        var driver = new SyncDriver(new Clock(), new RateLimiter(null), new RateLimiter(null));
        await Assert.ThrowsAsync<SocketException>(() => driver.ConnectAsync(new NoSuchFamily(), CancellationToken.None));
    }

    sealed class NoSuchFamily() : IPEndPoint(IPAddress.Loopback, 1)
    {
        public override AddressFamily AddressFamily => AddressFamily.Ipx;
    }
}
