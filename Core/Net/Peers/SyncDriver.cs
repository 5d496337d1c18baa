// The synchronous engine: two blocking threads per peer, one for each direction. A peer's own threads touch the disk,
// so a slow disk holds up just that peer, and TCP passes it on. The simplest to follow; for up to a hundred peers.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Swarm;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

sealed class SyncDriver(Clock clock, RateLimiter down, RateLimiter up) : IPeerDriver
{
    const int StackSize = 256 * 1024;

    /// <summary>Connections. Past this, two threads each cost more than they explain.</summary>
    public const int Limit = 100;

    public int MaxPeers => Limit;

    public Task<Socket> ConnectAsync(IPEndPoint peer, CancellationToken cancellation)
    {
        var connected = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            // A blocking connect obeys the send timeout; an asynchronous one would leave the socket non-blocking.
            Socket? socket = null;
            try
            {
                socket = PeerSocket.Create(peer);
                // Over before anybody hears of the connection: a late cancellation must not close what was won.
                using (cancellation.UnsafeRegister(static s => ((Socket)s!).Dispose(), socket))
                {
                    socket.SendTimeout = (int)PeerSocket.ConnectTimeout.TotalMilliseconds;
                    socket.Connect(peer);
                    socket.SendTimeout = 0;
                }
                ObjectDisposedException.ThrowIf(cancellation.IsCancellationRequested, socket);
                connected.SetResult(socket);
            }
            catch (Exception e) // whatever it was is the caller's to handle
            {
                socket?.Dispose();
                connected.SetException(e is ObjectDisposedException ? new SocketException((int)SocketError.OperationAborted) : e);
            }
        }, StackSize) { Name = "peer-dial", IsBackground = true };
        try { thread.Start(); }
        catch (OutOfMemoryException) // the system gives us no more threads
        {
            connected.SetException(new SocketException((int)SocketError.NoBufferSpaceAvailable));
        }
        return connected.Task;
    }

    public void Start(Socket socket, PeerSession peer, Action<Exception?> ended)
    {
        var wake = new AutoResetEvent(false);
        var closed = new ManualResetEvent(false); // a wait for the rate limit must not outlive the connection
        peer.Outbox.Attach(() => wake.Set(), () => { PeerSocket.ShutdownSoon(socket); closed.Set(); });

        Exception? fault = null;
        var writer = new Thread(() => Guard(() => Write(socket, peer, wake, closed), peer, ref fault), StackSize) { Name = "peer-tx", IsBackground = true };
        var reader = new Thread(() =>
        {
            Guard(() => Read(socket, peer, closed), peer, ref fault);
            writer.Join();
            ended(PeerSocket.End(socket, peer, clock.Now) ?? fault);
        }, StackSize) { Name = "peer-rx", IsBackground = true };
        writer.Start();
        try { reader.Start(); }
        catch
        {
            peer.Outbox.Close();
            writer.Join(); // it has found nothing to send yet, or the handshake: neither blocks
            throw;
        }
    }

    /// <summary>Whatever ends one loop ends the connection, and so the other loop.</summary>
    static void Guard(Action loop, PeerSession peer, ref Exception? fault)
    {
        try { loop(); }
        catch (SocketException) { } // a peer that vanishes is not an error
        catch (Exception e) // a fault of ours: the engine ends with it instead of the process without a word
        {
            fault = e;
        }
        peer.Outbox.Close();
    }

    void Read(Socket socket, PeerSession peer, ManualResetEvent closed)
    {
        bool alive = true;
        while (alive)
        {
            Memory<byte> buffer = peer.ReceiveBuffer;
            int count = socket.Receive(buffer.Span[..PeerSocket.BytesPerReceive(down, buffer.Length)]);
            alive = peer.Received(count, clock.Now);
            if (peer.HasBlocks) peer.StoreBlocks();
            Pause(down.Charge(count, clock.Now), closed);
        }
    }

    void Write(Socket socket, PeerSession peer, AutoResetEvent wake, ManualResetEvent closed)
    {
        while (!peer.Outbox.IsClosed)
        {
            int bytes = peer.Take(PeerSocket.BlocksPerSend(up));
            if (bytes == 0)
            {
                if (!peer.Outbox.IsClosed) wake.WaitOne();
                continue;
            }
            Pause(up.Charge(bytes, clock.Now), closed);
            do
            {
                ReadOnlySpan<byte> output = peer.TakeOutput().Span;
                if (output.IsEmpty) break; // the disk failed: the outbox is closed
                for (int sent = 0; sent < output.Length;) sent += socket.Send(output[sent..]);
                peer.Sent(output.Length, clock.Now);
            }
            while (peer.TakenBlocks > 0 && !peer.Outbox.IsClosed);
        }
    }

    static void Pause(TimeSpan wait, ManualResetEvent closed)
    {
        if (wait > TimeSpan.Zero) closed.WaitOne(wait);
    }
}
