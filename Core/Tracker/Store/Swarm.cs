// All peers of one torrent in one address family: a chunk up to 512 peers, a directory of chunks beyond, in 14 bytes.
// Lives in native memory; the shard's lock guards it.
using System.Runtime.InteropServices;

namespace TinyTorrent.Tracker;

/// <summary>Where a swarm keeps a peer, or would: <c>Index</c> is -1 if it is not there. Good until the swarm's next change.</summary>
unsafe ref struct PeerPlace<TEndpoint>
    where TEndpoint : unmanaged, IEndpoint<TEndpoint>
{
    public PeerChunk<TEndpoint>* Chunk;
    public int Index;

    public readonly bool IsKnown => Index >= 0;
    public readonly bool IsSeed => IsKnown && Index < Chunk->Seeds;
}

/// <summary>Peers with their counts. <c>default</c> is empty. <c>hash</c> is always the endpoint's mix with <c>key</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
unsafe struct Swarm<TEndpoint>
    where TEndpoint : unmanaged, IEndpoint<TEndpoint>
{
    const int MaxSingle = 512;

    /// <summary>Chunks looked through for one answer: a seed's answer from a swarm with hardly any leechers may be short by it.</summary>
    const int MaxVisits = 16;

    PeerChunk<TEndpoint> _single;

    readonly ChunkDirectory<TEndpoint>* Directory => (ChunkDirectory<TEndpoint>*)_single.Handle;

    public readonly int Peers => Directory == null ? _single.Count : Directory->Peers;
    public readonly int Seeds => Directory == null ? _single.Seeds : Directory->Seeds;

    /// <summary>Places of <see cref="ChunkAt"/>.</summary>
    public readonly int Chunks => Directory == null ? 1 : Directory->Count;

    /// <summary>Those of the leechers that want nothing. Counted at each call: microseconds where there are a hundred thousand.</summary>
    public int PartialSeeds
    {
        get
        {
            int sum = 0;
            for (int i = Chunks - 1; i >= 0; i--) sum += ChunkAt(i)->PartialSeeds;
            return sum;
        }
    }

    public PeerPlace<TEndpoint> Find(in TEndpoint endpoint, ulong hash)
    {
        PeerChunk<TEndpoint>* chunk = ChunkAt(Directory == null ? 0 : Directory->IndexOf(hash));
        return new PeerPlace<TEndpoint> { Chunk = chunk, Index = chunk->Find(endpoint) };
    }

    /// <summary>Adds the peer, or notes that it is alive and what it has become.</summary>
    public void Put(PeerPlace<TEndpoint> place, in TEndpoint endpoint, byte stamp, bool seed, ulong key)
    {
        (int count, int seeds) = (place.Chunk->Count, place.Chunk->Seeds);
        if (place.IsKnown)
        {
            place.Chunk->Touch(place.Index, stamp);
            place.Chunk->SetSeed(place.Index, seed);
        }
        else
        {
            place.Chunk->Add(endpoint, stamp, seed);
        }
        Settle(place.Chunk, count, seeds, key);
    }

    public void Remove(PeerPlace<TEndpoint> place, ulong key)
    {
        (int count, int seeds) = (place.Chunk->Count, place.Chunk->Seeds);
        place.Chunk->RemoveAt(place.Index);
        place.Chunk->Trim();
        Settle(place.Chunk, count, seeds, key);
    }

    /// <summary>Copies peers other than the asker: some near to it, the rest at random. In a large swarm, where hardly anybody is near, all at random.</summary>
    public int CopyPeers(Span<byte> to, PeerPlace<TEndpoint> self, in TEndpoint asker, bool leechersOnly, ulong draw) => Directory == null
        ? _single.CopyNear(to, self.Index, asker, leechersOnly, (uint)(draw >> 32))
        : CopyWindow(to, self, leechersOnly, draw);

    /// <summary>Copies random peers other than the one at <paramref name="self"/>, as many as there are or fit.</summary>
    /// <param name="draw">64 random bits.</param>
    /// <returns>Bytes written.</returns>
    public int CopyWindow(Span<byte> to, PeerPlace<TEndpoint> self, bool leechersOnly, ulong draw)
    {
        to = to[..(to.Length - to.Length % sizeof(TEndpoint))];
        if ((leechersOnly ? Peers - Seeds : Peers) == 0) return 0;
        int copied = 0, chunks = Chunks, index = Directory == null ? 0 : Directory->IndexOf(draw);
        for (int visits = Math.Min(chunks, MaxVisits); visits > 0 && copied < to.Length; visits--)
        {
            PeerChunk<TEndpoint>* chunk = ChunkAt(index);
            copied += chunk->CopyWindow(to[copied..], chunk == self.Chunk ? self.Index : -1, leechersOnly, (uint)(draw >> 32));
            index = index + 1 == chunks ? 0 : index + 1;
        }
        return copied;
    }

    /// <summary>Drops silent peers from one chunk.</summary>
    /// <param name="left">Chunks of this swarm still to visit, or 0 to begin with it.</param>
    /// <returns>Chunks left after this one; at 0 the whole swarm has been visited.</returns>
    public int Expire(int left, byte now, byte maxAge, ulong key)
    {
        // From the last chunk down: joining takes chunks away at the end, which has been visited then.
        int index = (left == 0 ? Chunks : Math.Min(left, Chunks)) - 1;
        PeerChunk<TEndpoint>* chunk = ChunkAt(index);
        (int count, int seeds) = (chunk->Count, chunk->Seeds);
        chunk->Expire(now, maxAge);
        Settle(chunk, count, seeds, key);
        return Math.Min(index, Chunks);
    }

    public void Free()
    {
        if (Directory == null) _single.Free();
        else ChunkDirectory<TEndpoint>.Free(Directory);
        _single = default;
    }

    public PeerChunk<TEndpoint>* ChunkAt(int index)
    {
        if (Directory != null) return ChunkDirectory<TEndpoint>.At(Directory, index);
        fixed (PeerChunk<TEndpoint>* single = &_single) return single; // native memory: it does not move after this line either
    }

    /// <summary>Brings sums and shape up to date after a change to one chunk, which had these counts before.</summary>
    void Settle(PeerChunk<TEndpoint>* chunk, int count, int seeds, ulong key)
    {
        if (Directory == null)
        {
            if (_single.Count <= MaxSingle) return;
            _single = PeerChunk<TEndpoint>.OfHandle((nint)ChunkDirectory<TEndpoint>.Create(_single));
        }
        else
        {
            Directory->Peers += chunk->Count - count;
            Directory->Seeds += chunk->Seeds - seeds;
        }
        _single = PeerChunk<TEndpoint>.OfHandle((nint)ChunkDirectory<TEndpoint>.Balance(Directory, key));
        if (Directory->Count > 1) return;
        ChunkDirectory<TEndpoint>* directory = Directory;
        _single = *ChunkDirectory<TEndpoint>.At(directory, 0);
        NativeMemory.Free(directory);
    }
}
