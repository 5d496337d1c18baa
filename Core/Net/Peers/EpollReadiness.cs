// One thread that watches every peer's socket (epoll, edge-triggered: a socket is registered once, not for every wait). The
// framework's own goes through its thread and the thread pool before the disk's thread has the bytes; here who waits
// `inPlace` hands them over at once. The thread itself receives nothing and sends nothing.
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Net;

sealed class EpollReadiness : IReadiness
{
    // Who has said all may listen on: only for the reader is that the end.
    const uint Broken = Epoll.HangUp | Epoll.Error, Ended = Epoll.PeerClosed | Broken;
    const uint All = Epoll.Readable | Epoll.Writable | Epoll.PeerClosed | Epoll.EdgeTriggered;

    readonly Epoll _epoll = new();
    readonly Lock _gate = new();
    readonly Dictionary<int, SocketWatch> _watches = []; // by a number that is never used again: a late event is nobody's
    readonly int _stop = LinuxSockets.eventfd(0, LinuxSockets.EventCloseOnExec);
    readonly Thread _thread;
    int _lastTag;

    /// <exception cref="SocketException">The system has no descriptors left.</exception>
    public EpollReadiness()
    {
        if (!_epoll.TryAdd(_stop, Epoll.Readable, tag: 0)) throw new SocketException((int)SocketError.TooManyOpenSockets);
        _thread = new Thread(Run, 256 * 1024) { Name = "peers", IsBackground = true };
        _thread.Start();
    }

    public IWatch Watch(Socket socket)
    {
        socket.Blocking = false;
        return Add(socket);
    }

    SocketWatch Add(Socket socket)
    {
        var watch = new SocketWatch(this, socket, Interlocked.Increment(ref _lastTag));
        lock (_gate) _watches.Add(watch.Tag, watch);
        if (_epoll.TryAdd(watch.Descriptor, All, watch.Tag)) return watch;
        watch.Dispose();
        throw new SocketException((int)SocketError.NoBufferSpaceAvailable);
    }

    public async Task ConnectAsync(Socket socket, IPEndPoint peer, CancellationToken cancellation)
    {
        socket.Blocking = false;
        try
        {
            socket.Connect(peer);
            return;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress) { } // the usual way

        using SocketWatch watch = Add(socket);
        using CancellationTokenRegistration abort = cancellation.UnsafeRegister(static w => ((SocketWatch)w!).Wake(Epoll.Writable), watch);
        await watch.WritableAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error) is int error and not 0) throw new SocketException(error);
    }

    void Run()
    {
        while (true)
        {
            int ready = _epoll.Wait(-1);
            for (int i = 0; i < ready; i++)
            {
                int tag = _epoll.Ready(i);
                if (tag == 0) return;
                SocketWatch? watch;
                lock (_gate) _watches.TryGetValue(tag, out watch);
                watch?.Wake(_epoll.Events(i));
            }
        }
    }

    /// <summary>When nobody waits any more. Not from what goes on in place.</summary>
    public void Dispose()
    {
        LinuxSockets.Signal(_stop);
        _thread.Join();
        _epoll.Dispose();
        _ = LinuxSockets.close(_stop);
    }

    sealed class SocketWatch(EpollReadiness owner, Socket socket, int tag) : IWatch
    {
        readonly AsyncSignal _readable = new(), _writable = new();
        volatile bool _ended, _broken; // no further edge would tell of it

        public int Descriptor { get; } = (int)socket.Handle;
        public int Tag => tag;

        public void Wake(uint events)
        {
            if ((events & Ended) != 0) _ended = true;
            if ((events & Broken) != 0) _broken = true;
            if ((events & (Epoll.Readable | Ended)) != 0) _readable.Set();
            if ((events & (Epoll.Writable | Broken)) != 0) _writable.Set();
        }

        public void BeforeReceive() => _readable.Clear();

        public ValueTask ReadableAsync(bool inPlace) => _ended ? default : _readable.WaitAsync(inPlace);

        public ValueTask WritableAsync() => _broken ? default : _writable.WaitAsync();

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public async ValueTask<int> SendAsync(ReadOnlyMemory<byte> data)
        {
            int sent;
            while ((sent = PeerSocket.TrySend(socket, data.Span)) < 0) await WritableAsync().ConfigureAwait(false);
            return sent;
        }

        public void Dispose()
        {
            lock (owner._gate) owner._watches.Remove(tag);
            owner._epoll.Remove(Descriptor);
        }
    }
}
