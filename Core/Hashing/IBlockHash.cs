// What SHA-1 and SHA-256 have in common: blocks of 64 bytes, a state of 32-bit words that becomes the digest, and the
// padding at the end of a message.
using System.Buffers.Binary;

namespace TinyTorrent.Hashing;

unsafe interface IBlockHash
{
    /// <summary>The state before the first block; its bytes are as many as the digest's.</summary>
    static abstract ReadOnlySpan<uint> InitialState { get; }

    /// <summary>Takes blocks of one or two sets of streams, each as many as there are lanes, into the state.</summary>
    /// <param name="state">For each set the words of its state, each in all lanes.</param>
    /// <param name="sets">1 or 2.</param>
    /// <param name="blocks">Blocks taken of every stream.</param>
    static abstract void Compress<TLanes, T>(T* state, byte** streams, int sets, nint blocks)
        where TLanes : ILanes<T> where T : unmanaged;

    /// <summary>The machine code of <see cref="ShaInstructions{THash}"/>.</summary>
    /// <param name="streams">1 or 2.</param>
    static abstract byte[] Routine(int streams);

    /// <summary>Where the routine has each word of the state: 0 to 3 in its first register, 4 to 7 in its second, from the lowest.</summary>
    static abstract ReadOnlySpan<byte> RegisterPlaces { get; }

    /// <summary>How 16 bytes of a block become four words in the order in which the routine takes them.</summary>
    static abstract ReadOnlySpan<byte> ByteOrder { get; }

    /// <summary>Those that the instructions do not have in them.</summary>
    static abstract ReadOnlySpan<uint> RoundConstants { get; }
}

static unsafe class BlockHash
{
    public const int BlockSize = 64;

    /// <summary>Bytes <see cref="Pad"/> writes at most.</summary>
    public const int MaxPadding = BlockSize + 8;

    /// <summary>The end of a message: a 1 bit, zeros up to a block's border, the last 8 bytes the length in bits.</summary>
    /// <param name="end">What follows the message's last byte in memory.</param>
    /// <returns>Bytes written; with them the message is whole blocks.</returns>
    public static int Pad(Span<byte> end, long messageLength)
    {
        int length = BlockSize - (int)((messageLength + 8) % BlockSize) + 8;
        Span<byte> padding = end[..length];
        padding.Clear();
        padding[0] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(padding[(length - 8)..], messageLength * 8);
        return length;
    }

    /// <summary>The digest of one message.</summary>
    public static void Hash<THash>(ReadOnlySpan<byte> message, Span<byte> digest) where THash : IBlockHash
    {
        Span<uint> state = stackalloc uint[THash.InitialState.Length];
        THash.InitialState.CopyTo(state);

        int remainder = message.Length % BlockSize;
        Span<byte> end = stackalloc byte[BlockSize + MaxPadding];
        message[^remainder..].CopyTo(end);
        int endLength = remainder + Pad(end[remainder..], message.Length);
        Compress<THash>(state, message[..^remainder]);
        Compress<THash>(state, end[..endLength]);
        WriteDigest(state, digest);
    }

    public static void WriteDigest(ReadOnlySpan<uint> state, Span<byte> digest)
    {
        for (int i = 0; i < state.Length; i++) BinaryPrimitives.WriteUInt32BigEndian(digest[(4 * i)..], state[i]);
    }

    static void Compress<THash>(Span<uint> state, ReadOnlySpan<byte> blocks) where THash : IBlockHash
    {
        fixed (uint* words = state)
        fixed (byte* stream = blocks)
            THash.Compress<Lanes1, uint>(words, &stream, sets: 1, blocks.Length / BlockSize);
    }
}
