// The swarms of a tracker, shared by HTTP and UDP: 256 shards, each with a lock, a table per address family and random
// bits of its own. All peers are in native memory, so ten million of them are no work for the garbage collector, and an
// announce allocates nothing. A peer is its address and port: the same port behind the same address is the same peer.
//
// A torrent exists while it has peers; the completed count goes with the last of them.
// Any thread may call Announce, Scrape and the counts; Expire is for one thread at a time.
using System.Buffers.Binary;
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>The answer to an announce.</summary>
/// <param name="Counts">The torrent's, both families, with the announcer.</param>
/// <param name="SameFamily">Bytes of packed peers of the announcer's own family.</param>
/// <param name="OtherFamily">Bytes of packed peers of the other one.</param>
readonly record struct SwarmReply(SwarmCounts Counts, int SameFamily, int OtherFamily)
{
    /// <summary>The limit that kept the announcer out; everything else is 0 then.</summary>
    public SwarmLimit Full { get; init; }
}

/// <summary>Who is in which torrent.</summary>
sealed unsafe partial class SwarmStore : IDisposable
{
    const int ShardCount = 256;

    /// <summary>Stamps count in eightieths of a lifetime, modulo 128: a peer must be looked at within half a lifetime of its end.</summary>
    const byte MaxAge = 80;

    /// <summary>Budget spent under a lock at a time: some microseconds.</summary>
    const int MaxStep = 4096;

    readonly Shard[] _shards = new Shard[ShardCount];
    readonly SwarmQuota? _quota;
    readonly NameKey _nameKey;
    readonly ulong _endpointKey;
    readonly long _stampTicks;
    volatile bool _hasLocal;

    // Where the next Expire goes on: a shard, a family, a place in its table, and chunks left of a large swarm there.
    int _shardAt, _placeAt, _chunksLeft;
    bool _sixAt;

    /// <param name="lifetime">A peer that was silent for this long is forgotten (by the next <see cref="Expire"/> that meets it).</param>
    /// <param name="secret">16 bytes nobody else knows.</param>
    /// <param name="quota">A new one, or null for no limit.</param>
    public SwarmStore(TimeSpan lifetime, ReadOnlySpan<byte> secret, SwarmQuota? quota = null)
    {
        _quota = quota;
        var draws = new SipHash(secret);
        _stampTicks = Math.Max(1, lifetime.Ticks / MaxAge);
        _nameKey = new NameKey(Draw(draws, -1), Draw(draws, -2));
        _endpointKey = Draw(draws, -3);
        for (int i = 0; i < ShardCount; i++) _shards[i] = new Shard(_nameKey, Draw(draws, i));
    }

    /// <summary>Torrents that have IPv4 peers, and those that have IPv6 peers; those with both are in both.</summary>
    public (int IPv4, int IPv6) Torrents => (_shards.Sum(s => s.Four.Count), _shards.Sum(s => s.Six.Count));

    /// <summary>Peers of each family.</summary>
    public (long IPv4, long IPv6) Peers => (_shards.Sum(s => (long)s.Peers4), _shards.Sum(s => (long)s.Peers6));

    /// <summary>
    /// Records an announce and picks peers for the answer. A newcomer gets half of them by nearness, everyone else gets a random
    /// choice. The announcer is never included; a peer that wants nothing gets no seeds, a peer of the internet none that has a
    /// private address.
    /// </summary>
    /// <param name="from">Where the peer listens, besides <see cref="Announce.Port"/>: 4 or 16 bytes.</param>
    /// <param name="same">Room for packed peers of the same family; its length is the limit.</param>
    /// <param name="other">Room for packed peers of the other family, or empty.</param>
    public SwarmReply Announce(in Announce announce, in PeerAddress from, TimeSpan now, Span<byte> same, Span<byte> other)
    {
        ulong mixed = _nameKey.Mix(announce.InfoHash);
        Shard shard = _shards[(byte)mixed];
        bool local = AddressRules.IsLocal(from);
        if (local && !_hasLocal) _hasLocal = true;
        SwarmReply reply;
        lock (shard.Gate)
        {
            reply = from.IsIPv6
                ? Announce(shard.Six, shard.Four, ref shard.Peers6, shard.NextDraw(), mixed, announce, from, now, same, other)
                : Announce(shard.Four, shard.Six, ref shard.Peers4, shard.NextDraw(), mixed, announce, from, now, same, other);
        }
        if (local || !_hasLocal) return reply;
        (int sameSize, int otherSize) = from.IsIPv6 ? (CompactPeers.Size6, CompactPeers.Size4) : (CompactPeers.Size4, CompactPeers.Size6);
        return reply with { SameFamily = WithoutLocal(same[..reply.SameFamily], sameSize), OtherFamily = WithoutLocal(other[..reply.OtherFamily], otherSize) };
    }

