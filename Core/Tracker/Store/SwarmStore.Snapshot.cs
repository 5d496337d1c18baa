// Swarms written out and read in while announces go on: a step holds one shard's lock for a fraction of a millisecond.
// What is written is therefore not of one instant. A peer that moves between two chunks of a large swarm meanwhile may be
// written twice, which does no harm, or not at all, which its next announce mends.
using System.Buffers;
using System.Runtime.InteropServices;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

sealed unsafe partial class SwarmStore
{
    /// <summary>What a step writes at most, about: bytes, peers of a swarm that is not put off, chunks of one that is.</summary>
    const int MaxStepBytes = 256 * 1024, MaxStepPeers = 4096, MaxStepChunks = 16;

    /// <summary>What the ages in a snapshot count in.</summary>
    public TimeSpan AgeUnit => new(_stampTicks);

    /// <summary>One pass over all swarms, a step at a time.</summary>
    public sealed class Walk(SwarmStore store)
    {
        readonly Queue<(InfoHash Name, bool IsIPv6)> _putOff = new();
        int _shard, _chunk;

        /// <summary>Appends a few records, perhaps none. False at the end.</summary>
        /// <param name="now">The time of this step, not of the first.</param>
        public bool Step(TimeSpan now, IBufferWriter<byte> to)
        {
            byte stamp = store.Stamp(now);
            if (_putOff.TryPeek(out (InfoHash Name, bool IsIPv6) swarm))
            {
                ulong mixed = store._nameKey.Mix(swarm.Name);
                Shard shard = store._shards[(byte)mixed];
                bool done;
                lock (shard.Gate) done = swarm.IsIPv6 ? WriteSome(shard.Six.Find(swarm.Name, mixed), stamp, to) : WriteSome(shard.Four.Find(swarm.Name, mixed), stamp, to);
                if (!done) return true;
                _putOff.Dequeue();
                _chunk = 0;
                return true;
            }
            if (_shard == ShardCount) return false;
            Shard next = store._shards[_shard++];
            int room = MaxStepBytes;
            lock (next.Gate)
            {
                WriteSmall(next.Four, stamp, to, ref room);
                WriteSmall(next.Six, stamp, to, ref room);
            }
            return true;
        }

        void WriteSmall<TEndpoint>(SwarmTable<TEndpoint> table, byte stamp, IBufferWriter<byte> to, ref int room)
            where TEndpoint : unmanaged, IEndpoint<TEndpoint>
        {
            for (int i = 0; i < table.Capacity; i++)
            {
                SwarmEntry<TEndpoint>* entry = table.At(i);
                int peers = entry->Swarm.Peers;
                if (peers == 0) continue;
                if (room < 0 || peers > MaxStepPeers)
                {
                    _putOff.Enqueue((entry->Name, sizeof(TEndpoint) == CompactPeers.Size6));
                    continue;
                }
                for (int chunk = 0; chunk < entry->Swarm.Chunks; chunk++) Write(entry, chunk, stamp, to);
                room -= peers * (sizeof(TEndpoint) + 1) + sizeof(SwarmEntry<TEndpoint>);
            }
        }

        /// <summary>The next chunks of one swarm. True at its end, also if it is gone.</summary>
        bool WriteSome<TEndpoint>(SwarmEntry<TEndpoint>* entry, byte stamp, IBufferWriter<byte> to)
            where TEndpoint : unmanaged, IEndpoint<TEndpoint>
        {
            if (entry == null) return true;
            int end = Math.Min(_chunk + MaxStepChunks, entry->Swarm.Chunks);
            for (; _chunk < end; _chunk++) Write(entry, _chunk, stamp, to);
            return _chunk >= entry->Swarm.Chunks;
        }

        static void Write<TEndpoint>(SwarmEntry<TEndpoint>* entry, int chunk, byte stamp, IBufferWriter<byte> to)
            where TEndpoint : unmanaged, IEndpoint<TEndpoint>
        {
            PeerChunk<TEndpoint>* peers = entry->Swarm.ChunkAt(chunk);
            if (peers->Count > 0) SwarmSnapshot.WriteRecord(to, entry->Name, entry->Completed, peers, stamp);
        }
    }

    /// <summary>Takes in what a snapshot has of one torrent, without those who have been silent too long.</summary>
    /// <param name="unit">What the record's ages count in.</param>
    /// <param name="since">Time since the snapshot was made, 0 or more.</param>
    public void Restore(in SwarmRecord record, TimeSpan unit, TimeSpan since, TimeSpan now)
    {
        ulong mixed = _nameKey.Mix(record.Name);
        Shard shard = _shards[(byte)mixed];
        lock (shard.Gate)
        {
            if (record.IsIPv6) Restore(shard.Six, shard.Four, ref shard.Peers6, mixed, record, unit, since, now);
            else Restore(shard.Four, shard.Six, ref shard.Peers4, mixed, record, unit, since, now);
        }
    }

    void Restore<TEndpoint, TOther>(
        SwarmTable<TEndpoint> table, SwarmTable<TOther> others, ref int peers, ulong mixed,
        in SwarmRecord record, TimeSpan unit, TimeSpan since, TimeSpan now)
        where TEndpoint : unmanaged, IEndpoint<TEndpoint>
        where TOther : unmanaged, IEndpoint<TOther>
    {
        InfoHash name = record.Name;
        SwarmEntry<TEndpoint>* entry = table.Find(name, mixed);
        for (int i = 0; i < record.Peers; i++)
        {
            long age = Math.Min(since.Ticks, long.MaxValue / 2) / _stampTicks + (record.Ages[i] & ~PeerChunk<TEndpoint>.PartialMark) * unit.Ticks / _stampTicks;
            ReadOnlySpan<byte> packed = record.Endpoint(i);
            if (age > MaxAge || (packed[^2] | packed[^1]) == 0) continue;
            var endpoint = MemoryMarshal.Read<TEndpoint>(packed);
            ulong hash = endpoint.Mix(_endpointKey);
            PeerPlace<TEndpoint> self = entry == null ? default : entry->Swarm.Find(endpoint, hash);
            bool known = entry != null && self.IsKnown;
            if (known) continue;
            if (_quota?.TryAdd(withTorrent: entry == null && others.Find(name, mixed) == null) is { } full and not SwarmLimit.None) return;
            peers++;
            if (!_hasLocal && AddressRules.IsLocal(PeerAddress.From(packed[..^2]))) _hasLocal = true;
            if (entry == null)
            {
                entry = table.Add(name, mixed);
                self = entry->Swarm.Find(endpoint, hash);
            }
            byte stamp = (byte)(((Stamp(now) - (int)age) & ~PeerChunk<TEndpoint>.PartialMark) | (record.Ages[i] & PeerChunk<TEndpoint>.PartialMark));
            entry->Swarm.Put(self, endpoint, stamp, i < record.Seeds, _endpointKey);
        }
        if (entry != null) entry->Completed = Math.Max(entry->Completed, record.Completed);
    }
}
