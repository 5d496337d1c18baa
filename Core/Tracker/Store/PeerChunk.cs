// A few hundred peers in one block of native memory, 7 bytes each over IPv4 and 19 over IPv6:
//
//   endpoints [capacity] | stamps [capacity]
//
// Seeds come first, then leechers, so "everybody" and "no seeds" are both one contiguous range to copy into an answer.
// A peer is found by going through the endpoints: a hundred are some tens of nanoseconds, and an index would be a seventh of the memory.
// A stamp is the time of the last announce, modulo 128 (SwarmStore sets the unit), and in its top bit whether the peer is a
// partial seed. A single IPv4 peer fits into the pointer and costs no block. Lives only in native memory (its address must
// not move); the shard's lock guards it.
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TinyTorrent.Tracker;

/// <summary>A packed, unordered set of peers. <c>default</c> is empty.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
unsafe struct PeerChunk<TEndpoint>
    where TEndpoint : unmanaged, IEndpoint<TEndpoint>
{
    nint _block;
    ushort _count, _seeds, _capacity;

    /// <summary>Differences from here on are stamps of the future: peers are looked at long before they are that old.</summary>
    const byte FutureAge = 126;

    /// <summary>No chunk has this capacity: it marks a handle.</summary>
    const ushort HandleMark = ushort.MaxValue;

    /// <summary>The bit of a stamp that tells partial seeds.</summary>
    public const byte PartialMark = 0x80;

    public readonly int Count => _count;
    public readonly int Seeds => _seeds;

    public int PartialSeeds
    {
        get
        {
            ReadOnlySpan<byte> stamps = new ReadOnlySpan<byte>(Stamps, _count)[_seeds..];
            int sum = 0;
            for (; stamps.Length >= Vector128<byte>.Count; stamps = stamps[Vector128<byte>.Count..])
                sum += BitOperations.PopCount(Vector128.Create(stamps).ExtractMostSignificantBits());
            foreach (byte stamp in stamps) sum += stamp / PartialMark;
            return sum;
        }
    }

    /// <summary>What a handle carries, or 0 for a chunk.</summary>
    public readonly nint Handle => _capacity == HandleMark ? _block : 0;

    /// <summary>Not a chunk but somebody's pointer in the same 14 bytes: a swarm that has outgrown one chunk needs no field more.</summary>
    public static PeerChunk<TEndpoint> OfHandle(nint pointer) => new() { _block = pointer, _capacity = HandleMark };

    /// <summary>The place of a peer, or -1.</summary>
    public int Find(in TEndpoint endpoint) => TEndpoint.IndexIn(new ReadOnlySpan<TEndpoint>(Endpoints, _count), endpoint);

    public TEndpoint EndpointAt(int index) => Endpoints[index];

    public byte StampAt(int index) => Stamps[index];

    public void Touch(int index, byte stamp) => Stamps[index] = stamp;

    public void Add(in TEndpoint endpoint, byte stamp, bool seed)
    {
        if (_count == _capacity) Resize(CapacityFor(_count + 1));
        int index = _count++;
        Endpoints[index] = endpoint;
        Stamps[index] = stamp;
        if (seed) SetSeed(index, true);
    }

    /// <summary>Moves a peer between seeds and leechers. Its place changes.</summary>
    public void SetSeed(int index, bool seed)
    {
        if (seed == index < _seeds) return;
        if (seed) Swap(index, _seeds++);
        else Swap(index, --_seeds);
    }

    /// <summary>Takes one peer out; those at lower places stay where they are. <see cref="Trim"/> gives memory back.</summary>
    public void RemoveAt(int index)
    {
        if (index < _seeds)
        {
            Move(--_seeds, index);
            index = _seeds;
        }
        Move(--_count, index);
    }

    /// <summary>Units of stamp since a peer was heard of.</summary>
    /// <param name="now">An announce may have brought a later time into the swarm just before: that is no age either.</param>
    public byte Age(int index, byte now)
    {
        int age = (now - Stamps[index]) & ~PartialMark & byte.MaxValue;
        return age >= FutureAge ? (byte)0 : (byte)age;
    }

    /// <summary>Drops the peers not heard of for more than <paramref name="maxAge"/> units of stamp.</summary>
    public void Expire(byte now, byte maxAge)
    {
        for (int i = _count - 1; i >= 0; i--)
            if (Age(i, now) > maxAge) RemoveAt(i);
        Trim();
    }

    /// <summary>All peers as they lie here, seeds first.</summary>
    /// <param name="ages">One for each, with <see cref="PartialMark"/>.</param>
    public void CopyAll(Span<byte> endpoints, Span<byte> ages, byte now)
    {
        new ReadOnlySpan<byte>(Endpoints, _count * sizeof(TEndpoint)).CopyTo(endpoints);
        for (int i = 0; i < _count; i++) ages[i] = (byte)(Age(i, now) | (Stamps[i] & PartialMark));
    }

    /// <summary>Makes room for so many peers at once: growing to them one by one would leave a hole of every size behind.</summary>
    public void Reserve(int count)
    {
        if (count > _capacity) Resize(CapacityFor(count));
    }

    /// <summary>Gives memory back once it is clearly too much, so that a peer that comes and goes does not move the block each time.</summary>
    public void Trim()
    {
        int fitting = CapacityFor(_count);
        if (fitting * 2 <= _capacity || fitting + 128 <= _capacity) Resize(fitting);
    }

    /// <summary>
    /// Copies a random run of peers, as if they stood in a ring without <paramref name="self"/>: every other peer is equally likely.
    /// </summary>
    /// <param name="self">The place to leave out, or -1.</param>
    /// <param name="draw">32 random bits.</param>
    /// <returns>Bytes written.</returns>
    public int CopyWindow(Span<byte> to, int self, bool leechersOnly, uint draw)
    {
        int from = leechersOnly ? _seeds : 0, ring = _count - from;
        bool skips = self >= from;
        int others = skips ? ring - 1 : ring;
        int want = Math.Min(to.Length / sizeof(TEndpoint), others);
        if (want <= 0) return 0;
        int start = (int)((ulong)draw * (uint)others >> 32);
        int first = Math.Min(want, others - start), origin = skips ? self - from + 1 : 0;
        CopyRing(to, from, ring, (origin + start) % ring, first);
        CopyRing(to[(first * sizeof(TEndpoint))..], from, ring, origin % ring, want - first);
        return want * sizeof(TEndpoint);
    }

    /// <summary>As <see cref="CopyWindow"/>, but if not all fit, a part of them by nearness to the asker.</summary>
    public int CopyNear(Span<byte> to, int self, in TEndpoint asker, bool leechersOnly, uint draw)
    {
        int from = leechersOnly ? _seeds : 0, want = to.Length / sizeof(TEndpoint);
        if (want == 0 || want >= _count - from - 1) return CopyWindow(to, self, leechersOnly, draw);
        var peers = new ReadOnlySpan<TEndpoint>(Endpoints + from, _count - from);
        NearPeers.Copy(MemoryMarshal.Cast<byte, TEndpoint>(to)[..want], peers, Math.Max(-1, self - from), asker, draw);
        return want * sizeof(TEndpoint);
    }

    public void Free()
    {
        if (!IsInline && _block != 0) NativeMemory.Free((void*)_block);
        this = default;
    }

    void CopyRing(Span<byte> to, int from, int ring, int start, int count)
    {
        int straight = Math.Min(count, ring - start);
        new ReadOnlySpan<byte>(Endpoints + from + start, straight * sizeof(TEndpoint)).CopyTo(to);
        new ReadOnlySpan<byte>(Endpoints + from, (count - straight) * sizeof(TEndpoint)).CopyTo(to[(straight * sizeof(TEndpoint))..]);
    }

    void Move(int from, int to)
    {
        if (from == to) return;
        Endpoints[to] = Endpoints[from];
        Stamps[to] = Stamps[from];
    }

    void Swap(int a, int b)
    {
        (Endpoints[a], Endpoints[b]) = (Endpoints[b], Endpoints[a]);
        (Stamps[a], Stamps[b]) = (Stamps[b], Stamps[a]);
    }

    void Resize(int capacity)
    {
        PeerChunk<TEndpoint> old = this;
        _capacity = (ushort)capacity;
        _block = 0;
        if (capacity > 0 && !IsInline) _block = (nint)NativeMemory.Alloc((nuint)(capacity * (sizeof(TEndpoint) + 1)));
        new ReadOnlySpan<TEndpoint>(old.Endpoints, _count).CopyTo(new Span<TEndpoint>(Endpoints, _count));
        new ReadOnlySpan<byte>(old.Stamps, _count).CopyTo(new Span<byte>(Stamps, _count));
        if (!old.IsInline && old._block != 0) NativeMemory.Free((void*)old._block);
    }

    // The slack stays below a tenth where most peers are. Many sizes would cost more than slack: freed blocks fit nobody.
    static int CapacityFor(int count) => count switch
    {
        <= 2 => count,
        <= 4 => 4,
        <= 128 => (count + 7) & ~7,
        <= 256 => (count + 15) & ~15,
        _ => (count + 31) & ~31,
    };

    readonly bool IsInline => _capacity == 1 && sizeof(TEndpoint) + 1 <= sizeof(nint);

    byte* Block => IsInline ? (byte*)Unsafe.AsPointer(ref _block) : (byte*)_block;
    TEndpoint* Endpoints => (TEndpoint*)Block;
    byte* Stamps => Block + _capacity * sizeof(TEndpoint);
}