    /// <summary>
    /// Takes peers of private and link-local addresses out of an answer to the internet: nobody there can reach them, and they
    /// tell what a network looks like inside.
    /// </summary>
    /// <param name="size">Bytes of a packed peer.</param>
    /// <returns>Bytes left.</returns>
    static int WithoutLocal(Span<byte> packed, int size)
    {
        int kept = 0;
        for (int at = 0; at < packed.Length; at += size)
        {
            if (AddressRules.IsLocal(PeerAddress.From(packed.Slice(at, size - 2)))) continue;
            packed.Slice(at, size).CopyTo(packed[kept..]);
            kept += size;
        }
        return kept;
    }

    public SwarmCounts Scrape(in InfoHash name)
    {
        ulong mixed = _nameKey.Mix(name);
        Shard shard = _shards[(byte)mixed];
        lock (shard.Gate)
        {
            SwarmEntry<Endpoint4>* four = shard.Four.Find(name, mixed);
            SwarmEntry<Endpoint6>* six = shard.Six.Find(name, mixed);
            return Count(four, six) with { PartialSeeds = (four == null ? 0 : four->Swarm.PartialSeeds) + (six == null ? 0 : six->Swarm.PartialSeeds) };
        }
    }

    /// <summary>The names of all torrents, one with peers of both families twice. Each shard is as of another moment.</summary>
    public InfoHash[] Names()
    {
        var names = new List<InfoHash>();
        foreach (Shard shard in _shards)
        {
            lock (shard.Gate)
            {
                shard.Four.AddNames(names);
                shard.Six.AddNames(names);
            }
        }
        return [.. names];
    }

    /// <summary>Forgets silent peers, going on where the last call stopped, once around at most.</summary>
    /// <param name="budget">Peers and table places to look at, about; bounds the time of one call.</param>
    public void Expire(TimeSpan now, int budget)
    {
        byte stamp = Stamp(now);
        for (int tables = 0; budget > 0 && tables <= 2 * ShardCount;)
        {
            Shard shard = _shards[_shardAt];
            int step = Math.Min(budget, MaxStep), left = step;
            bool done;
            lock (shard.Gate)
            {
                done = _sixAt
                    ? Expire(shard.Six, shard.Four, ref shard.Peers6, stamp, ref left)
                    : Expire(shard.Four, shard.Six, ref shard.Peers4, stamp, ref left);
            }
            budget -= step - left;
            if (!done) continue;
            tables++;
            (_placeAt, _chunksLeft) = (0, 0);
            if (_sixAt) _shardAt = (_shardAt + 1) % ShardCount;
            _sixAt = !_sixAt;
        }
    }

    public void Dispose()
    {
        foreach (Shard shard in _shards) shard.Dispose();
    }

