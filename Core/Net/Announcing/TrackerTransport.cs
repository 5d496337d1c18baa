// Carries TrackerClient's requests, each as one task that ends in a call of OnReply: HTTP and HTTPS through
// HttpTrackerTransport, UDP through UdpTrackerTransport. One for the whole program; any thread may call.
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

sealed class TrackerTransport(TrackerTimeouts? timeouts = null) : ITrackerTransport, IDisposable
{
    readonly HttpTrackerTransport _http = new(timeouts ?? new TrackerTimeouts());
    readonly UdpTrackerTransport _udp = new(timeouts ?? new TrackerTimeouts());
    readonly CancellationTokenSource _ordinary = new(), _last = new();
    readonly Dictionary<TrackerRequest, Task> _running = [];
    readonly Lock _lock = new();
    bool _closed;
    Exception? _fault;

    /// <summary>A fault of ours that cost an answer; null while there is none.</summary>
    public Exception? Fault { get { lock (_lock) return _fault; } }

    public void Send(TrackerRequest request, ITrackerCaller caller)
    {
        lock (_lock)
        {
            if (_closed) return;
            CancellationToken cancel = IsLast(request) ? _last.Token : _ordinary.Token;
            _running[request] = Task.Run(() => AskAsync(request, caller, cancel), CancellationToken.None);
        }
    }

    /// <summary>
    /// Drops every request but "stopped", gives those until <paramref name="grace"/> is over, and returns when no task
    /// and no socket is left. Requests cut off are not reported to their callers.
    /// </summary>
    public void Shutdown(TimeSpan grace)
    {
        var last = new List<Task>();
        Task[] all;
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            foreach ((TrackerRequest request, Task task) in _running)
                if (IsLast(request)) last.Add(task);
            all = [.. _running.Values];
        }
        _ordinary.Cancel();
        Task.WaitAll([.. last], grace);
        _last.Cancel();
        Task.WaitAll(all);
        _http.Dispose();
        _udp.Dispose();
        _ordinary.Dispose();
        _last.Dispose();
    }

    public void Dispose() => Shutdown(TimeSpan.Zero);

    async Task AskAsync(TrackerRequest request, ITrackerCaller caller, CancellationToken cancel)
    {
        try
        {
            TrackerReply reply = request.Tracker.Scheme == TrackerScheme.Udp
                ? await _udp.AskAsync(request, cancel).ConfigureAwait(false)
                : await _http.AskAsync(request, cancel).ConfigureAwait(false);
            caller.OnReply(request, reply);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Shutdown: nobody waits for this answer.
        }
        catch (Exception e) // a fault of ours, which the program's owner is to see
        {
            lock (_lock) _fault ??= e;
        }
        finally
        {
            lock (_lock) _running.Remove(request);
        }
    }

    static bool IsLast(TrackerRequest request) => request.Announce.Event == AnnounceEvent.Stopped;
}
