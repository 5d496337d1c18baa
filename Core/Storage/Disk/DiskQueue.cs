// Disk work of the asynchronous engine: a few named threads, so that a slow disk never holds the thread pool.
// Jobs are run in the order of arrival; one peer has at most one job per direction waiting, which bounds the queue.
using System.Threading.Tasks.Sources;

namespace TinyTorrent.Storage;

/// <summary>
/// A piece of disk work that is queued again and again, one run at a time; nothing is allocated per run. Who awaits it goes on
/// on the disk's thread, which saves a change of threads per receive: it must not block there, and its next job is queued.
/// </summary>
sealed class DiskJob(Action work) : IValueTaskSource
{
    ManualResetValueTaskSourceCore<bool> _done;

    internal ValueTask Prepare()
    {
        _done.Reset();
        return new ValueTask(this, _done.Version);
    }

    internal void Run()
    {
        try { work(); }
        catch (Exception e) // whatever it was belongs to the one who awaits it, not to the worker
        {
            _done.SetException(e);
            return;
        }
        _done.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token) => _done.GetResult(token);
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _done.GetStatus(token);
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);
}

/// <summary>Threads that run <see cref="DiskJob"/>s. Disposing finishes what is queued and joins them.</summary>
sealed class DiskQueue : IDisposable
{
    readonly object _gate = new(); // a monitor's wait, unlike a semaphore's, does not spin first
    readonly Queue<DiskJob> _jobs = new();
    readonly Thread[] _threads;
    bool _disposed;

    public DiskQueue(int threads)
    {
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(Work, 256 * 1024) { Name = $"disk-{i}", IsBackground = true };
            _threads[i].Start();
        }
    }

    /// <summary>Queues the job; completes when it has run.</summary>
    public ValueTask RunAsync(DiskJob job)
    {
        ValueTask done = job.Prepare();
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _jobs.Enqueue(job);
            Monitor.Pulse(_gate);
        }
        return done;
    }

    void Work()
    {
        while (true)
        {
            DiskJob? job;
            lock (_gate)
            {
                while (!_jobs.TryDequeue(out job))
                {
                    if (_disposed) return;
                    Monitor.Wait(_gate);
                }
            }
            job.Run();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }
        foreach (Thread thread in _threads) thread.Join();
    }
}
