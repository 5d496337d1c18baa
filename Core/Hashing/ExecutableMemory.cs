// Memory for code written at run time. It is never writable and executable at the same time. Some systems forbid to make
// any executable: SELinux (execmem), systemd (MemoryDenyWriteExecute). Linux only: other systems have other calls for it.
using System.Runtime.InteropServices;

namespace TinyTorrent.Hashing;

static unsafe partial class ExecutableMemory
{
    const int Read = 1, Write = 2, Execute = 4, PrivateAnonymous = 0x22;

    /// <summary>The code where it can be called, for the life of the process; null if the system forbids that.</summary>
    public static byte* TryMake(ReadOnlySpan<byte> code)
    {
        byte* memory = Map(null, code.Length, Read | Write, PrivateAnonymous, -1, 0);
        if (memory == (byte*)-1) return null;
        code.CopyTo(new Span<byte>(memory, code.Length));
        if (Protect(memory, code.Length, Read | Execute) == 0) return memory;
        _ = Unmap(memory, code.Length);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(byte* at, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(byte* at, nint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(byte* at, nint length);
}
