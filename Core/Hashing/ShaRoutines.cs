// SHA-1 and SHA-256 (FIPS 180-4) of one stream or two over the processor's SHA extensions, written for x86-64. Four rounds
// are one or two instructions, but each waits for the one before: a second stream in between fills that time, so two take
// no longer than one. A third would need more registers than there are.
// The routines: void (uint* state, byte* stream, byte* otherStream, nint blocks, byte* constants), called as on every Unix.
// The state is two registers for each stream, 32 bytes, and is updated. The constants start with the order of bytes.
namespace TinyTorrent.Hashing;

static class ShaRoutines
{
    const Register State = Register.Rdi, Blocks = Register.Rcx, Constants = Register.R8;

    const int Quarter = 16; // bytes of a register: four of a block's words, for as many rounds

    static readonly Xmm s_temporary = new(14), s_byteOrder = new(15);

    /// <summary>One stream's registers. The names are SHA-1's; SHA-256 has a second half of its state in the place of e.</summary>
    readonly struct Stream(int index, int first, int registers)
    {
        readonly int _first = first + index * registers;

        public Register Bytes => index == 0 ? Register.Rsi : Register.Rdx;
        public int StateOffset => index * 2 * Quarter;

        public Xmm Abcd => new(_first);
        public Xmm E => new(_first + 1);

        /// <summary>The words of a group of four rounds: those of the last four groups are kept.</summary>
        public Xmm Words(int group) => new(_first + 2 + (group & 3));

        /// <summary>Two take turns, as each is made of a, b, c and d of the group before.</summary>
        public Xmm EOf(int group) => (group & 1) == 0 ? E : new(_first + 6);
    }

    /// <summary>State: a b c d from the highest word down, and e in the highest word.</summary>
    public static byte[] Sha1(int streams)
    {
        const int Groups = 20;
        var code = new Assembler();
        Stream[] all = [.. Enumerable.Range(0, streams).Select(i => new Stream(i, first: 0, registers: 7))];
        int start = Begin(code, all);
        for (int g = 0; g < Groups; g++)
        {
            // Instruction by instruction in turn: a twentieth faster than group by group.
            if (g < 4) LoadWords(code, all, g);
            else
            {
                foreach (Stream s in all) code.Sha1Message1(s.Words(g), s.Words(g + 1));
                foreach (Stream s in all) code.Xor(s.Words(g), s.Words(g + 2));
                foreach (Stream s in all) code.Sha1Message2(s.Words(g), s.Words(g + 3));
            }
            foreach (Stream s in all)
            {
                if (g == 0) code.Add(s.E, s.Words(g));
                else code.Sha1NextE(s.EOf(g), s.Words(g));
            }
            foreach (Stream s in all) code.Move(s.EOf(g + 1), s.Abcd);
            foreach (Stream s in all) code.Sha1FourRounds(s.Abcd, s.EOf(g), (byte)(g / 5));
        }
        foreach (Stream s in all)
        {
            code.Load(s_temporary, State, s.StateOffset + Quarter);
            code.Sha1NextE(s.E, s_temporary);
            code.Load(s_temporary, State, s.StateOffset);
            code.Add(s.Abcd, s_temporary);
        }
        return End(code, all, start);
    }

    /// <summary>State: a b e f from the highest word down, then c d g h. The round constants follow the order of bytes.</summary>
    public static byte[] Sha256(int streams)
    {
        const int Groups = 16;
        var code = new Assembler();
        var sums = new Xmm(0); // the rounds take them from there and nowhere else
        Stream[] all = [.. Enumerable.Range(0, streams).Select(i => new Stream(i, first: 1, registers: 6))];
        int start = Begin(code, all);
        for (int g = 0; g < Groups; g++)
        {
            if (g < 4) LoadWords(code, all, g);
            foreach (Stream s in all)
            {
                if (g >= 4)
                {
                    code.Sha256Message1(s.Words(g), s.Words(g + 1));
                    code.Move(s_temporary, s.Words(g + 3));
                    code.Align(s_temporary, s.Words(g + 2), 4);
                    code.Add(s.Words(g), s_temporary);
                    code.Sha256Message2(s.Words(g), s.Words(g + 3));
                }
                code.Load(sums, Constants, Quarter * (1 + g));
                code.Add(sums, s.Words(g));
                code.Sha256TwoRounds(s.E, s.Abcd);
                code.ShuffleWords(sums, sums, 0b1110); // the other two down
                code.Sha256TwoRounds(s.Abcd, s.E);
            }
        }
        foreach (Stream s in all)
        {
            code.Load(s_temporary, State, s.StateOffset);
            code.Add(s.Abcd, s_temporary);
            code.Load(s_temporary, State, s.StateOffset + Quarter);
            code.Add(s.E, s_temporary);
        }
        return End(code, all, start);
    }

    /// <summary>The first 16 words are the block itself; the later ones come of those before them.</summary>
    static void LoadWords(Assembler code, Stream[] all, int group)
    {
        foreach (Stream s in all) code.Load(s.Words(group), s.Bytes, Quarter * group);
        foreach (Stream s in all) code.ShuffleBytes(s.Words(group), s_byteOrder);
    }

    /// <returns>Where the loop over the blocks starts.</returns>
    static int Begin(Assembler code, Stream[] all)
    {
        code.EndBranch();
        code.Load(s_byteOrder, Constants, 0);
        foreach (Stream s in all)
        {
            code.Load(s.Abcd, State, s.StateOffset);
            code.Load(s.E, State, s.StateOffset + Quarter);
        }
        return code.Position;
    }

    static byte[] End(Assembler code, Stream[] all, int start)
    {
        foreach (Stream s in all)
        {
            code.Store(State, s.StateOffset, s.Abcd);
            code.Store(State, s.StateOffset + Quarter, s.E);
            code.Add(s.Bytes, BlockHash.BlockSize);
        }
        code.CountDown(Blocks, start);
        code.Return();
        return code.ToArray();
    }
}
