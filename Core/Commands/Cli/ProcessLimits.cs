// What the system lets this process have (ulimit): errors with a sentence instead of an end by a signal.
using System.Runtime.InteropServices;
using TinyTorrent.Net;

namespace TinyTorrent.Commands;

static partial class ProcessLimits
{
    // The same numbers on Linux and macOS.
    const int FileTooLarge = 25, WriteFromBackground = 22;
    const nint Ignore = 1;
    const int MaxArenas = -8; // M_ARENA_MAX
    const int MaxSignalSet = 16; // words of 8 bytes; glibc's sigset_t is the longest

    /// <summary>Bytes. The runtime reserves far more than it uses, and with less it dies at a moment of its own.</summary>
    const long LeastAddressSpace = 256 << 20;

    /// <summary>
    /// A write beyond the limit on file sizes fails instead of ending the process (SIGXFSZ). A process in the background goes on
    /// instead of being stopped (SIGTTOU) when the framework sets up the terminal again, as it does after every continuation.
    /// </summary>
    public static unsafe void IgnoreSignals()
    {
        if (OperatingSystem.IsWindows()) return;
        _ = signal(FileTooLarge, Ignore);
        // Ignoring it does not last: the framework puts the signal's default back. A mask is every later thread's as well.
        ulong* signals = stackalloc ulong[MaxSignalSet];
        _ = sigemptyset(signals);
        _ = sigaddset(signals, WriteFromBackground);
        _ = pthread_sigmask(OperatingSystem.IsLinux() ? 0 : 1, signals, null);
    }

    /// <exception cref="CommandException">No command can be relied on to run.</exception>
    public static void Require()
    {
        long space = LinuxSockets.AddressSpaceLimit();
        if (space == long.MaxValue) return;
        _ = mallopt(MaxArenas, 1); // malloc would reserve 64 MiB for every thread
        if (space < LeastAddressSpace)
            throw new CommandException(ExitCode.Failed, $"the address space is limited to {Display.Bytes(space)} (ulimit -v): {Display.Bytes(LeastAddressSpace)} are needed, of which most is only reserved");
    }

    /// <summary>
    /// Before an engine or a server starts: takes as many threads as those need at the least, and gives them back. The runtime ends
    /// the process on the spot if it cannot have one of its own in the middle of the work.
    /// </summary>
    /// <exception cref="CommandException">The system gives no more.</exception>
    public static void RequireThreads()
    {
        int count = 16 + Environment.ProcessorCount;
        var threads = new List<Thread>(count);
        using var end = new ManualResetEvent(false);
        try
        {
            while (threads.Count < count)
            {
                var thread = new Thread(() => end.WaitOne()) { IsBackground = true };
                thread.Start();
                threads.Add(thread);
            }
        }
        catch (OutOfMemoryException e)
        {
            throw new CommandException(ExitCode.Failed, $"the system gives no more than {threads.Count} threads (ulimit -u and -v, or a container's limit): {count} are needed", e);
        }
        finally
        {
            end.Set();
            threads.ForEach(thread => thread.Join());
        }
    }

    /// <summary>Ends the process without anything that could need a thread or memory.</summary>
    public static void ExitAtOnce(ExitCode code)
    {
        if (OperatingSystem.IsWindows()) Environment.Exit((int)code);
        _exit((int)code);
    }

    [LibraryImport("libc")]
    private static unsafe partial int sigemptyset(ulong* signals);

    [LibraryImport("libc")]
    private static unsafe partial int sigaddset(ulong* signals, int signal);

    [LibraryImport("libc")]
    private static unsafe partial int pthread_sigmask(int how, ulong* signals, ulong* before);

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);

    [LibraryImport("libc")]
    private static partial void _exit(int code);
}
