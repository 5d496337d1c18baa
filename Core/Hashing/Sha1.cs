// SHA-1 (FIPS 180-4) in plain C#: the BCL's loads libssl, which a bare machine does not have.
namespace TinyTorrent.Hashing;

readonly unsafe struct Sha1 : IBlockHash
{
    // An array: a span of constants costs an allocation each time where code is not optimized.
    static readonly uint[] Initial = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0];

    /// <summary>Bytes of a digest.</summary>
    public const int Size = 20;

    public static ReadOnlySpan<uint> InitialState => Initial;

    /// <param name="digest">Receives <see cref="Size"/> bytes.</param>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest) => BlockHash.Hash<Sha1>(data, digest);

    public static void Compress<TLanes, T>(T* state, byte** streams, int sets, nint blocks)
        where TLanes : ILanes<T> where T : unmanaged
    {
        if (sets == 1) Sha1Lanes<TLanes, T, OneSet>.Compress(state, streams, blocks);
        else Sha1Lanes<TLanes, T, TwoSets>.Compress(state, streams, blocks);
    }

    public static byte[] Routine(int streams) => ShaRoutines.Sha1(streams);

    public static ReadOnlySpan<byte> RegisterPlaces => [3, 2, 1, 0, 7];
    public static ReadOnlySpan<byte> ByteOrder => [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    public static ReadOnlySpan<uint> RoundConstants => [];
}
