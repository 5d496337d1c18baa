// Every live peer connection of the program: started here, counted here, and joined here at the end.
// One stranger cannot take all places; whom we call is none.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Tracker;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

/// <summary>Any thread may call.</summary>
/// <param name="handshakeTime">A handshake that takes longer is no BitTorrent peer, or a slow-loris; null: 20 s.</param>
sealed class Connections(IPeerDriver driver, Clock clock, int maxPeers, TimeSpan? handshakeTime = null)
{
    readonly TimeSpan _handshakeTime = handshakeTime ?? TimeSpan.FromSeconds(20);
    readonly Lock _gate = new();
    readonly Dictionary<PeerSession, (TimeSpan Since, PeerAddress? From)> _live = [];
    readonly Strangers _strangers = new(maxPeers);
    readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    Exception? _fault;
    bool _stopping;

    public int Count { get { lock (_gate) return _live.Count; } }

    public bool HasRoom { get { lock (_gate) return !_stopping && _live.Count < maxPeers; } }

    /// <summary>A fault of ours that ended a connection's loops; the program can't be trusted to go on.</summary>
    public Exception? Fault { get { lock (_gate) return _fault; } }

    /// <summary>Takes over the socket. False, and the socket is closed, if there is no room.</summary>
    /// <param name="refused">Called if the connection ends before the handshakes were exchanged.</param>
    /// <param name="caller">Who connected to us; null if we did.</param>
    public bool TryStart(Socket socket, PeerSession session, Action? refused = null, IPAddress? caller = null)
    {
        bool admitted;
        PeerAddress? from = caller is null ? null : PeerAddress.From(caller);
        lock (_gate)
        {
            admitted = !_stopping && _live.Count < maxPeers && (from is not { } address || _strangers.TryEnter(address));
            if (admitted) _live.Add(session, (clock.Now, from));
        }
        try
        {
            if (admitted) driver.Start(socket, session, fault => OnEnded(session, refused, fault));
            else socket.Dispose();
        }
        catch (Exception e) when (e is OutOfMemoryException or SocketException) // no more threads or watches to be had: as good as no room
        {
            admitted = false;
            session.Outbox.Close();
            socket.Dispose();
            OnEnded(session, refused: null, fault: null);
        }
        return admitted;
    }

    void OnEnded(PeerSession session, Action? refused, Exception? fault)
    {
        if (!session.IsEstablished) refused?.Invoke();
        lock (_gate)
        {
            if (_live.Remove(session, out (TimeSpan, PeerAddress? From) ended) && ended.From is { } from) _strangers.Leave(from);
            _fault ??= fault;
            if (_stopping && _live.Count == 0) _stopped.TrySetResult();
        }
    }

    /// <summary>Once a second: drops who has not finished its handshake in time.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            TimeSpan now = clock.Now;
            foreach ((PeerSession session, (TimeSpan since, _)) in _live)
                if (!session.IsEstablished && now - since > _handshakeTime) session.Outbox.Close();
        }
    }

    /// <summary>Ends every connection and completes when the last loop has ended. What waits to be sent gets <paramref name="grace"/>.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        lock (_gate)
        {
            _stopping = true;
            foreach (PeerSession session in _live.Keys) session.Outbox.Finish();
            if (_live.Count == 0) _stopped.TrySetResult();
        }
        await Task.WhenAny(_stopped.Task, Task.Delay(grace)).ConfigureAwait(false);
        lock (_gate)
        {
            foreach (PeerSession session in _live.Keys) session.Outbox.Close();
        }
        await _stopped.Task.ConfigureAwait(false);
    }
}
