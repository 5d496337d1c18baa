// The asynchronous engine: a task per direction on the thread pool, disk work on the disk's own threads. A peer is not
// read while its blocks wait for the disk, so TCP holds back who is too fast. Scales to thousands of mostly idle peers.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

sealed class AsyncDriver(Clock clock, DiskQueue disk, RateLimiter down, RateLimiter up) : IPeerDriver
{
    public int MaxPeers => 10_000;

    public async Task<Socket> ConnectAsync(IPEndPoint peer, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(PeerSocket.ConnectTimeout);
        Socket socket = PeerSocket.Create(peer);
        try
        {
            await socket.ConnectAsync(peer, timeout.Token).ConfigureAwait(false);
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            throw e as SocketException ?? new SocketException((int)SocketError.TimedOut);
        }
    }

    public void Start(Socket socket, PeerSession peer, Action<Exception?> ended) => _ = RunAsync(socket, peer, ended);

    async Task RunAsync(Socket socket, PeerSession peer, Action<Exception?> ended)
    {
        var wake = new AsyncSignal();
        var closed = new CancellationTokenSource(); // a wait for the rate limit must not outlive the connection
        // Whoever closes holds locks: what waits for the cancellation must not go on inside that call.
        peer.Outbox.Attach(wake.Set, () => { PeerSocket.Shutdown(socket); _ = closed.CancelAsync(); });

        Task<Exception?> reading = GuardAsync(ReadAsync(socket, peer, closed.Token), peer);
        Task<Exception?> writing = GuardAsync(WriteAsync(socket, peer, wake, closed.Token), peer);
        Exception? fault = await reading.ConfigureAwait(false) ?? await writing.ConfigureAwait(false);
        await writing.ConfigureAwait(false);
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

    async Task ReadAsync(Socket socket, PeerSession peer, CancellationToken closed)
    {
        var store = new DiskJob(peer.StoreBlocks);
        bool alive = true;
        int count = 0;
        while (alive)
        {
            // Idle peers wait without a buffer; a busy one need not pay for the extra call.
            if (count < Geometry.BlockLength && peer.TryReleaseReceiveBuffer())
                await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);
            Memory<byte> buffer = peer.ReceiveBuffer;
            buffer = buffer[..PeerSocket.BytesPerReceive(down, buffer.Length)];
            count = await socket.ReceiveAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            alive = peer.Received(count, clock.Now);
            if (peer.HasBlocks) await disk.RunAsync(store).ConfigureAwait(false);
            await PauseAsync(down.Charge(count, clock.Now), closed).ConfigureAwait(false);
        }
    }

    async Task WriteAsync(Socket socket, PeerSession peer, AsyncSignal wake, CancellationToken closed)
    {
        ReadOnlyMemory<byte> output = default;
        var fill = new DiskJob(() => output = peer.TakeOutput(PeerSocket.BlocksPerSend(up)));
        while (!peer.Outbox.IsClosed)
        {
            if (peer.Outbox.QueuedBlocks > 0) await disk.RunAsync(fill).ConfigureAwait(false);
            else output = peer.TakeOutput(maxBlocks: 0);
            if (output.IsEmpty)
            {
                if (!peer.Outbox.IsClosed) await wake.WaitAsync().ConfigureAwait(false);
                continue;
            }
            int length = output.Length;
            await PauseAsync(up.Charge(length, clock.Now), closed).ConfigureAwait(false);
            while (!output.IsEmpty) output = output[await socket.SendAsync(output, CancellationToken.None).ConfigureAwait(false)..];
            peer.Sent(length, clock.Now);
        }
    }

    static ValueTask PauseAsync(TimeSpan wait, CancellationToken closed) =>
        wait > TimeSpan.Zero ? new ValueTask(Task.Delay(wait, closed)) : default;
}
