// SHA-1 and SHA-256 (FIPS 180-4) of one stream or two over the processor's SHA extensions, written for x86-64. Four rounds
// are one or two instructions, but each waits for the one before: a second stream in between fills that time, so two take
// no longer than one. A third would need more registers than there are.
// The routines: void (uint* registers, byte* stream, byte* otherStream, nint blocks, byte* constants), called as on every
// Unix. Of each stream `registers` holds the two registers of its state, 32 bytes, which the routine updates.
namespace TinyTorrent.Hashing;

static class ShaRoutines
{
    const Register Registers = Register.Rdi, Blocks = Register.Rcx, Constants = Register.R8;

    const int Quarter = 16; // bytes of a register: four words of a block
    const int StateRoom = 2 * Quarter;

    static readonly Xmm s_temporary = new(14), s_byteOrder = new(15);

    /// <summary>The registers of one stream and where its bytes are.</summary>
    readonly ref struct Stream(int index)
    {
        readonly int _first = 1 + 6 * index; // xmm0 belongs to SHA-256's rounds

        public Register Bytes => index == 0 ? Register.Rsi : Register.Rdx;
        public int StateOffset => index * StateRoom;

        public Xmm State => new(_first);
        public Xmm Other => new(_first + 1);

        /// <summary>The words of the last four groups of four rounds.</summary>
        public Xmm Words(int group) => new(_first + 2 + (group & 3));
    }

    /// <summary>State: a b c d from the highest word down, then e in the highest word.</summary>
    public static int WriteSha1(Span<byte> code, int streams)
    {
        const int Groups = 20;
        var to = new Assembler(code);
        int start = Begin(ref to, streams);
        for (int group = 0; group < Groups; group++)
        {
            for (int i = 0; i < streams; i++)
            {
                var stream = new Stream(i);
                Xmm words = stream.Words(group);
                if (group < 4) LoadWords(ref to, stream, group);
                else
                {
                    to.Sha1Message1(words, stream.Words(group + 1));
                    to.Xor(words, stream.Words(group + 2));
                    to.Sha1Message2(words, stream.Words(group + 3));
                }
                if (group == 0) to.Add(stream.Other, words);
                else to.Sha1NextE(stream.Other, words);
                to.Move(s_temporary, stream.State); // what the next e is made of
                to.Sha1FourRounds(stream.State, stream.Other, (byte)(group / 5));
                to.Move(stream.Other, s_temporary);
            }
        }
        for (int i = 0; i < streams; i++)
        {
            var stream = new Stream(i);
            to.Load(s_temporary, Registers, stream.StateOffset + Quarter);
            to.Sha1NextE(stream.Other, s_temporary);
            to.Load(s_temporary, Registers, stream.StateOffset);
            to.Add(stream.State, s_temporary);
        }
        return End(ref to, streams, start);
    }

    /// <summary>State: a b e f from the highest word down, then c d g h. The constants follow the order of bytes.</summary>
    public static int WriteSha256(Span<byte> code, int streams)
    {
        const int Groups = 16;
        var to = new Assembler(code);
        var sums = new Xmm(0);
        int start = Begin(ref to, streams);
        for (int group = 0; group < Groups; group++)
        {
            for (int i = 0; i < streams; i++)
            {
                var stream = new Stream(i);
                Xmm words = stream.Words(group);
                if (group < 4) LoadWords(ref to, stream, group);
                else
                {
                    to.Sha256Message1(words, stream.Words(group + 1));
                    to.Move(s_temporary, stream.Words(group + 3));
                    to.Align(s_temporary, stream.Words(group + 2), 4);
                    to.Add(words, s_temporary);
                    to.Sha256Message2(words, stream.Words(group + 3));
                }
                to.Load(sums, Constants, Quarter * (1 + group));
                to.Add(sums, words);
                to.Sha256TwoRounds(stream.Other, stream.State);
                to.ShuffleWords(sums, sums, 0b1110); // the other two words down
                to.Sha256TwoRounds(stream.State, stream.Other);
            }
        }
        for (int i = 0; i < streams; i++)
        {
            var stream = new Stream(i);
            to.Load(s_temporary, Registers, stream.StateOffset);
            to.Add(stream.State, s_temporary);
            to.Load(s_temporary, Registers, stream.StateOffset + Quarter);
            to.Add(stream.Other, s_temporary);
        }
        return End(ref to, streams, start);
    }

    static void LoadWords(ref Assembler to, Stream stream, int group)
    {
        to.Load(stream.Words(group), stream.Bytes, Quarter * group);
        to.ShuffleBytes(stream.Words(group), s_byteOrder);
    }

    /// <returns>Where the loop over the blocks starts.</returns>
    static int Begin(ref Assembler to, int streams)
    {
        to.EndBranch();
        to.Load(s_byteOrder, Constants, 0);
        for (int i = 0; i < streams; i++)
        {
            var stream = new Stream(i);
            to.Load(stream.State, Registers, stream.StateOffset);
            to.Load(stream.Other, Registers, stream.StateOffset + Quarter);
        }
        return to.Position;
    }

    static int End(ref Assembler to, int streams, int start)
    {
        for (int i = 0; i < streams; i++)
        {
            var stream = new Stream(i);
            to.Store(Registers, stream.StateOffset, stream.State);
            to.Store(Registers, stream.StateOffset + Quarter, stream.Other);
            to.Add(stream.Bytes, BlockHash.BlockSize);
        }
        to.CountDown(Blocks, start);
        to.Return();
        return to.Position;
    }
}
