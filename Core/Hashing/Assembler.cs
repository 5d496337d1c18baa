// Writes machine code for x86-64: the few instructions that a hash over the SHA extensions needs, for which .NET has no
// intrinsics. Encodings from the Intel SDM, volume 2: [prefix] [REX] 0F [38 or 3A] opcode ModRM [displacement] [immediate].
namespace TinyTorrent.Hashing;

/// <summary>One of the registers xmm0 to xmm15.</summary>
readonly record struct Xmm(int Number);

/// <summary>A general register, by its number in the encoding.</summary>
enum Register
{
    Rcx = 1,
    Rdx = 2,
    Rsi = 6,
    Rdi = 7,
    R8 = 8,
}

sealed class Assembler
{
    readonly List<byte> _code = [];

    /// <summary>Bytes written; where the next instruction begins.</summary>
    public int Position => _code.Count;

    public byte[] ToArray() => [.. _code];

    /// <summary>What an indirect call must find where the processor watches over those (CET).</summary>
    public void EndBranch() => Append(0xF3, 0x0F, 0x1E, 0xFA);

    public void Return() => Append(0xC3);

    public void Load(Xmm to, Register from, int offset) => Memory(0xF3, 0x6F, to, from, offset);
    public void Store(Register to, int offset, Xmm from) => Memory(0xF3, 0x7F, from, to, offset);
    public void Move(Xmm to, Xmm from) => Vector(0x66, 0x6F, to, from);
    public void Add(Xmm to, Xmm from) => Vector(0x66, 0xFE, to, from);
    public void Xor(Xmm to, Xmm from) => Vector(0x66, 0xEF, to, from);
    public void ShuffleBytes(Xmm to, Xmm order) => Vector(0x66, 0x3800, to, order);
    public void ShuffleWords(Xmm to, Xmm from, byte order) => Vector(0x66, 0x70, to, from, order);

    /// <summary>16 of the 32 bytes of <paramref name="to"/> over <paramref name="low"/>, from a byte on.</summary>
    public void Align(Xmm to, Xmm low, byte from) => Vector(0x66, 0x3A0F, to, low, from);

    /// <param name="phase">0 to 3: which of the four functions and constants.</param>
    public void Sha1FourRounds(Xmm abcd, Xmm e, byte phase) => Vector(null, 0x3ACC, abcd, e, phase);
    public void Sha1NextE(Xmm abcd, Xmm words) => Vector(null, 0x38C8, abcd, words);
    public void Sha1Message1(Xmm to, Xmm from) => Vector(null, 0x38C9, to, from);
    public void Sha1Message2(Xmm to, Xmm from) => Vector(null, 0x38CA, to, from);

    /// <summary>The words, their constants added, are in xmm0.</summary>
    public void Sha256TwoRounds(Xmm cdgh, Xmm abef) => Vector(null, 0x38CB, cdgh, abef);
    public void Sha256Message1(Xmm to, Xmm from) => Vector(null, 0x38CC, to, from);
    public void Sha256Message2(Xmm to, Xmm from) => Vector(null, 0x38CD, to, from);

    public void Add(Register to, sbyte number) => Append(Rex(0, (int)to) | 0x48, 0x83, 0xC0 | ((int)to & 7), (byte)number);

    /// <summary>Takes one away, and goes back unless nothing is left.</summary>
    public void CountDown(Register counter, int target)
    {
        Append(Rex(0, (int)counter) | 0x48, 0xFF, 0xC8 | ((int)counter & 7), 0x0F, 0x85);
        Append32(target - (Position + sizeof(int))); // from the end of this instruction
    }

    void Vector(byte? prefix, int opcode, Xmm register, Xmm other, byte? immediate = null)
    {
        Opcode(prefix, opcode, Rex(register.Number, other.Number));
        Append(0xC0 | (register.Number & 7) << 3 | (other.Number & 7));
        if (immediate is { } value) Append(value);
    }

    // The offset always takes four bytes. Bases rsp and r12 would need one more byte, and are not in Register.
    void Memory(byte prefix, int opcode, Xmm register, Register address, int offset)
    {
        Opcode(prefix, opcode, Rex(register.Number, (int)address));
        Append(0x80 | (register.Number & 7) << 3 | ((int)address & 7));
        Append32(offset);
    }

    void Opcode(byte? prefix, int opcode, int rex)
    {
        if (prefix is { } value) Append(value);
        if (rex != 0x40) Append(rex);
        Append(0x0F);
        if (opcode > 0xFF) Append(opcode >> 8);
        Append(opcode);
    }

    /// <summary>The prefix that holds the fourth bit of the registers' numbers.</summary>
    static int Rex(int register, int other) => 0x40 | (register >> 3) << 2 | other >> 3;

    void Append(params ReadOnlySpan<int> bytes)
    {
        foreach (int part in bytes) _code.Add((byte)part);
    }

    void Append32(int value) => Append(value, value >> 8, value >> 16, value >> 24);
}
