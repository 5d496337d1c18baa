// Info-hash -> swarm, open addressing with linear probing in one block of native memory, 38 bytes an entry.
// A swarm's place follows from a keyed hash of its name, so nobody can aim names at one place. There are no tombstones:
// removing shifts entries back. The shard's lock guards everything; entry pointers are good until the next Add or Remove.
using System.Runtime.InteropServices;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

[StructLayout(LayoutKind.Sequential, Pack = 2)]
struct SwarmEntry<TEndpoint>
    where TEndpoint : unmanaged, IEndpoint<TEndpoint>
{
    public InfoHash Name;

    /// <summary>How often a peer of this family finished.</summary>
    public int Completed;

    /// <summary>Never empty in an entry that is in use: that is how a free one is known.</summary>
    public Swarm<TEndpoint> Swarm;
}

/// <summary>Mixes info-hashes under a secret. The low byte names the shard, the high half the place in its table.</summary>
readonly record struct NameKey(ulong K0, ulong K1)
{
    public ulong Mix(in InfoHash name)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(name.Bytes[..16]);
        // The last four bytes are spread over a word: names that differ in them alone would differ in a small factor.
        ulong tail = MemoryMarshal.Read<uint>(name.Bytes[16..]) * 0x9e3779b97f4a7c15;
        return Endpoint.Fold(Endpoint.Fold(words[0] ^ K0, words[1] ^ K1) ^ K1, tail ^ K0);
    }
}

/// <summary>The swarms of one shard in one address family.</summary>
sealed unsafe class SwarmTable<TEndpoint>(NameKey key) : IDisposable
    where TEndpoint : unmanaged, IEndpoint<TEndpoint>
{
    const int MinCapacity = 16;

    SwarmEntry<TEndpoint>* _entries;

    /// <summary>Entries in use.</summary>
    public int Count { get; private set; }

    /// <summary>Entries there is room for; indices of <see cref="At"/>.</summary>
    public int Capacity { get; private set; }

    /// <summary>The entry at a place, in use or not.</summary>
    public SwarmEntry<TEndpoint>* At(int index) => _entries + index;

    /// <param name="mixed"><see cref="NameKey.Mix"/> of the name.</param>
    /// <returns>Null if there is no such swarm.</returns>
    public SwarmEntry<TEndpoint>* Find(in InfoHash name, ulong mixed)
    {
        if (Count == 0) return null;
        for (int i = Home(mixed); ; i = Next(i))
        {
            SwarmEntry<TEndpoint>* entry = _entries + i;
            if (entry->Swarm.Peers == 0) return null;
            if (entry->Name == name) return entry;
        }
    }

    public void AddNames(List<InfoHash> names)
    {
        for (int i = 0; i < Capacity; i++)
            if (_entries[i].Swarm.Peers != 0) names.Add(_entries[i].Name);
    }

    /// <summary>Takes a free entry for a name that is not in the table. The caller puts a peer into it before anything else.</summary>
    public SwarmEntry<TEndpoint>* Add(in InfoHash name, ulong mixed)
    {
        if ((Count + 1) * 8L > Capacity * 7L) Resize(Math.Max(MinCapacity, Capacity + Capacity / 4));
        Count++;
        SwarmEntry<TEndpoint>* entry = _entries + FreePlace(mixed);
        entry->Name = name;
        entry->Completed = 0;
        return entry;
    }

    /// <summary>Takes out an entry whose swarm has become empty.</summary>
    /// <returns>False if the table was rebuilt: places have changed.</returns>
    public bool Remove(SwarmEntry<TEndpoint>* entry)
    {
        entry->Swarm.Free();
        int hole = (int)(entry - _entries);
        for (int i = Next(hole); _entries[i].Swarm.Peers != 0; i = Next(i))
        {
            // An entry may move back into the hole unless that lies before its home.
            int home = Home(key.Mix(_entries[i].Name));
            if (Distance(home, i) < Distance(hole, i)) continue;
            _entries[hole] = _entries[i];
            hole = i;
        }
        _entries[hole].Swarm = default;
        Count--;
        if (Count * 2 >= Capacity || Capacity == MinCapacity) return true;
        Resize(Math.Max(MinCapacity, Count + Count / 2));
        return false;
    }

    public void Dispose()
    {
        for (int i = 0; i < Capacity; i++) _entries[i].Swarm.Free();
        NativeMemory.Free(_entries);
        _entries = null;
        Count = Capacity = 0;
    }

    void Resize(int capacity)
    {
        SwarmEntry<TEndpoint>* old = _entries;
        int oldCapacity = Capacity;
        _entries = (SwarmEntry<TEndpoint>*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(SwarmEntry<TEndpoint>));
        Capacity = capacity;
        for (int i = 0; i < oldCapacity; i++)
            if (old[i].Swarm.Peers != 0) _entries[FreePlace(key.Mix(old[i].Name))] = old[i];
        NativeMemory.Free(old);
    }

    int FreePlace(ulong mixed)
    {
        int i = Home(mixed);
        while (_entries[i].Swarm.Peers != 0) i = Next(i);
        return i;
    }

    int Home(ulong mixed) => (int)((mixed >> 32) * (uint)Capacity >> 32);

    int Next(int index) => index + 1 == Capacity ? 0 : index + 1;

    /// <summary>Steps from one place forward to another, around the end.</summary>
    int Distance(int from, int to) => to >= from ? to - from : to - from + Capacity;
}
