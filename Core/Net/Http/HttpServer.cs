// A small HTTP/1.1 server on the framework's sockets, plain or within TLS: a task per connection, sessions do the protocol.
// A client that is slow holds its place for seconds only: a heartbeat closes every connection whose time is up, whatever
// it was waiting for, so no connection needs a timer. Past the limit of connections, of all and of one stranger, new ones
// are closed at once.
using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

sealed class HttpServer : IServer
{
    readonly Socket _listener;
    readonly HttpLimits _limits;
    readonly Clock _clock;
    readonly TrackerCounters _counters;
    readonly Func<HttpSession> _newSession;
    readonly Func<TlsIdentity>? _tls;
    readonly HttpWorkers? _workers;
    readonly Action<Exception>? _onFault;
    readonly HashSet<Connection> _connections = [];
    readonly Strangers _strangers; // under the lock of the connections
    readonly CancellationTokenSource _stop = new();
    readonly Task _accepting;
    readonly Timer _heartbeat;
    readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    bool _full; // takes no more connections, because it ends

    /// <param name="listener">Bound and listening; belongs to the server from here on.</param>
    /// <param name="tls">Null for plain HTTP; asked at every connection who the server is.</param>
    /// <param name="workers">Answer what the handler defers; outlive the server. Null: the handler cannot defer.</param>
    /// <param name="onFault">Told of exceptions; each has cost a connection.</param>
    public HttpServer(
        Socket listener, HttpHandler handler, HttpLimits limits, Clock clock, TrackerCounters counters, Func<TlsIdentity>? tls = null,
        HttpWorkers? workers = null, Action<Exception>? onFault = null)
    {
        _listener = listener;
        _workers = workers;
        _onFault = onFault;
        _limits = limits;
        _clock = clock;
        _counters = counters;
        Action onMalformed = counters.HttpMalformedRequest;
        _newSession = () => new HttpSession(handler, limits.Memory, onMalformed, limits.Proxies, onFault, defers: workers is not null);
        _tls = tls;
        _strangers = new Strangers(limits.Connections, limits.IsExempt);
        _heartbeat = new Timer(_ => CloseLate(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _accepting = AcceptAsync();
    }

    /// <summary>Connections open.</summary>
    public int Count
    {
        get { lock (_connections) return _connections.Count; }
    }

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Admit(await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (OperationCanceledException) { } // disposed
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
            {
                // Descriptors are used up: those who wait in the queue wait a little longer.
                await Task.Delay(50, CancellationToken.None).ConfigureAwait(false);
            }
            catch (SocketException) { } // the client was gone before it was accepted
        }
        AdmitWaiting();
    }

    /// <summary>Those in the listener's queue, who may have asked already.</summary>
    void AdmitWaiting()
    {
        try
        {
            _listener.Blocking = false;
            for (TimeSpan end = _clock.Now + _limits.Farewell / 2; _clock.Now < end;)
            {
                Socket socket = _listener.Accept();
                socket.Blocking = true; // it has the listener's way, which a stream refuses
                Admit(socket);
            }
        }
        catch (SocketException) { } // nobody waits
    }

    void Admit(Socket socket)
    {
        if (TryAdd(socket, out Connection? connection)) _ = Task.Run(() => ServeAsync(connection)); // a handler may wait
        else socket.Dispose();
    }

    bool TryAdd(Socket socket, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Connection? connection)
    {
        connection = null;
        PeerAddress from;
        NetworkStream stream; // made here: one that is hung up by then would refuse it to the task
        try
        {
            socket.NoDelay = true;
            from = PeerAddress.From(((IPEndPoint)socket.RemoteEndPoint!).Address);
            stream = new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false; // gone already
        }
        lock (_connections)
        {
            if (_full) return false;
            if (_connections.Count >= _limits.Connections || !_strangers.TryEnter(from))
            {
                _counters.HttpTurnAway();
                return false;
            }
            connection = new Connection(socket, stream, from, _newSession()) { Deadline = _clock.Now + _limits.Request };
            connection.Session.Begin(from);
            _connections.Add(connection);
            return true;
        }
    }

    /// <summary>Never faults: whatever ends a connection is the client's affair or the heartbeat's.</summary>
    async Task ServeAsync(Connection connection)
    {
        Stream stream = connection.Stream;
        try
        {
            if (_tls is not null)
            {
                await ReadIntroductionAsync(connection).ConfigureAwait(false);
                stream = await _tls().OpenAsync(stream).ConfigureAwait(false);
            }
            await ConverseAsync(connection, stream).ConfigureAwait(false);
        }
        catch (IOException) { } // reset, or closed by the heartbeat, or no TLS in what came
        catch (AuthenticationException) when (!connection.IsLate)
        {
            _counters.HttpMalformedRequest(); // the two did not come to terms about TLS
        }
        catch (AuthenticationException) { } // closed by the heartbeat
        catch (SocketException) { } // reset
        catch (OperationCanceledException) { } // what the handler waited for is ended by whose it is
        catch (ObjectDisposedException) { } // closed by the heartbeat
        catch (Exception e) // a fault of ours must not end the server
        {
            _onFault?.Invoke(e);
        }
        finally
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            connection.Session.End();
            Remove(connection);
        }
    }

