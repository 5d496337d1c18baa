// Hashing with the SHA extensions of x86-64 processors. .NET has no intrinsics for them, so the routines are written into
// memory when the process first hashes many streams. That memory is never writable and executable at the same time. Where
// the system forbids to make any executable (SELinux's execmem, systemd's MemoryDenyWriteExecute), the lanes do the work.
// Linux only: other systems have other calls to get such memory. Any thread may call.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace TinyTorrent.Hashing;

static unsafe class ShaInstructions<THash> where THash : IBlockHash
{
    const int RegisterWords = 8; // of one stream's state

    static readonly delegate* unmanaged<uint*, byte*, byte*, nint, byte*, void> s_one, s_two;
    static readonly byte* s_constants;

    static ShaInstructions()
    {
        if (!ShaInstructions.AreThere) return;
        Span<byte> code = stackalloc byte[ExecutableMemory.Size];
        int two = THash.WriteRoutine(code, 1);
        int constants = two + THash.WriteRoutine(code[two..], 2);
        THash.ByteOrder.CopyTo(code[constants..]);
        MemoryMarshal.AsBytes(THash.RoundConstants).CopyTo(code[(constants + THash.ByteOrder.Length)..]);

        byte* memory = ExecutableMemory.TryMake(code);
        if (memory is null) return;
        s_one = (delegate* unmanaged<uint*, byte*, byte*, nint, byte*, void>)memory;
        s_two = (delegate* unmanaged<uint*, byte*, byte*, nint, byte*, void>)(memory + two);
        s_constants = memory + constants;
    }

    public static bool IsSupported => s_one is not null;

    /// <summary>Takes blocks of one or two streams into their states.</summary>
    public static void Compress(uint** states, byte** streams, int count, nint blocks)
    {
        if (blocks == 0) return; // the routines count down to it
        uint* registers = stackalloc uint[ShaInstructions.Count * RegisterWords];
        ReadOnlySpan<byte> places = THash.RegisterPlaces;
        for (int i = 0; i < count; i++)
            for (int word = 0; word < places.Length; word++) registers[i * RegisterWords + places[word]] = states[i][word];
        if (count == 1) s_one(registers, streams[0], null, blocks, s_constants);
        else s_two(registers, streams[0], streams[1], blocks, s_constants);
        for (int i = 0; i < count; i++)
            for (int word = 0; word < places.Length; word++) states[i][word] = registers[i * RegisterWords + places[word]];
    }
}

static class ShaInstructions
{
    /// <summary>Streams side by side.</summary>
    public const int Count = 2;

    /// <summary>Whether the processor has them, and SSSE3 for the order of bytes. Asked here: a small build answers no for SSSE3.</summary>
    public static bool AreThere { get; } = OperatingSystem.IsLinux() && X86Base.X64.IsSupported && X86Base.CpuId(0, 0).Eax >= 7
        && (X86Base.CpuId(1, 0).Ecx & 1 << 9) != 0 && (X86Base.CpuId(7, 0).Ebx & 1 << 29) != 0;
}

static unsafe partial class ExecutableMemory
{
    /// <summary>Bytes of code in one piece, at most.</summary>
    public const int Size = 8192;

    const int Read = 1, Write = 2, Execute = 4, PrivateAnonymous = 0x22;

    /// <summary>The code where it can be called, for the life of the process; null if the system forbids that.</summary>
    public static byte* TryMake(ReadOnlySpan<byte> code)
    {
        byte* memory = Map(null, Size, Read | Write, PrivateAnonymous, -1, 0);
        if (memory == (byte*)-1) return null;
        code.CopyTo(new Span<byte>(memory, Size));
        if (Protect(memory, Size, Read | Execute) == 0) return memory;
        _ = Unmap(memory, Size);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(byte* at, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(byte* at, nint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(byte* at, nint length);
}
