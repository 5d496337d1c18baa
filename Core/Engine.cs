// The composition root: one listener, one clock, one peer engine, the torrents, and an orderly end.
// One heartbeat a second drives everything that waits for time; nothing else owns a timer.
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using TinyTorrent.Net;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent;

/// <param name="Synchronous">A thread per direction and peer, instead of tasks.</param>
/// <param name="Bind">Address to listen on; null for every address of both families.</param>
/// <param name="Port">Port to listen on; 0 for any.</param>
/// <param name="ExactPort">A taken port is an error instead of a reason to try the next.</param>
/// <param name="LimitDown">Bytes per second; null for no limit.</param>
/// <param name="LimitUp">Bytes per second; null for no limit.</param>
/// <param name="MaxPeers">Connections at once; null for what the engine takes on by itself.</param>
sealed record EngineOptions(
    bool Synchronous = false, IPAddress? Bind = null, int Port = 6881, bool ExactPort = false, long? LimitDown = null, long? LimitUp = null, int? MaxPeers = null);

sealed class Engine : IAsyncDisposable
{
    const int DefaultMaxPeers = 200, DiskThreads = 2;

    /// <summary>For the small messages that wait when the engine stops.</summary>
    static readonly TimeSpan s_lastWords = TimeSpan.FromMilliseconds(300);

    /// <summary>What trackers get to hear that we leave before we do.</summary>
    static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(2);

    readonly CancellationTokenSource _stop = new(); // never disposed: a late callback may still look at it
    readonly IPeerDriver _driver;
    readonly Connections _connections;
    readonly IReadiness? _readiness; // null: the engine's threads wait in their sockets themselves
    readonly DiskQueue _diskQueue = new(DiskThreads);
    readonly PeerListener _listener;
    readonly TrackerTransport _trackerTransport = new();
    readonly Lock _gate = new();
    readonly List<ActiveTorrent> _torrents = [];
    readonly List<Task> _removals = [];
    readonly Task _listening, _beating;
    readonly int _maxPeers;
    int _refused; // incoming connections

    /// <summary>SocketException if the port can't be had.</summary>
    public Engine(EngineOptions options)
    {
        var down = new RateLimiter(options.LimitDown);
        var up = new RateLimiter(options.LimitUp);
        _driver = options.Synchronous ? new SyncDriver(Clock, down, up) : new AsyncDriver(Clock, _readiness = IReadiness.Create(), _diskQueue, down, up);
        _maxPeers = Math.Min(options.MaxPeers ?? DefaultMaxPeers, _driver.MaxPeers);
        _connections = new Connections(_driver, Clock, _maxPeers);
        _listener = options.ExactPort ? PeerListener.Open(options.Bind, options.Port) : PeerListener.OpenNear(options.Bind, options.Port);
        _listening = _listener.RunAsync(OnAccepted, _stop.Token);
        _beating = BeatAsync();
    }

    public Clock Clock { get; } = new();
    public PeerId PeerId { get; } = PeerId.Create(new Random());
    public int Port => _listener.Port;

    /// <summary>Cancelled when the engine ends.</summary>
    public CancellationToken Stopping => _stop.Token;
    public PieceVerifier Verifier { get; } = new();
    public ITrackerTransport TrackerTransport => _trackerTransport;

    /// <summary>The buffers of its connections.</summary>
    public Slabs Slabs { get; } = new();

    /// <summary>
    /// A fault of ours in a connection's loop, a dial, the verifier, a tracker's request, the listener or the heartbeat; null while
    /// there is none. It ends the command at its next look, and keeps nothing from being saved or told at the end.
    /// </summary>
    public Exception? Fault =>
        _connections.Fault ?? Verifier.Fault ?? _trackerTransport.Fault ?? (_listening.Exception ?? _beating.Exception)?.InnerException;

    /// <summary>Throws the <see cref="Fault"/> if there is one.</summary>
    public void RequireNoFault()
    {
        if (Fault is { } fault) ExceptionDispatchInfo.Throw(fault);
    }

