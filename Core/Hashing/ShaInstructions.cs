// Hashing with the SHA extensions of x86-64 processors. .NET has no intrinsics for them, so the routines are written into
// memory when the process first looks for its fastest width. Where that is forbidden, the lanes do the work.
// Any thread may call.
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
        byte[] one = THash.Routine(streams: 1), two = THash.Routine(streams: 2);
        byte* memory = ExecutableMemory.TryMake([.. one, .. two, .. THash.ByteOrder, .. MemoryMarshal.AsBytes(THash.RoundConstants)]);
        if (memory is null) return;
        s_one = (delegate* unmanaged<uint*, byte*, byte*, nint, byte*, void>)memory;
        s_two = (delegate* unmanaged<uint*, byte*, byte*, nint, byte*, void>)(memory + one.Length);
        s_constants = memory + one.Length + two.Length;
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
