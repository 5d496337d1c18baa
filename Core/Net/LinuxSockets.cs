// The Linux calls behind the tracker's fast servers: many datagrams a call, readiness of many connections at once.
// The framework's sockets do neither. All of them set errno; a negative result is an error.
using System.Runtime.InteropServices;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

static unsafe partial class LinuxSockets
{
    public const int TryAgain = 11, NoMemory = 12, TooManyFilesInSystem = 23, TooManyFiles = 24, NoBufferSpace = 105;

    /// <summary>recvmmsg: wait for the first datagram only.</summary>
    public const int WaitForOne = 0x10000, DontWait = 0x40;

    /// <summary>send: no SIGPIPE. With More: hold the data back for what follows, even if that is only the end.</summary>
    public const int NoSignal = 0x4000, More = 0x8000;

    public const int AcceptNonBlocking = 0x800, AcceptCloseOnExec = 0x80000;
    public const int ShutdownReceive = 0, ShutdownSend = 1;

    /// <summary>Bytes of the largest sockaddr of the two internet families.</summary>
    public const int AddressSize = 28;

    public const int EventCloseOnExec = 0x80000;

    const int OpenFiles = 7, AddressSpace = 9; // RLIMIT_NOFILE, RLIMIT_AS

    const int InterNetworkV6 = 10, GetFlags = 3, SetFlags = 4, NonBlocking = 0x800;

    /// <summary>The address in a sockaddr; its port is at bytes 2 and 3.</summary>
    public static PeerAddress ReadAddress(byte* address) => *(ushort*)address == InterNetworkV6
        ? PeerAddress.From(new ReadOnlySpan<byte>(address + 8, 16))
        : PeerAddress.From(new ReadOnlySpan<byte>(address + 4, 4));

    public static void SetNonBlocking(int descriptor) => _ = fcntl(descriptor, SetFlags, fcntl(descriptor, GetFlags, 0) | NonBlocking);

    /// <summary>Makes an eventfd readable.</summary>
    public static void Signal(int eventDescriptor)
    {
        long one = 1;
        _ = write(eventDescriptor, &one, sizeof(long));
    }

    /// <summary>Lets this process have as many descriptors as it may allow itself: the limit it starts with, often 1,024, is for programs that use select().</summary>
    public static void RaiseDescriptorLimit()
    {
        if (!OperatingSystem.IsLinux()) return;
        ResourceLimit limit;
        if (getrlimit(OpenFiles, &limit) != 0 || limit.Current >= limit.Highest) return;
        limit.Current = limit.Highest;
        _ = setrlimit(OpenFiles, &limit);
    }

    /// <summary>Descriptors this process may have.</summary>
    public static long DescriptorLimit()
    {
        ResourceLimit limit;
        return getrlimit(OpenFiles, &limit) == 0 && limit.Current <= int.MaxValue ? (long)limit.Current : int.MaxValue;
    }

    /// <summary>Bytes of address space this process may reserve.</summary>
    public static long AddressSpaceLimit()
    {
        ResourceLimit limit;
        return OperatingSystem.IsLinux() && getrlimit(AddressSpace, &limit) == 0 ? (long)Math.Min((ulong)limit.Current, long.MaxValue) : long.MaxValue;
    }

    [StructLayout(LayoutKind.Sequential)]
    struct ResourceLimit
    {
        public nuint Current, Highest;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>mmsghdr: a message and, after the call, its length.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public MessageHeader Header;
        public uint Length;
    }

    [LibraryImport("libc", SetLastError = true)]
    public static partial int recvmmsg(int socket, Message* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sendmmsg(int socket, Message* messages, uint count, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int shutdown(int socket, int how);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int accept4(int socket, void* address, uint* addressLength, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recv(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint send(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, ResourceLimit* limit);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, ResourceLimit* limit);

    [LibraryImport("libc")]
    private static partial int fcntl(int descriptor, int command, nint value);

    [LibraryImport("libc")]
    public static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setsockopt(int socket, int level, int option, void* value, uint length);

    [LibraryImport("libc")]
    public static partial int eventfd(uint value, int flags);

    [LibraryImport("libc")]
    private static partial nint write(int descriptor, void* data, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_ctl(int epoll, int operation, int descriptor, byte* entry);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_wait(int epoll, byte* entries, int count, int milliseconds);
}
