// What is published on a tracker, by info-hash and by name, each of both unique. A name belongs to the content that came with
// it first. Who seeds what is not kept here but asked of the tracker when it is needed.
// An entry nobody has seeded for a while goes away; only time during which the tracker could have heard of seeders counts.
// A full catalogue makes room by what nobody has ever seeded, so that whoever fills it up locks nobody out.
// Any thread may call. A search works on a copy that does not change: it keeps nobody waiting, and takes as long as it takes.
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Catalogue;

sealed record CatalogueLimits
{
    public int Entries { get; init; } = 10_000;

    /// <summary>Bytes of all .torrent files together.</summary>
    public long Bytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>An entry nobody has seeded for so long goes away.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(7);
}

enum PublishResult : byte
{
    Added,

    /// <summary>It was there already.</summary>
    Known,

    /// <summary>Another content has the name.</summary>
    NameTaken,

    /// <summary>The publisher has its share of the catalogue.</summary>
    OverShare,

    Full,

    /// <summary>The tracker does not serve it.</summary>
    NotServed,
}

/// <param name="Serves">Whether the tracker serves a torrent; what it does not serve is hidden.</param>
/// <param name="CountsOf">How many seed and download a torrent.</param>
sealed record CatalogueSwarms(Func<InfoHash, bool> Serves, Func<InfoHash, SwarmCounts> CountsOf);

sealed class CatalogueStore(CatalogueLimits limits, CatalogueSwarms swarms)
{
    readonly Lock _gate = new();
    readonly Dictionary<InfoHash, CatalogueEntry> _entries = [];
    readonly Dictionary<string, CatalogueEntry> _names = new(StringComparer.Ordinal);
    readonly List<CatalogueEntry> _newestFirst = [];
    readonly PublisherShares _shares = new(limits);
    CatalogueEntry[]? _copy = []; // of the list; null when that has changed
    long _bytes;

    static readonly Comparer<CatalogueEntry> s_newestFirst = Comparer<CatalogueEntry>.Create(
        static (a, b) => b.Published != a.Published ? b.Published.CompareTo(a.Published) : a.InfoHash.Bytes.SequenceCompareTo(b.InfoHash.Bytes));

    public int Count
    {
        get { lock (_gate) return _entries.Count; }
    }

    /// <summary>Every entry, the newest first.</summary>
    public IReadOnlyList<CatalogueEntry> Entries => Copy();

    /// <param name="holder">The entry that is there after the call: the new one, the same from before, or the one that has the name;
    /// null if there is none.</param>
    /// <param name="evicted">Entries that had to make room. The caller takes them out of wherever else they are.</param>
    public PublishResult Publish(CatalogueEntry entry, out CatalogueEntry? holder, out IReadOnlyList<CatalogueEntry> evicted)
    {
        evicted = [];
        lock (_gate)
        {
            if (_entries.TryGetValue(entry.InfoHash, out holder)) return PublishResult.Known;
            if (_names.TryGetValue(entry.Name, out holder)) return PublishResult.NameTaken;
            if (!_shares.HasRoomFor(entry)) return PublishResult.OverShare;
            if (!HasRoomFor(entry, 0, 0))
            {
                if (WhatMakesRoomFor(entry) is not { } idle) return PublishResult.Full;
                foreach (CatalogueEntry other in idle) Remove(other);
                evicted = idle;
            }
            _entries.Add(entry.InfoHash, entry);
            _names.Add(entry.Name, entry);
            _newestFirst.Insert(~_newestFirst.BinarySearch(entry, s_newestFirst), entry);
            _shares.Add(entry);
            _bytes += entry.TorrentSize;
            _copy = null;
            holder = entry;
            return PublishResult.Added;
        }
    }

    bool HasRoomFor(CatalogueEntry entry, int fewerEntries, long fewerBytes) =>
        _entries.Count - fewerEntries < limits.Entries && entry.TorrentSize <= limits.Bytes - (_bytes - fewerBytes);