    /// <summary>Takes a proxy's PROXY header off the stream, and no byte more: what follows is TLS's greeting.</summary>
    /// <exception cref="IOException">The header is not in order, or the client may not stay.</exception>
    async ValueTask ReadIntroductionAsync(Connection connection)
    {
        if (!_limits.Proxies.Contains(connection.From)) return;
        byte[] header = new byte[ProxyHeader.MaxSize];
        for (int have = 0; ;)
        {
            int seen = await connection.Socket.ReceiveAsync(header.AsMemory(have), SocketFlags.Peek).ConfigureAwait(false);
            OperationStatus status = ProxyHeader.TryRead(header.AsSpan(0, have + seen), out PeerAddress client, out int length);
            if (seen == 0 || status == OperationStatus.InvalidData)
            {
                _counters.HttpMalformedRequest();
                throw new IOException("no PROXY header in order");
            }
            // Without its end, all that has come belongs to the header.
            int taken = status == OperationStatus.Done ? length - have : seen;
            await connection.Stream.ReadExactlyAsync(header.AsMemory(have, taken)).ConfigureAwait(false);
            have += taken;
            if (status != OperationStatus.Done) continue;
            if (client.IsNone) return;
            connection.Session.Begin(client);
            Pass(connection, client);
            return;
        }
    }

    /// <summary>The connection is from here on the client's, not the proxy's.</summary>
    /// <exception cref="IOException">The client has its share of connections.</exception>
    void Pass(Connection connection, in PeerAddress client)
    {
        lock (_connections)
        {
            _strangers.Leave(connection.From);
            connection.From = client;
            connection.IsCounted = _strangers.TryEnter(client);
        }
        if (connection.IsCounted) return;
        _counters.HttpTurnAway();
        throw new IOException("too many connections from this address");
    }

    async Task ConverseAsync(Connection connection, Stream stream)
    {
        HttpSession session = connection.Session;
        TimeSpan begun = default;
        long sent = 0;
        Task<int>? pending = null; // a read that was begun while an answer was made
        for (bool answered = false; ;)
        {
            bool goesOn = session.Answer(out ReadOnlyMemory<byte> output);
            if (session.IsIntroduced(out PeerAddress client)) Pass(connection, client);
            if (!output.IsEmpty)
            {
                if (!session.IsWithinAnswer) (begun, sent) = (_clock.Now, 0);
                sent += output.Length;
                connection.Deadline = begun + _limits.ForAnswer(sent);
                await stream.WriteAsync(output).ConfigureAwait(false);
                if (session.Streamed is { } body)
                {
                    connection.Deadline = TimeSpan.MaxValue; // a film takes as long as who watches it
                    pending = session.IsWithinRequest ? null : stream.ReadAsync(session.ReceiveBuffer).AsTask();
                    await CopyAsync(body, stream, pending).ConfigureAwait(false);
                }
                session.Sent();
                answered = true;
                if (goesOn) continue;
                if (stream is SslStream tls) await tls.ShutdownAsync().ConfigureAwait(false);
                if (session.IsWithinRequest) await LingerAsync(connection.Socket, _limits.Discarded).ConfigureAwait(false);
                return;
            }
            if (session.IsDeferred)
            {
                connection.Deadline = TimeSpan.MaxValue; // the wait is not the client's fault
                await WorkAsync(session).ConfigureAwait(false);
                continue;
            }
            // The deadline of a request is set by its first byte; those that follow do not move it.
            bool idle = answered && !session.IsWithinRequest;
            if (idle) connection.Deadline = _clock.Now + _limits.Idle;
            else if (session.BeginsBody(out int length)) connection.Deadline = _clock.Now + _limits.ForBody(length);
            connection.IsIdle = idle;
            int count = pending is null ? await stream.ReadAsync(session.ReceiveBuffer).ConfigureAwait(false) : await pending.ConfigureAwait(false);
            pending = null;
            if (count == 0) return;
            connection.IsIdle = false;
            if (idle) connection.Deadline = _clock.Now + _limits.Request;
            session.Received(count);
        }
    }

