// HTTP on Linux: one thread that waits for all its connections at once and speaks through the same sessions as HttpServer.
// Most clients of a tracker ask once and leave, so that case is the short one: the listener reports a connection when its
// request is there, which is read, answered and closed without having been registered anywhere; the answer and the end of
// the connection share a packet.
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using TinyTorrent.Tracker;
using static TinyTorrent.Net.LinuxSockets;

namespace TinyTorrent.Net;

sealed unsafe class EpollHttpServer : IServer
{
    /// <summary>Connections taken from a listener before others get their turn.</summary>
    const int MaxAccepts = 64;

    /// <summary>Seconds the system waits for a connection's first bytes before it reports it anyway.</summary>
    const int DeferSeconds = 1;

    /// <summary>Outputs sent to one connection before others get their turn.</summary>
    const int MaxPortions = 4;

    const int TcpLevel = 6, TcpNoDelay = 1, TcpDeferAccept = 9;
    const int MaxSpareSessions = 256;
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    readonly Socket[] _listeners;
    readonly HttpLimits _limits;
    readonly Clock _clock;
    readonly TrackerCounters _counters;
    readonly HttpWorkers? _workers;
    readonly Action<Exception>? _onFault;
    readonly Func<HttpSession> _newSession;
    readonly Epoll _epoll = new();
    readonly int _wake = eventfd(0, EventCloseOnExec);
    readonly ConcurrentQueue<EpollConnection> _worked = new();
    readonly Strangers _strangers;
    readonly Stack<HttpSession> _spare = new();
    readonly Thread _thread;
    EpollConnection?[] _connections = new EpollConnection?[256]; // by descriptor
    EpollConnection? _served; // closed if serving it fails
    int _count;
    TimeSpan _now, _swept, _pausedUntil;
    bool _paused;
    volatile bool _stopping;

    /// <param name="listeners">Bound and listening; belong to the server from here on.</param>
    /// <param name="workers">Answer what the handler defers; outlive the server. Null: the handler cannot defer.</param>
    /// <param name="onFault">Told of exceptions; each has cost a connection.</param>
    public EpollHttpServer(
        IEnumerable<Socket> listeners, HttpHandler handler, HttpLimits limits, Clock clock, TrackerCounters counters, string threadName,
        HttpWorkers? workers = null, Action<Exception>? onFault = null)
    {
        _listeners = [.. listeners];
        _workers = workers;
        _onFault = onFault;
        _limits = limits;
        _clock = clock;
        _counters = counters;
        Action onMalformed = counters.HttpMalformedRequest;
        _newSession = () => new HttpSession(handler, limits.Memory, onMalformed, limits.Proxies, onFault, defers: workers is not null);
        _strangers = new Strangers(limits.Connections, limits.IsExempt);
        foreach (Socket listener in _listeners)
        {
            int descriptor = Descriptor(listener), seconds = DeferSeconds, one = 1;
            SetNonBlocking(descriptor);
            _ = setsockopt(descriptor, TcpLevel, TcpDeferAccept, &seconds, sizeof(int));
            _ = setsockopt(descriptor, TcpLevel, TcpNoDelay, &one, sizeof(int)); // connections inherit it
            _epoll.TryAdd(descriptor, Epoll.Readable);
        }
        _epoll.TryAdd(_wake, Epoll.Readable | Epoll.EdgeTriggered); // its number is never read
        _thread = new Thread(Run) { Name = threadName, IsBackground = true };
        _thread.Start();
    }

    public static bool IsSupported => OperatingSystem.IsLinux();

    static int Descriptor(Socket socket) => (int)socket.SafeHandle.DangerousGetHandle();

    void Run()
    {
        while (!_stopping)
        {
            int ready = _epoll.Wait(_paused ? (int)s_pause.TotalMilliseconds : 1000);
            _now = _clock.Now;
            for (int i = 0; i < ready && !_stopping; i++) OnReady(_epoll.Ready(i));
            if (_paused && _now >= _pausedUntil) Resume();
            if (_now - _swept >= TimeSpan.FromSeconds(1)) CloseLate();
        }
        Drain();
    }

    void OnReady(int descriptor)
    {
        try
        {
            // Events come in batches: if the connection was closed earlier in this batch, its slot is empty or belongs to a new one, and
            // a spurious wake-up does no harm.
            if (descriptor < _connections.Length && _connections[descriptor] is { } connection) OnReady(connection);
            else if (Array.Exists(_listeners, listener => Descriptor(listener) == descriptor)) Accept(descriptor);
            else if (descriptor == _wake) TakeBack();
        }
        catch (Exception e) // a fault of ours costs one connection, not the server
        {
            _onFault?.Invoke(e);
            if (_served is { } failed && _connections[failed.Descriptor] == failed) Close(failed);
        }
    }