    /// <summary>
    /// Entries that nobody has ever seeded: the oldest of the publisher that has most of them, then again of the one that has most.
    /// Null if they are not enough. Publishers that have less of them than the new entry's publisher lose none: few entries do not
    /// go for many or large ones.
    /// </summary>
    List<CatalogueEntry>? WhatMakesRoomFor(CatalogueEntry entry)
    {
        if (entry.TorrentSize > limits.Bytes) return null;
        bool byCount = _entries.Count >= limits.Entries;
        // By publisher, the oldest on top.
        Dictionary<PeerAddress, Stack<CatalogueEntry>> idle = _newestFirst.Where(IsIdle).GroupBy(other => other.Publisher)
            .ToDictionary(publisher => publisher.Key, publisher => new Stack<CatalogueEntry>(publisher));
        long own = Size(entry) + (idle.TryGetValue(entry.Publisher, out Stack<CatalogueEntry>? others) ? others.Sum(Size) : 0);
        PriorityQueue<Stack<CatalogueEntry>, long> most = new();
        foreach ((PeerAddress publisher, Stack<CatalogueEntry> entries) in idle)
        {
            long held = entries.Sum(Size);
            if (held >= own || publisher == entry.Publisher) most.Enqueue(entries, -held);
        }
        var chosen = new List<CatalogueEntry>();
        long bytes = 0;
        while (!HasRoomFor(entry, chosen.Count, bytes))
        {
            if (!most.TryDequeue(out Stack<CatalogueEntry>? publisher, out long size)) return null;
            CatalogueEntry oldest = publisher.Pop();
            chosen.Add(oldest);
            bytes += oldest.TorrentSize;
            if (publisher.Count > 0) most.Enqueue(publisher, size + Size(oldest));
        }
        return chosen;

        long Size(CatalogueEntry one) => byCount ? 1 : one.TorrentSize;
    }

    bool IsIdle(CatalogueEntry entry) => !entry.Publisher.IsNone && !entry.WasSeeded && swarms.CountsOf(entry.InfoHash).Seeders == 0;

    public CatalogueEntry? Find(in InfoHash name)
    {
        lock (_gate) return _entries.GetValueOrDefault(name);
    }

    /// <summary>False if it is not there, or not this one any more.</summary>
    public bool Remove(CatalogueEntry entry)
    {
        lock (_gate)
        {
            if (_entries.GetValueOrDefault(entry.InfoHash) != entry) return false;
            _entries.Remove(entry.InfoHash);
            _names.Remove(entry.Name);
            _newestFirst.RemoveAt(_newestFirst.BinarySearch(entry, s_newestFirst));
            _shares.Remove(entry);
            _bytes -= entry.TorrentSize;
            _copy = null;
            return true;
        }
    }

    /// <summary>True if the tracker serves it; what it does not serve is not shown.</summary>
    public bool IsShown(CatalogueEntry entry) => swarms.Serves(entry.InfoHash);

    /// <summary>One page of what a query asks for, the newest first.</summary>
    public CataloguePage Search(CatalogueQuery query)
    {
        int first = (query.Page - 1) * CataloguePage.Size, found = 0;
        var rows = new List<(CatalogueEntry, SwarmCounts)>();
        foreach (CatalogueEntry entry in Candidates(query))
        {
            if (!query.Matches(entry) || !IsShown(entry)) continue;
            if (found >= first && rows.Count < CataloguePage.Size) rows.Add((entry, swarms.CountsOf(entry.InfoHash)));
            found++;
        }
        return new CataloguePage(query.Page, found, rows);
    }

    CatalogueEntry[] Candidates(CatalogueQuery query)
    {
        if (query.Name is not { } name) return Copy();
        lock (_gate) return _names.TryGetValue(name, out CatalogueEntry? named) ? [named] : [];
    }

    CatalogueEntry[] Copy()
    {
        lock (_gate) return _copy ??= [.. _newestFirst];
    }

    bool IsBehind(CatalogueEntry entry) =>
        entry.Saved is not { } saved || saved.WasSeeded != entry.WasSeeded || (entry.Unseeded - saved.Unseeded).Duration() > limits.Keep / 8;

    /// <summary>Lets time pass. The caller takes the entries named out of wherever else they are.</summary>
    /// <param name="elapsed">Since the last call, as far as seeders could announce themselves.</param>
    /// <param name="aged">Entries whose <see cref="CatalogueEntry.Saved"/> is behind.</param>
    /// <returns>The entries that went away.</returns>
    public List<CatalogueEntry> Tick(TimeSpan elapsed, List<CatalogueEntry> aged)
    {
        var gone = new List<CatalogueEntry>();
        foreach (CatalogueEntry entry in Copy())
        {
            bool seeded = swarms.CountsOf(entry.InfoHash).Seeders > 0;
            entry.WasSeeded |= seeded;
            entry.Unseeded = seeded ? TimeSpan.Zero : entry.Unseeded + elapsed;
            if (entry.Unseeded > limits.Keep && Remove(entry)) gone.Add(entry);
            else if (IsBehind(entry)) aged.Add(entry);
        }
        return gone;
    }
}
