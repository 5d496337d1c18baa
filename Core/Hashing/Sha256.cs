// SHA-256 (FIPS 180-4) in plain C#, for the same reason as Sha1.
namespace TinyTorrent.Hashing;

readonly unsafe struct Sha256 : IBlockHash
{
    // An array: a span of constants costs an allocation each time where code is not optimized.
    static readonly uint[] Initial = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19];

    /// <summary>Bytes of a digest.</summary>
    public const int Size = 32;

    public static ReadOnlySpan<uint> InitialState => Initial;

    /// <param name="digest">Receives <see cref="Size"/> bytes.</param>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest) => BlockHash.Hash<Sha256>(data, digest);

    // Its rounds have enough to do that does not depend on each other: a second set in between would gain nothing.
    public static void Compress<TLanes, T>(T* state, byte** streams, int sets, nint blocks)
        where TLanes : ILanes<T> where T : unmanaged
    {
        for (int set = 0; set < sets; set++)
            Sha256Lanes<TLanes, T>.Compress(state + set * Initial.Length, streams + set * TLanes.Count, blocks);
    }
}