    SwarmReply Announce<TSame, TOther>(
        SwarmTable<TSame> table, SwarmTable<TOther> others, ref int peers, ulong draw, ulong mixed,
        in Announce announce, in PeerAddress from, TimeSpan now, Span<byte> same, Span<byte> other)
        where TSame : unmanaged, IEndpoint<TSame>
        where TOther : unmanaged, IEndpoint<TOther>
    {
        InfoHash name = announce.InfoHash;
        TSame endpoint = Endpoint.Pack<TSame>(from.Bytes, announce.Port);
        ulong hash = endpoint.Mix(_endpointKey);
        SwarmEntry<TSame>* entry = table.Find(name, mixed);
        SwarmEntry<TOther>* partner = others.Find(name, mixed);
        PeerPlace<TSame> self = entry == null ? default : entry->Swarm.Find(endpoint, hash);
        bool known = entry != null && self.IsKnown;

        if (announce.Event == AnnounceEvent.Stopped)
        {
            if (!known) return new SwarmReply(Count(entry, partner), 0, 0);
            peers--;
            entry->Swarm.Remove(self, _endpointKey);
            _quota?.Remove(1, withTorrent: entry->Swarm.Peers == 0 && partner == null);
            if (entry->Swarm.Peers > 0) return new SwarmReply(Count(entry, partner), 0, 0);
            table.Remove(entry);
            return new SwarmReply(Count<TSame, TOther>(null, partner), 0, 0);
        }

        if (!known && _quota?.TryAdd(withTorrent: entry == null && partner == null) is { } full and not SwarmLimit.None)
            return new SwarmReply { Full = full };

        bool partial = announce.IsPartialSeed, sated = announce.IsSeed || partial;
        // Of two that are near, the later one hears of the earlier when it comes; the many announces that follow only mix.
        bool comes = !known || announce.Event == AnnounceEvent.Started;
        int sameLength = entry == null ? 0
            : comes ? entry->Swarm.CopyPeers(same, self, endpoint, sated, draw)
            : entry->Swarm.CopyWindow(same, self, sated, draw);
        int otherLength = partner == null ? 0 : partner->Swarm.CopyWindow(other, default, sated, draw);

        // A peer that was a seed before has finished before: told twice, counted once.
        bool finished = announce is { Event: AnnounceEvent.Completed, IsSeed: true } && !(known && self.IsSeed);
        if (!known) peers++;
        if (entry == null)
        {
            entry = table.Add(name, mixed);
            self = entry->Swarm.Find(endpoint, hash);
        }
        byte stamp = (byte)(Stamp(now) | (partial ? PeerChunk<TSame>.PartialMark : 0));
        entry->Swarm.Put(self, endpoint, stamp, announce.IsSeed, _endpointKey);
        if (finished) entry->Completed++;
        return new SwarmReply(Count(entry, partner), sameLength, otherLength);
    }

    /// <summary>One table, as far as the budget reaches. True at its end.</summary>
    bool Expire<TEndpoint, TOther>(SwarmTable<TEndpoint> table, SwarmTable<TOther> others, ref int peers, byte stamp, ref int budget)
        where TEndpoint : unmanaged, IEndpoint<TEndpoint>
        where TOther : unmanaged, IEndpoint<TOther>
    {
        if (table.Count == 0) _placeAt = table.Capacity;
        while (budget-- > 0)
        {
            if (_placeAt >= table.Capacity) return true;
            SwarmEntry<TEndpoint>* entry = table.At(_placeAt);
            int before = entry->Swarm.Peers;
            if (before > 0)
            {
                _chunksLeft = entry->Swarm.Expire(_chunksLeft, stamp, MaxAge, _endpointKey);
                int forgotten = before - entry->Swarm.Peers;
                peers -= forgotten;
                _quota?.Remove(forgotten, withTorrent: entry->Swarm.Peers == 0 && others.Find(entry->Name, _nameKey.Mix(entry->Name)) == null);
                budget -= Math.Min(before, 256);
                if (entry->Swarm.Peers == 0)
                {
                    // Removing shifts the next entry to this place: look at it again. After a rebuild begin again.
                    if (!table.Remove(entry)) _placeAt = 0;
                    _chunksLeft = 0;
                    continue;
                }
                if (_chunksLeft > 0) continue;
            }
            _placeAt++;
        }
        return _placeAt >= table.Capacity;
    }

    static SwarmCounts Count<TOne, TTwo>(SwarmEntry<TOne>* one, SwarmEntry<TTwo>* two)
        where TOne : unmanaged, IEndpoint<TOne>
        where TTwo : unmanaged, IEndpoint<TTwo>
    {
        int peers = 0, seeds = 0, completed = 0;
        if (one != null) (peers, seeds, completed) = (one->Swarm.Peers, one->Swarm.Seeds, one->Completed);
        if (two != null) (peers, seeds, completed) = (peers + two->Swarm.Peers, seeds + two->Swarm.Seeds, completed + two->Completed);
        return new SwarmCounts(seeds, peers - seeds, completed);
    }

    byte Stamp(TimeSpan now) => (byte)(now.Ticks / _stampTicks & ~PeerChunk<Endpoint4>.PartialMark);

    static ulong Draw(SipHash draws, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return draws.Hash(bytes);
    }

    sealed class Shard(NameKey key, ulong seed) : IDisposable
    {
        public readonly Lock Gate = new();
        public readonly SwarmTable<Endpoint4> Four = new(key);
        public readonly SwarmTable<Endpoint6> Six = new(key);
        public int Peers4, Peers6;

        ulong _state = seed;

        /// <summary>64 random bits (SplitMix64).</summary>
        public ulong NextDraw()
        {
            ulong z = _state += 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return z ^ (z >> 31);
        }

        public void Dispose()
        {
            lock (Gate)
            {
                Four.Dispose();
                Six.Dispose();
            }
        }
    }
}
