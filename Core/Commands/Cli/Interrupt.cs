// Ctrl-C, SIGTERM and SIGHUP as a cancellation token, so that a command can tell its trackers and save its state.
// A second Ctrl-C while that goes on ends the process at once.
using System.Runtime.InteropServices;

namespace TinyTorrent.Commands;

/// <summary>Holds the signals from its creation until it is disposed; one per command, in a <c>using</c>.</summary>
sealed class Interrupt : IDisposable
{
    // timeout(1) and a terminal's process group can deliver one press twice.
    static readonly TimeSpan SamePress = TimeSpan.FromMilliseconds(300);

    // Never disposed: a handler may still run when the registrations are gone.
    readonly CancellationTokenSource _source = new();
    readonly PosixSignalRegistration[] _signals;
    long _firstTicks;

    /// <param name="onHangup">What SIGHUP does instead of ending the command, on a thread of the runtime.</param>
    public Interrupt(Action? onHangup = null) => _signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, onHangup is null ? OnSignal : context =>
        {
            context.Cancel = true;
            onHangup();
        }),
    ];

    /// <summary>Cancelled by the first signal, on a thread of the runtime.</summary>
    public CancellationToken Token => _source.Token;

    public bool Requested => _source.IsCancellationRequested;

    void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        long first = Interlocked.CompareExchange(ref _firstTicks, Environment.TickCount64, 0);
        if (first == 0) _source.Cancel();
        else if (context.Signal == PosixSignal.SIGINT && Environment.TickCount64 - first > SamePress.TotalMilliseconds)
        {
            if (Terminal.IsUsable) Console.Error.WriteLine(); // the shell's prompt goes below the status line
            Environment.Exit((int)ExitCode.Interrupted);
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals) signal.Dispose();
    }
}
