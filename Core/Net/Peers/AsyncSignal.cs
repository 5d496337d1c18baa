using System.Threading.Tasks.Sources;

namespace TinyTorrent.Net;

/// <summary>An auto-reset event for one awaiting task; nothing is allocated per wait. Any thread may set it.</summary>
sealed class AsyncSignal : IValueTaskSource
{
    enum State { Idle, Waited, Set }

    readonly Lock _gate = new();
    ManualResetValueTaskSourceCore<bool> _core;
    State _state;

    public void Set()
    {
        lock (_gate)
        {
            if (_state != State.Waited)
            {
                _state = State.Set;
                return;
            }
            _state = State.Idle;
        }
        _core.SetResult(true);
    }

    /// <summary>As if it had not been set.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            if (_state == State.Set) _state = State.Idle;
        }
    }

    /// <summary>Completes when set, at once if it was set before. One waiter at a time.</summary>
    /// <param name="inPlace">Go on inside the call of who sets it, instead of on the thread pool.</param>
    public ValueTask WaitAsync(bool inPlace = false)
    {
        lock (_gate)
        {
            if (_state == State.Set)
            {
                _state = State.Idle;
                return default;
            }
            _core.Reset();
            _core.RunContinuationsAsynchronously = !inPlace;
            _state = State.Waited;
            return new ValueTask(this, _core.Version);
        }
    }

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
