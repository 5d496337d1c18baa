// Threads for answers that take long (a search through thousands of entries, a .torrent that is read and written to disk), so
// that the threads that serve connections never wait for one. Addresses take turns: an address with many requests waiting
// delays its own only. The number that may wait is bounded, of all together and of one address. Any thread may call.
using System.Diagnostics.CodeAnalysis;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="most">Threads; each is started when it is first needed.</param>
/// <param name="places">Requests that may wait.</param>
sealed class HttpWorkers(int most, int places = HttpWorkers.DefaultPlaces) : IDisposable
{
    const int DefaultPlaces = 1024, MaxThreads = 4;

    readonly object _gate = new(); // a Monitor, because threads wait on it
    readonly Dictionary<PeerAddress, Queue<Action>> _waiting = [];
    readonly Queue<PeerAddress> _turns = new(); // each address in _waiting, once
    readonly List<Thread> _threads = [];
    int _count, _idle;
    bool _stopped;

    /// <summary>Threads worth having beside those that serve connections: two, so that one large request does not hold up all others.</summary>
    public static int Fitting => Math.Clamp(Environment.ProcessorCount / 2, 2, MaxThreads);

    /// <summary>Requests that wait for a thread.</summary>
    public int Waiting
    {
        get { lock (_gate) return _count; }
    }

    /// <summary>Has the work done as soon as it is the turn of this address.</summary>
    /// <param name="work">Must not throw.</param>
    /// <returns>False if too many wait already.</returns>
    public bool TryAdd(in PeerAddress from, Action work)
    {
        PeerAddress network = from.Network(PeerAddress.HouseholdBits);
        lock (_gate)
        {
            if (_stopped || _count == places) return false;
            if (!_waiting.TryGetValue(network, out Queue<Action>? own))
            {
                _waiting.Add(network, own = new Queue<Action>());
                _turns.Enqueue(network);
            }
            else if (own.Count >= Math.Max(1, places / 4)) return false;
            own.Enqueue(work);
            _count++;
            if (_idle < _count && _threads.Count < most) StartThread();
            Monitor.Pulse(_gate);
            return true;
        }
    }

    void StartThread()
    {
        var thread = new Thread(Run) { Name = $"http worker {_threads.Count + 1}", IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    void Run()
    {
        while (TryTake(out Action? work)) work();
    }

    bool TryTake([NotNullWhen(true)] out Action? work)
    {
        lock (_gate)
        {
            work = null;
            for (; _count == 0; _idle--)
            {
                if (_stopped) return false;
                _idle++;
                Monitor.Wait(_gate);
            }
            PeerAddress network = _turns.Dequeue();
            Queue<Action> own = _waiting[network];
            work = own.Dequeue();
            _count--;
            if (own.Count > 0) _turns.Enqueue(network);
            else _waiting.Remove(network);
            return true;
        }
    }

    /// <summary>Returns when all the work that was taken on has been done.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
        foreach (Thread thread in _threads) thread.Join();
    }
}