    /// <summary>Raised the first time a peer is turned away for want of room: with the limit, and whether this engine could take
    /// more if it were allowed to.</summary>
    public event Action<int, bool>? PeerRefused;

    /// <summary>Takes over the torrent and starts it.</summary>
    public void Add(ActiveTorrent torrent)
    {
        lock (_gate) _torrents.Add(torrent);
        torrent.Tick(Clock.Now);
        Dial();
    }

    /// <summary>Lets one torrent go: its trackers are told, its connections end, its state is saved. Then its files are closed.</summary>
    public Task RemoveAsync(ActiveTorrent torrent)
    {
        lock (_gate)
        {
            if (!_torrents.Remove(torrent)) return Task.CompletedTask; // it goes with the engine
            _removals.RemoveAll(removal => removal.IsCompleted);
            Task removal = Task.Run(() => LetGoAsync(torrent));
            _removals.Add(removal);
            return removal;
        }
    }

    async Task LetGoAsync(ActiveTorrent torrent)
    {
        torrent.Leave();
        torrent.Torrent.CloseAll();
        await _connections.EndAsync(torrent.Torrent).ConfigureAwait(false);
        torrent.StopHashing();
        await torrent.SaveAsync().ConfigureAwait(false);
        torrent.Dispose();
    }

    async Task BeatAsync()
    {
        using var heart = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await heart.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                _connections.Tick();
                foreach (ActiveTorrent torrent in Torrents) torrent.Tick(Clock.Now);
                Dial();
            }
        }
        catch (OperationCanceledException) { } // the engine stops
    }

    ActiveTorrent[] Torrents { get { lock (_gate) return [.. _torrents]; } }

    /// <summary>Connects to as many waiting peers as there is room for. Any thread; returns at once.</summary>
    public void Dial()
    {
        foreach (ActiveTorrent torrent in Torrents)
        {
            while (_connections.TryBeginDial())
            {
                if (torrent.Torrent.NextToDial(Clock.Now) is not { } peer)
                {
                    _connections.EndDial(fault: null);
                    break;
                }
                _ = DialAsync(torrent.Torrent, peer); // Connections waits for its end
            }
        }
    }

    async Task DialAsync(Torrent torrent, IPEndPoint peer)
    {
        // Many dials may fail at once, as all to IPv6 do on a host without it: each on a stack of its own.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Exception? fault = null;
        try
        {
            Start(torrent, await _driver.ConnectAsync(peer, _stop.Token).ConfigureAwait(false), peer);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
        {
            torrent.OnDialGivenUp(peer, Clock.Now); // we have no room
        }
        catch (SocketException) // it can't be reached at this time
        {
            torrent.OnDialFailed(peer, Clock.Now);
        }
        catch (Exception e) // a fault of ours, which the engine's owner is to see
        {
            fault = e;
        }
        _connections.EndDial(fault);
        Dial();
    }

    void Start(Torrent torrent, Socket socket, IPEndPoint peer)
    {
        var session = new PeerSession((PeerSession s, in Handshake h) => torrent.Admit(s, h, peer, dialled: true, Clock.Now), Slabs);
        session.Outbox.SendHandshake(torrent.Hello);
        if (!_connections.TryStart(socket, session, torrent, refused: () => torrent.OnDialFailed(peer, Clock.Now))) torrent.OnDialGivenUp(peer, Clock.Now);
    }

    void OnAccepted(Socket socket)
    {
        if (socket.RemoteEndPoint is not IPEndPoint address)
        {
            socket.Dispose(); // gone already
            return;
        }
        address = new IPEndPoint(CompactPeers.Unmap(address.Address), address.Port);
        bool started = _connections.TryStart(
            socket, new PeerSession((PeerSession s, in Handshake h) => AdmitIncoming(s, h, address), Slabs), caller: address.Address);
        if (!started && !_connections.HasRoom && !_stop.IsCancellationRequested && Interlocked.Exchange(ref _refused, 1) == 0)
            PeerRefused?.Invoke(_maxPeers, _maxPeers < _driver.MaxPeers);
    }

    IPeerEvents? AdmitIncoming(PeerSession session, in Handshake handshake, IPEndPoint address)
    {
        InfoHash wanted = handshake.InfoHash;
        ActiveTorrent? torrent = Array.Find(Torrents, t => t.Torrent.InfoHash == wanted);
        if (torrent is null) return null;
        _connections.OnWanted(session, torrent.Torrent); // before it is admitted, so that it is among the torrent's connections when those are ended
        return torrent.Torrent.Admit(session, handshake, address, dialled: false, Clock.Now);
    }

    /// <summary>Connects to a peer by name: all its addresses are tried. SocketException if none answers.</summary>
    public async Task ConnectAsync(ActiveTorrent torrent, string host, int port)
    {
        if (!_connections.TryBeginWantedDial()) throw new OperationCanceledException();
        Exception? fault = null;
        try
        {
            Socket socket = await HappyEyeballs.ConnectAsync(host, port, _driver.ConnectAsync, _stop.Token).ConfigureAwait(false);
            if (socket.RemoteEndPoint is not IPEndPoint peer)
            {
                socket.Dispose(); // gone already
                throw new SocketException((int)SocketError.ConnectionReset);
            }
            torrent.Torrent.OnDialling(peer);
            Start(torrent.Torrent, socket, peer);
        }
        catch (Exception e) when (e is not (SocketException or OperationCanceledException)) // a fault of ours
        {
            fault = e;
            throw;
        }
        finally
        {
            _connections.EndDial(fault);
        }
    }

    /// <summary>Tells the trackers, ends every connection, saves every state, joins every thread.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        ActiveTorrent[] torrents;
        Task[] removals;
        lock (_gate)
        {
            (torrents, removals) = ([.. _torrents], [.. _removals]);
            _torrents.Clear();
        }
        var faults = new List<Exception>();
        ForEach(torrents, torrent => torrent.Leave(), faults);
        // What has faulted is told by Fault; the others are to end as if nothing had happened.
        await _listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _beating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _connections.StopAsync(s_lastWords).ConfigureAwait(false);
        await Task.WhenAll(removals).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Dispose(); // not before its loop has ended, which would fail
        Verifier.Dispose();
        _diskQueue.Dispose();
        _readiness?.Dispose();
        foreach (ActiveTorrent torrent in torrents)
        {
            try { await torrent.SaveAsync().ConfigureAwait(false); }
            catch (Exception e) // the others' state is to be saved all the same
            {
                faults.Add(e);
            }
        }
        await FarewellAsync(torrents).ConfigureAwait(false);
        ForEach(torrents, torrent => torrent.Dispose(), faults);
        if (faults.Count > 0) ExceptionDispatchInfo.Throw(faults[0]);
    }

    static void ForEach(ActiveTorrent[] torrents, Action<ActiveTorrent> action, List<Exception> faults)
    {
        foreach (ActiveTorrent torrent in torrents)
        {
            try { action(torrent); }
            catch (Exception e) // the others are to end all the same
            {
                faults.Add(e);
            }
        }
    }

    /// <summary>Waits for the trackers to know that we leave; half-way the answers still under way are no longer waited for.</summary>
    async Task FarewellAsync(ActiveTorrent[] torrents)
    {
        TimeSpan start = Clock.Now, waited = default;
        for (; waited < s_farewell / 2 && !Array.TrueForAll(torrents, t => t.Trackers.IsStopped); waited = Clock.Now - start)
            await Task.Delay(10).ConfigureAwait(false);
        foreach (ActiveTorrent torrent in torrents) torrent.Trackers.StopAtOnce();
        _trackerTransport.Shutdown(s_farewell - waited);
    }
}