    /// <summary>Answers what has come, in the listeners' queues too, and gives who is slow to take an answer a moment.</summary>
    void Drain()
    {
        TimeSpan end = _clock.Now + _limits.Farewell;
        while (ServeReady(0) && _now < end - _limits.Farewell / 2) { } // a crowd comes without end
        foreach (Socket listener in _listeners) _epoll.Remove(Descriptor(listener));
        // What has come can still be read behind this, then the end: who has sent half a request is rid of it now.
        foreach (EpollConnection? connection in _connections)
            if (connection is not null) _ = shutdown(connection.Descriptor, ShutdownReceive);
        while (_count > 0 && _now < end) ServeReady((int)(end - _now).TotalMilliseconds + 1);
        foreach (EpollConnection? connection in _connections)
        {
            if (connection is { IsWorking: true }) connection.Session.Abandon();
            else if (connection is not null) Close(connection);
        }
        while (_count > 0) ServeReady(1000); // those that a worker has
    }

    bool ServeReady(int milliseconds)
    {
        int ready = _epoll.Wait(milliseconds);
        _now = _clock.Now;
        for (int i = 0; i < ready; i++) OnReady(_epoll.Ready(i));
        return ready > 0;
    }

    void Accept(int listener)
    {
        byte* address = stackalloc byte[AddressSize];
        for (int i = 0; i < MaxAccepts; i++)
        {
            uint length = AddressSize;
            int descriptor = accept4(listener, address, &length, AcceptNonBlocking | AcceptCloseOnExec);
            if (descriptor < 0)
            {
                if (Marshal.GetLastPInvokeError() is TooManyFiles or TooManyFilesInSystem or NoMemory or NoBufferSpace) Pause();
                return;
            }
            if (_count == _limits.Connections)
            {
                _counters.HttpTurnAway();
                _ = close(descriptor);
                continue;
            }
            HttpSession session = _spare.TryPop(out HttpSession? spare) ? spare : _newSession();
            PeerAddress from = ReadAddress(address);
            session.Begin(from);
            var connection = new EpollConnection(descriptor, from, session) { Deadline = _now + _limits.Request };
            if (descriptor >= _connections.Length) Array.Resize(ref _connections, Math.Max(descriptor + 1, 2 * _connections.Length));
            _connections[descriptor] = connection;
            _count++;
            OnReady(connection);
        }
    }

    void OnReady(EpollConnection connection)
    {
        _served = connection;
        if (connection.IsWorking) connection.Session.Abandon(); // it waits for nothing but its end
        else if (connection.Awaits != Epoll.Writable) Receive(connection);
        else if (connection.Unsent.IsEmpty || SendRest(connection)) Converse(connection);
    }

    void Receive(EpollConnection connection)
    {
        HttpSession session = connection.Session;
        Span<byte> room = session.ReceiveBuffer.Span;
        nint count;
        fixed (byte* to = room) count = recv(connection.Descriptor, to, (nuint)room.Length, 0);
        if (count > 0)
        {
            if (connection.IsLeaving) // read only to be thrown away
            {
                if ((connection.Discarded += count) > _limits.Discarded) Close(connection);
                return;
            }
            if (connection.IsIdle) connection.Deadline = _now + _limits.Request;
            connection.IsIdle = false;
            session.Received((int)count);
            Converse(connection);
        }
        else if (count < 0 && Marshal.GetLastPInvokeError() == TryAgain) Await(connection, Epoll.Readable);
        else Close(connection);
    }

    /// <summary>Answers what has arrived, as far as the client takes the answers.</summary>
    void Converse(EpollConnection connection)
    {
        HttpSession session = connection.Session;
        for (int portions = 0; ; portions++)
        {
            bool goesOn = session.Answer(out ReadOnlyMemory<byte> output);
            if (session.IsIntroduced(out PeerAddress client) && !TryPass(connection, client)) return;
            if (output.IsEmpty) break;
            if (!session.IsWithinAnswer) (connection.Begun, connection.Sent) = (_now, 0);
            connection.EndsWithOutput = !goesOn;
            connection.Unsent = output;
            if (portions == MaxPortions)
            {
                Await(connection, Epoll.Writable); // others have their turn first
                return;
            }
            if (!SendRest(connection)) return;
        }
        if (session.IsDeferred)
        {
            HandOver(connection);
            return;
        }
        // The deadline of a request is set by its first byte; those that follow do not move it.
        if (connection.IsIdle) connection.Deadline = _now + _limits.Idle;
        else if (session.BeginsBody(out int length)) connection.Deadline = _now + _limits.ForBody(length);
        Await(connection, Epoll.Readable);
    }

    /// <summary>Gives the connection's request to the workers: until it comes back, the session is theirs.</summary>
    void HandOver(EpollConnection connection)
    {
        HttpSession session = connection.Session;
        connection.IsWorking = true;
        connection.Deadline = TimeSpan.MaxValue; // the wait is not the client's fault
        Await(connection, Epoll.OneShot);
        if (_connections[connection.Descriptor] != connection) return; // closed: its address has its share of places
        if (_workers!.TryAdd(session.DeferredFrom, Work)) return;
        session.RefuseWork();
        Continue(connection);

        void Work()
        {
            session.Work();
            _worked.Enqueue(connection);
            Signal(_wake);
        }
    }

