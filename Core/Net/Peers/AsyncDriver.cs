// The asynchronous engine: a task per direction on the thread pool, disk work on the disk's own threads. A peer is not
// read while its blocks wait for the disk, so TCP holds back who is too fast. Scales to thousands of mostly idle peers.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

sealed class AsyncDriver(Clock clock, IReadiness readiness, DiskQueue disk, RateLimiter down, RateLimiter up) : IPeerDriver
{
    public const int Limit = 10_000;

    public int MaxPeers => Limit;

    public async Task<Socket> ConnectAsync(IPEndPoint peer, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(PeerSocket.ConnectTimeout);
        Socket socket = PeerSocket.Create(peer);
        try
        {
            await readiness.ConnectAsync(socket, peer, timeout.Token).ConfigureAwait(false);
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            throw e as SocketException ?? new SocketException((int)SocketError.TimedOut);
        }
    }

    public void Start(Socket socket, PeerSession peer, Action<Exception?> ended) => _ = RunAsync(socket, readiness.Watch(socket), peer, ended);

    async Task RunAsync(Socket socket, IWatch watch, PeerSession peer, Action<Exception?> ended)
    {
        var wake = new AsyncSignal();
        var closed = new CancellationTokenSource(); // a wait for the rate limit must not outlive the connection
        // Whoever closes holds locks: what waits for the cancellation must not go on inside that call.
        peer.Outbox.Attach(wake.Set, () => { PeerSocket.ShutdownSoon(socket); _ = closed.CancelAsync(); });

        Task<Exception?> reading = GuardAsync(ReadAsync(socket, watch, peer, closed.Token), peer);
        Task<Exception?> writing = GuardAsync(WriteAsync(watch, peer, wake, closed.Token), peer);
        Exception? fault = await reading.ConfigureAwait(false) ?? await writing.ConfigureAwait(false);
        await writing.ConfigureAwait(false);
        watch.Dispose();
        ended(PeerSocket.End(socket, peer, clock.Now) ?? fault);
    }

    /// <summary>Whatever ends one loop ends the connection, and so the other loop.</summary>
    static async Task<Exception?> GuardAsync(Task loop, PeerSession peer)
    {
        Exception? fault = null;
        try { await loop.ConfigureAwait(false); }
        catch (SocketException) { } // a peer that vanishes is not an error
        catch (OperationCanceledException) { } // closed while waiting for the rate limit
        catch (Exception e) // a fault of ours: the engine ends with it instead of losing it
        {
            fault = e;
        }
        peer.Outbox.Close();
        return fault;
    }

    /// <summary>A peer that sends blocks is read by the disk's threads, which store them at once: however many peers there are,
    /// few buffers are in use. From the others nothing waits for the disk.</summary>
    async Task ReadAsync(Socket socket, IWatch watch, PeerSession peer, CancellationToken closed)
    {
        bool alive = true, sendsBlocks = false;
        int offered = 0, count = 0; // of the last receive; a count of -1: there was nothing
        void Receive()
        {
            Span<byte> buffer = peer.ReceiveBuffer.Span;
            buffer = buffer[..(offered = PeerSocket.BytesPerReceive(down, buffer.Length))];
            watch.BeforeReceive();
            count = PeerSocket.TryReceive(socket, buffer);
            if (count >= 0) alive = peer.Received(count, clock.Now);
        }
        void ReceiveAndStore()
        {
            if (!peer.HasBlocks) Receive();
            if (count >= 0) sendsBlocks = peer.HasBlocks;
            if (peer.HasBlocks) peer.StoreBlocks();
            peer.ReleaseReceiveBuffer();
        }

        var store = new DiskJob(ReceiveAndStore);
        while (alive)
        {
            // Who filled the buffer may have more: a busy peer need not pay for the extra call.
            if (count < offered || count == 0) await watch.ReadableAsync(inPlace: sendsBlocks).ConfigureAwait(false);
            if (!sendsBlocks) Receive();
            if (sendsBlocks || peer.HasBlocks) await disk.RunAsync(store).ConfigureAwait(false);
            else peer.ReleaseReceiveBuffer();
            if (count > 0) await PauseAsync(down.Charge(count, clock.Now), closed).ConfigureAwait(false);
        }
    }

    async Task WriteAsync(IWatch watch, PeerSession peer, AsyncSignal wake, CancellationToken closed)
    {
        ReadOnlyMemory<byte> output = default;
        var read = new DiskJob(() => output = peer.TakeOutput());
        while (!peer.Outbox.IsClosed)
        {
            int bytes = peer.Take(PeerSocket.BlocksPerSend(up));
            if (bytes == 0)
            {
                if (!peer.Outbox.IsClosed) await wake.WaitAsync().ConfigureAwait(false);
                continue;
            }
            // Before anything is read: who waits its turn at the rate limit waits without a buffer.
            await PauseAsync(up.Charge(bytes, clock.Now), closed).ConfigureAwait(false);
            do
            {
                if (peer.TakenBlocks > 0) await disk.RunAsync(read).ConfigureAwait(false);
                else output = peer.TakeOutput();
                int length = output.Length;
                if (length == 0) break; // the disk failed: the outbox is closed
                while (!output.IsEmpty) output = output[await watch.SendAsync(output).ConfigureAwait(false)..];
                peer.Sent(length, clock.Now);
            }
            while (peer.TakenBlocks > 0 && !peer.Outbox.IsClosed);
        }
    }

    static ValueTask PauseAsync(TimeSpan wait, CancellationToken closed) =>
        wait > TimeSpan.Zero ? new ValueTask(Task.Delay(wait, closed)) : default;
}
