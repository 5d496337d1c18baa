// A signal is a request to end well; the program itself would tell its trackers meanwhile.
using System.Runtime.InteropServices;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public partial class InterruptTests
{
    // not SIGINT and not SIGTERM: the test runner listens to those
    const int SigHup = 1;

    [Fact]
    public async Task ASignalCancelsTheTokenAndTheProcessLivesOn()
    {
        if (OperatingSystem.IsWindows()) return;
        using var interrupt = new Interrupt();
        Assert.False(interrupt.Requested);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = interrupt.Token.Register(cancelled.SetResult);
        Assert.Equal(0, kill(Environment.ProcessId, SigHup));
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(interrupt.Requested);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