    /// <summary>Sends what the workers have answered.</summary>
    void TakeBack()
    {
        while (_worked.TryDequeue(out EpollConnection? connection))
        {
            if (connection.Session.IsAbandoned) Close(connection);
            else Continue(connection);
        }
    }

    void Continue(EpollConnection connection)
    {
        _served = connection;
        connection.IsWorking = false;
        connection.Deadline = _now + _limits.Request;
        Converse(connection);
    }

    /// <summary>True when all has been sent and the connection goes on.</summary>
    bool SendRest(EpollConnection connection)
    {
        ReadOnlySpan<byte> rest = connection.Unsent.Span;
        bool closes = connection.EndsWithOutput && !connection.Session.IsWithinRequest;
        nint count;
        fixed (byte* from = rest) count = send(connection.Descriptor, from, (nuint)rest.Length, NoSignal | (closes ? More : 0));
        if (count < 0 && Marshal.GetLastPInvokeError() != TryAgain)
        {
            Close(connection);
            return false;
        }
        connection.Unsent = connection.Unsent[(int)Math.Max(0, count)..];
        connection.Sent += Math.Max(0, count);
        if (!connection.Unsent.IsEmpty)
        {
            connection.Deadline = connection.Begun + _limits.ForAnswer(connection.Sent);
            Await(connection, Epoll.Writable);
            return false;
        }
        connection.Session.Sent();
        connection.IsIdle = !connection.Session.IsWithinRequest;
        connection.Deadline = _now + _limits.Request;
        if (!connection.EndsWithOutput) return true;
        if (closes) Close(connection);
        else Leave(connection);
        return false;
    }

    /// <summary>Waits for the client to close: what it still sends would turn our closing into a reset that destroys the answer on its way.</summary>
    void Leave(EpollConnection connection)
    {
        connection.IsLeaving = true;
        _ = shutdown(connection.Descriptor, ShutdownSend);
        Await(connection, Epoll.Readable);
    }

    void Await(EpollConnection connection, uint events)
    {
        if (connection.Awaits == events) return;
        if (connection.Awaits != 0) _epoll.Modify(connection.Descriptor, events);
        else if (!TryKeep(connection, events))
        {
            Close(connection);
            return;
        }
        connection.Awaits = events;
    }

    /// <summary>Only who stays is counted: a stranger that asks and leaves takes no place from anybody.</summary>
    bool TryKeep(EpollConnection connection, uint events)
    {
        connection.IsCounted = _strangers.TryEnter(connection.From);
        if (!connection.IsCounted) _counters.HttpTurnAway();
        return connection.IsCounted && _epoll.TryAdd(connection.Descriptor, events);
    }

    /// <summary>The connection is from here on the client's, not the proxy's.</summary>
    bool TryPass(EpollConnection connection, in PeerAddress client)
    {
        if (connection.IsCounted) _strangers.Leave(connection.From);
        connection.From = client;
        if (!connection.IsCounted) return true;
        connection.IsCounted = _strangers.TryEnter(client);
        if (connection.IsCounted) return true;
        _counters.HttpTurnAway();
        Close(connection);
        return false;
    }

    void Close(EpollConnection connection)
    {
        _ = close(connection.Descriptor);
        _connections[connection.Descriptor] = null;
        _count--;
        if (connection.IsCounted) _strangers.Leave(connection.From);
        connection.Session.End();
        if (_spare.Count < MaxSpareSessions) _spare.Push(connection.Session);
    }

    void CloseLate()
    {
        _swept = _now;
        foreach (EpollConnection? connection in _connections)
        {
            if (connection is null || !_limits.IsOver(connection.Deadline, connection.IsIdle, _count, _now)) continue;
            if (!connection.IsIdle) _counters.HttpLateness();
            Close(connection);
        }
    }

    /// <summary>Descriptors are used up: those who wait in the queue wait a little longer, and this thread does not spin.</summary>
    void Pause()
    {
        _pausedUntil = _now + s_pause;
        if (_paused) return;
        _paused = true;
        foreach (Socket listener in _listeners) _epoll.Remove(Descriptor(listener));
    }

    void Resume()
    {
        _paused = false;
        foreach (Socket listener in _listeners) _epoll.TryAdd(Descriptor(listener), Epoll.Readable);
    }

    public void Stop()
    {
        _stopping = true;
        Signal(_wake);
    }

    public void Dispose()
    {
        Stop();
        _thread.Join();
        foreach (Socket listener in _listeners) listener.Dispose();
        _ = close(_wake);
        _epoll.Dispose();
    }
}
