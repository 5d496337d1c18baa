// Disk work of the asynchronous engine: a few named threads, so that a slow disk never holds the thread pool.
// Jobs are run in the order of arrival; one peer has at most one job per direction waiting, which bounds the queue.
using System.Threading.Tasks.Sources;

namespace TinyTorrent.Storage;

/// <summary>A piece of disk work that is queued again and again, one run at a time; nothing is allocated per run.</summary>
sealed class DiskJob(Action work) : IValueTaskSource
{
    ManualResetValueTaskSourceCore<bool> _done = new() { RunContinuationsAsynchronously = true };

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
    readonly Lock _gate = new();
    readonly Queue<DiskJob> _jobs = new();
    readonly SemaphoreSlim _waiting = new(0);
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
        }
        _waiting.Release();
        return done;
    }

    void Work()
    {
        while (true)
        {
            _waiting.Wait();
            DiskJob? job;
            lock (_gate)
            {
                if (!_jobs.TryDequeue(out job)) return; // released without a job: disposed
            }
            job.Run();
        }
    }

    public void Dispose()
    {
        lock (_gate) _disposed = true;
        _waiting.Release(_threads.Length);
        foreach (Thread thread in _threads) thread.Join();
        _waiting.Dispose();
    }
}
