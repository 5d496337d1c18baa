// Every peer connection of the program, from its dial on: places are given out here, connections started, counted, and joined
// at the end. One stranger that connects to us cannot take all places; peers that we dial are not counted as strangers.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Swarm;
using TinyTorrent.Tracker;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

/// <summary>Any thread may call.</summary>
/// <param name="handshakeTime">A handshake that takes longer is no BitTorrent peer, or a slow-loris; null: 20 s.</param>
sealed class Connections(IPeerDriver driver, Clock clock, int maxPeers, TimeSpan? handshakeTime = null)
{
    /// <summary>Dials under way at once: more look like a port scan to home routers.</summary>
    public const int MaxDialling = 40;

    sealed class Connection(TimeSpan since, PeerAddress? from)
    {
        public TimeSpan Since { get; } = since;
        public PeerAddress? From { get; } = from;
        public Torrent? Torrent { get; set; }
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    readonly TimeSpan _handshakeTime = handshakeTime ?? TimeSpan.FromSeconds(20);
    readonly Lock _gate = new();
    readonly Dictionary<PeerSession, Connection> _live = [];
    readonly Strangers _strangers = new(maxPeers);
    readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    Exception? _fault;
    int _dialling;
    bool _stopping;

    public int Count { get { lock (_gate) return _live.Count; } }

    public bool HasRoom { get { lock (_gate) return !_stopping && _live.Count < maxPeers; } }

    /// <summary>A fault of ours that ended a connection's loops or a dial; the program can't be trusted to go on.</summary>
    public Exception? Fault { get { lock (_gate) return _fault; } }

    /// <summary>Keeps a place for a dial until <see cref="EndDial"/>: no more is dialled than could be taken. False if there is none.</summary>
    public bool TryBeginDial()
    {
        lock (_gate)
        {
            if (_stopping || _dialling >= MaxDialling || _live.Count + _dialling >= maxPeers) return false;
            _dialling++;
            return true;
        }
    }

    /// <summary>As <see cref="TryBeginDial"/>, for a peer the user has named: it is dialled however many others are. False at the end.</summary>
    public bool TryBeginWantedDial()
    {
        lock (_gate)
        {
            if (!_stopping) _dialling++;
            return !_stopping;
        }
    }

    /// <summary>The dial has ended; the connection, if there is one, has its own place by then.</summary>
    /// <param name="fault">Of ours.</param>
    public void EndDial(Exception? fault)
    {
        lock (_gate)
        {
            _dialling--;
            _fault ??= fault;
            EndIfLast();
        }
    }

    /// <summary>Takes over the socket and the session. False, and both are closed, if there is no room.</summary>
    /// <param name="torrent">Whose connection it is; null while that is not known.</param>
    /// <param name="refused">Called if the connection ends before the handshakes were exchanged.</param>
    /// <param name="caller">The address that connected to us; null if we dialled.</param>
    public bool TryStart(Socket socket, PeerSession session, Torrent? torrent = null, Action? refused = null, IPAddress? caller = null)
    {
        bool admitted;
        PeerAddress? from = caller is null ? null : PeerAddress.From(caller);
        lock (_gate)
        {
            admitted = !_stopping && _live.Count < maxPeers && (from is not { } address || _strangers.TryEnter(address));
            if (admitted) _live.Add(session, new Connection(clock.Now, from) { Torrent = torrent });
        }
        try
        {
            if (admitted) driver.Start(socket, session, fault => OnEnded(session, refused, fault));
        }
        catch (Exception e) when (e is OutOfMemoryException or SocketException) // no more threads or watches to be had: as good as no room
        {
            admitted = false;
            OnEnded(session, refused: null, fault: null);
        }
        if (!admitted) PeerSocket.End(socket, session, clock.Now); // what it wanted to say has taken memory
        return admitted;
    }

    /// <summary>A peer that connected to us has said which torrent it wants.</summary>
    public void OnWanted(PeerSession session, Torrent torrent)
    {
        lock (_gate)
        {
            if (_live.TryGetValue(session, out Connection? connection)) connection.Torrent = torrent;
        }
    }

    void OnEnded(PeerSession session, Action? refused, Exception? fault)
    {
        if (!session.IsEstablished) refused?.Invoke();
        lock (_gate)
        {
            if (_live.Remove(session, out Connection? ended))
            {
                if (ended.From is { } from) _strangers.Leave(from);
                ended.Ended.SetResult();
            }
            _fault ??= fault;
            EndIfLast();
        }
    }

    void EndIfLast()
    {
        if (_stopping && _live.Count == 0 && _dialling == 0) _stopped.TrySetResult();
    }

    /// <summary>Once a second: drops peers that have not finished their handshake in time.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            TimeSpan now = clock.Now;
            foreach ((PeerSession session, Connection connection) in _live)
                if (!session.IsEstablished && now - connection.Since > _handshakeTime) session.Outbox.Close();
        }
    }

    /// <summary>Ends the connections of a torrent that admits no more, and completes when the last loop has ended.</summary>
    public async Task EndAsync(Torrent torrent)
    {
        var ends = new List<Task>();
        lock (_gate)
        {
            foreach ((PeerSession session, Connection connection) in _live)
            {
                if (connection.Torrent != torrent) continue;
                session.Outbox.Close();
                ends.Add(connection.Ended.Task);
            }
        }
        await Task.WhenAll(ends).ConfigureAwait(false);
    }

    /// <summary>Ends every connection and completes when the last loop and the last dial have ended. What waits to be sent gets <paramref name="grace"/>.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        lock (_gate)
        {
            _stopping = true;
            foreach (PeerSession session in _live.Keys) session.Outbox.Finish();
            EndIfLast();
        }
        await Task.WhenAny(_stopped.Task, Task.Delay(grace)).ConfigureAwait(false);
        lock (_gate)
        {
            foreach (PeerSession session in _live.Keys) session.Outbox.Close();
        }
        await _stopped.Task.ConfigureAwait(false);
    }
}