    /// <summary>Makes a body while it is sent, until the client is gone: a player whose user has jumped elsewhere keeps no place.</summary>
    /// <param name="next">Reads what the client says next, or its end; null: it has said more already.</param>
    static async Task CopyAsync(StreamedBody body, Stream stream, Task<int>? next)
    {
        using var gone = new CancellationTokenSource();
        Task copying = body.CopyAsync(stream, gone.Token);
        // If the connection ends with this answer, the read fails, and nobody else looks at it.
        if (next is not null) _ = next.ContinueWith(static read => read.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        bool ended = next is not null && await Task.WhenAny(copying, next).ConfigureAwait(false) == next && (!next.IsCompletedSuccessfully || next.Result == 0);
        if (ended) await gone.CancelAsync().ConfigureAwait(false);
        await copying.ConfigureAwait(false);
    }

    Task WorkAsync(HttpSession session)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_workers!.TryAdd(session.DeferredFrom, Work)) return done.Task;
        session.RefuseWork();
        return Task.CompletedTask;

        void Work()
        {
            session.Work();
            if (session.IsAbandoned) done.SetCanceled();
            else done.SetResult();
        }
    }

    /// <summary>Waits for the client to close: what it still sends would turn our closing into a reset that destroys the answer on its way.</summary>
    static async ValueTask LingerAsync(Socket socket, int most)
    {
        socket.Shutdown(SocketShutdown.Send);
        byte[] rest = new byte[4096];
        for (int count; most > 0 && (count = await socket.ReceiveAsync(rest.AsMemory()).ConfigureAwait(false)) > 0; most -= count) { }
    }

    void Remove(Connection connection)
    {
        lock (_connections)
        {
            if (_connections.Remove(connection) && connection.IsCounted) _strangers.Leave(connection.From);
            if (_connections.Count == 0 && _full) _empty.TrySetResult();
        }
    }

    void CloseLate()
    {
        TimeSpan now = _clock.Now;
        lock (_connections)
        {
            foreach (Connection connection in _connections)
            {
                bool idle = connection.IsIdle;
                if (connection.IsLate || !_limits.IsOver(connection.Deadline, idle, _connections.Count, now)) continue;
                connection.IsLate = true;
                if (!idle) _counters.HttpLateness();
                connection.Socket.Dispose();
            }
        }
    }

    public void Stop() => _stop.Cancel();

    public void Dispose()
    {
        Stop();
        _accepting.Wait();
        lock (_connections)
        {
            _full = true;
            // What has come can still be read behind this, then the end: who has sent half a request is rid of it now.
            foreach (Connection connection in _connections) connection.HangUp();
            if (_connections.Count == 0) _empty.TrySetResult();
        }
        if (!_empty.Task.Wait(_limits.Farewell))
        {
            lock (_connections)
            {
                foreach (Connection connection in _connections)
                {
                    connection.Session.Abandon();
                    connection.Socket.Dispose();
                }
            }
            _empty.Task.Wait();
        }
        _listener.Dispose();
        _heartbeat.Dispose();
        _stop.Dispose();
    }

    sealed class Connection(Socket socket, NetworkStream stream, PeerAddress from, HttpSession session)
    {
        long _deadlineTicks;
        volatile bool _idle, _late;

        public Socket Socket { get; } = socket;
        public NetworkStream Stream { get; } = stream;
        public PeerAddress From { get; set; } = from;

        /// <summary>Has a place among those of its address.</summary>
        public bool IsCounted { get; set; } = true;
        public HttpSession Session { get; } = session;

        /// <summary>When the heartbeat closes the connection.</summary>
        public TimeSpan Deadline
        {
            get => new(Volatile.Read(ref _deadlineTicks));
            set => Volatile.Write(ref _deadlineTicks, value.Ticks);
        }

        /// <summary>Nothing more comes from the client than what is here already.</summary>
        public void HangUp()
        {
            try
            {
                Socket.Shutdown(SocketShutdown.Receive);
            }
            catch (SocketException) { } // the client is gone
            catch (ObjectDisposedException) { } // answered and closed
        }

        /// <summary>Between two requests.</summary>
        public bool IsIdle
        {
            get => _idle;
            set => _idle = value;
        }

        /// <summary>Closed by the heartbeat.</summary>
        public bool IsLate
        {
            get => _late;
            set => _late = value;
        }
    }
}
