// Readiness of many descriptors (epoll). One thread waits; any may add and remove.
using System.Runtime.InteropServices;
using static TinyTorrent.Net.LinuxSockets;

namespace TinyTorrent.Net;

sealed unsafe class Epoll : IDisposable
{
    public const uint Readable = 1, Writable = 4, Error = 8, HangUp = 0x10, PeerClosed = 0x2000;

    /// <summary>Told once when something comes, not for as long as it is there.</summary>
    public const uint EdgeTriggered = 1u << 31;

    /// <summary>Told once, then silent until <see cref="Modify"/>. Alone: only the end of the connection, in both directions or by a reset.</summary>
    public const uint OneShot = 1u << 30;

    const int Most = 256, CloseOnExec = 0x80000;
    const int AddOperation = 1, RemoveOperation = 2, ModifyOperation = 3;

    // struct epoll_event { uint32 events; uint64 data } is packed on x86-64 and nowhere else.
    static readonly int s_data = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    static readonly int s_size = s_data + 8;

    readonly int _epoll = epoll_create1(CloseOnExec);
    readonly byte* _entries = (byte*)NativeMemory.Alloc((nuint)(Most * s_size));

    /// <summary>False if the system has no room for it.</summary>
    public bool TryAdd(int descriptor, uint events) => TryAdd(descriptor, events, descriptor);

    /// <param name="tag">What <see cref="Ready"/> says, where descriptors' numbers may change hands between its events and their use.</param>
    public bool TryAdd(int descriptor, uint events, int tag) => Control(AddOperation, descriptor, events, tag) == 0;

    public void Modify(int descriptor, uint events) => Control(ModifyOperation, descriptor, events, descriptor);

    /// <summary>Closing a descriptor removes it as well.</summary>
    public void Remove(int descriptor) => Control(RemoveOperation, descriptor, 0, 0);

    /// <summary>Waits until something is ready or the time is up; -1 waits without end. The number of ready descriptors.</summary>
    public int Wait(int milliseconds) => Math.Max(0, epoll_wait(_epoll, _entries, Most, milliseconds));

    /// <summary>The descriptor, or its tag, at a place of the last <see cref="Wait"/>.</summary>
    public int Ready(int index) => *(int*)(_entries + index * s_size + s_data);

    /// <summary>What it is ready for.</summary>
    public uint Events(int index) => *(uint*)(_entries + index * s_size);

    public void Dispose()
    {
        _ = close(_epoll);
        NativeMemory.Free(_entries);
    }

    int Control(int operation, int descriptor, uint events, int tag)
    {
        byte* entry = stackalloc byte[16];
        *(uint*)entry = events;
        *(long*)(entry + s_data) = tag;
        return epoll_ctl(_epoll, operation, descriptor, entry);
    }
}
