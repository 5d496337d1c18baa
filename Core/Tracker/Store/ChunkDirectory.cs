// The chunks of a swarm too large for one: linear hashing. There are C chunks; a peer is in the chunk its hash names
// modulo the power of two above C, or, where that chunk does not exist yet, modulo the one below. Growing by a chunk
// splits exactly one other, shrinking joins two, so a step moves a few hundred peers however large the swarm is.
// Header and chunks are one block of native memory, which a step may move: use the pointer it returns.
using System.Numerics;
using System.Runtime.InteropServices;

namespace TinyTorrent.Tracker;

[StructLayout(LayoutKind.Sequential)]
unsafe struct ChunkDirectory<TEndpoint>
    where TEndpoint : unmanaged, IEndpoint<TEndpoint>
{
    /// <summary>Peers in a chunk on average. Between two doublings the chunks not yet split hold up to twice as many.</summary>
    const int MeanCount = 256;

    int _count, _capacity;

    /// <summary>Sums over the chunks. Whoever changes a chunk keeps them true.</summary>
    public int Peers, Seeds;

    public readonly int Count => _count;

    public static ChunkDirectory<TEndpoint>* Create(PeerChunk<TEndpoint> first)
    {
        const int capacity = 4;
        var directory = (ChunkDirectory<TEndpoint>*)NativeMemory.Alloc(SizeFor(capacity));
        *directory = new ChunkDirectory<TEndpoint> { _count = 1, _capacity = capacity, Peers = first.Count, Seeds = first.Seeds };
        *At(directory, 0) = first;
        return directory;
    }

    public static PeerChunk<TEndpoint>* At(ChunkDirectory<TEndpoint>* directory, int index) =>
        (PeerChunk<TEndpoint>*)(directory + 1) + index;

    /// <param name="hash">An endpoint's hash, or random bits: then every peer's chunk is as likely as it is large.</param>
    public readonly int IndexOf(ulong hash)
    {
        uint mask = Mask(_count), index = (uint)hash & mask;
        return (int)(index < (uint)_count ? index : index & (mask >> 1));
    }

    /// <summary>Splits or joins chunks until their mean size is right again. <paramref name="key"/> is the endpoints' key.</summary>
    public static ChunkDirectory<TEndpoint>* Balance(ChunkDirectory<TEndpoint>* directory, ulong key)
    {
        while (directory->Peers > directory->_count * MeanCount) directory = Split(directory, key);
        // A quarter of slack, so that a swarm that hovers at a mark does not split and join in turn.
        while (directory->_count > 1 && directory->Peers < (directory->_count - 1) * (MeanCount * 3 / 4)) directory = Join(directory, key);
        return directory;
    }

    public static void Free(ChunkDirectory<TEndpoint>* directory)
    {
        for (int i = 0; i < directory->_count; i++) At(directory, i)->Free();
        NativeMemory.Free(directory);
    }

    static ChunkDirectory<TEndpoint>* Split(ChunkDirectory<TEndpoint>* directory, ulong key)
    {
        if (directory->_count == directory->_capacity) directory = Resize(directory, directory->_capacity + directory->_capacity / 4 + 1);
        int born = directory->_count++;
        uint mask = Mask(directory->_count);
        PeerChunk<TEndpoint>* from = At(directory, born & (int)(mask >> 1)), to = At(directory, born);
        *to = default;
        int moving = 0;
        for (int i = 0; i < from->Count; i++)
            if ((from->EndpointAt(i).Mix(key) & mask) == (uint)born) moving++;
        to->Reserve(moving);
        for (int i = from->Count - 1; i >= 0; i--)
        {
            TEndpoint endpoint = from->EndpointAt(i);
            if ((endpoint.Mix(key) & mask) != (uint)born) continue;
            to->Add(endpoint, from->StampAt(i), i < from->Seeds);
            from->RemoveAt(i);
        }
        from->Trim();
        return directory;
    }

    static ChunkDirectory<TEndpoint>* Join(ChunkDirectory<TEndpoint>* directory, ulong key)
    {
        uint mask = Mask(directory->_count);
        int last = --directory->_count;
        PeerChunk<TEndpoint>* from = At(directory, last), to = At(directory, last & (int)(mask >> 1));
        to->Reserve(to->Count + from->Count);
        for (int i = 0; i < from->Count; i++)
            to->Add(from->EndpointAt(i), from->StampAt(i), i < from->Seeds);
        from->Free();
        return directory->_count * 2 < directory->_capacity && directory->_capacity > 4 ? Resize(directory, directory->_count + 4) : directory;
    }

    static ChunkDirectory<TEndpoint>* Resize(ChunkDirectory<TEndpoint>* directory, int capacity)
    {
        directory = (ChunkDirectory<TEndpoint>*)NativeMemory.Realloc(directory, SizeFor(capacity));
        directory->_capacity = capacity;
        return directory;
    }

    static uint Mask(int count) => BitOperations.RoundUpToPowerOf2((uint)count) - 1;

    static nuint SizeFor(int capacity) => (nuint)(sizeof(ChunkDirectory<TEndpoint>) + capacity * sizeof(PeerChunk<TEndpoint>));
}
