// What is published on a tracker, by info-hash and by name, each of both unique. A name belongs to the content that came with
// it first. Who seeds what is not kept here but asked of the tracker when it is needed.
// An entry nobody has seeded for a while goes away; only time during which the tracker could have heard of seeders counts.
// Any thread may call.
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

    Full,

    /// <summary>The tracker does not serve it.</summary>
    NotServed,
}

/// <param name="countsOf">Who seeds and who downloads a torrent; null if the tracker does not serve it, which hides it.</param>
sealed class CatalogueStore(CatalogueLimits limits, Func<InfoHash, SwarmCounts?> countsOf)
{
    readonly Lock _gate = new();
    readonly Dictionary<InfoHash, CatalogueEntry> _entries = [];
    readonly Dictionary<string, CatalogueEntry> _names = new(StringComparer.Ordinal);
    long _bytes;

    public int Count
    {
        get { lock (_gate) return _entries.Count; }
    }

    /// <param name="holder">The entry that is there after the call: the new one, the same from before, or the one that has the name; null if it is full.</param>
    public PublishResult Publish(CatalogueEntry entry, out CatalogueEntry? holder)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(entry.InfoHash, out holder)) return PublishResult.Known;
            if (_names.TryGetValue(entry.Name, out holder)) return PublishResult.NameTaken;
            if (_entries.Count >= limits.Entries || entry.TorrentSize > limits.Bytes - _bytes) return PublishResult.Full;
            _entries.Add(entry.InfoHash, entry);
            _names.Add(entry.Name, entry);
            _bytes += entry.TorrentSize;
            holder = entry;
            return PublishResult.Added;
        }
    }

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
            _bytes -= entry.TorrentSize;
            return true;
        }
    }

    /// <summary>True if the tracker serves it; what it does not serve is not shown.</summary>
    public bool IsShown(CatalogueEntry entry, out SwarmCounts counts)
    {
        SwarmCounts? found = countsOf(entry.InfoHash);
        counts = found ?? default;
        return found is not null;
    }

    /// <summary>One page of what a query asks for, the newest first.</summary>
    public CataloguePage Search(CatalogueQuery query)
    {
        CatalogueEntry[] all;
        lock (_gate) all = [.. _entries.Values];
        var found = new List<CatalogueEntry>();
        foreach (CatalogueEntry entry in all)
            if (query.Matches(entry) && IsShown(entry, out _)) found.Add(entry);
        found.Sort(static (a, b) => b.Published != a.Published ? b.Published.CompareTo(a.Published) : a.InfoHash.Bytes.SequenceCompareTo(b.InfoHash.Bytes));

        int first = (int)Math.Min(found.Count, (query.Page - 1L) * CataloguePage.Size);
        var rows = new List<(CatalogueEntry, SwarmCounts)>();
        foreach (CatalogueEntry entry in found.Skip(first).Take(CataloguePage.Size))
        {
            IsShown(entry, out SwarmCounts counts);
            rows.Add((entry, counts));
        }
        return new CataloguePage(query.Page, found.Count, rows);
    }

    /// <summary>Lets time pass. The caller takes the entries named out of wherever else they are.</summary>
    /// <param name="elapsed">Since the last call, as far as seeders could announce themselves.</param>
    /// <param name="aged">Entries whose <see cref="CatalogueEntry.Unseeded"/> is worth saving.</param>
    /// <returns>The entries that went away.</returns>
    public List<CatalogueEntry> Tick(TimeSpan elapsed, List<CatalogueEntry> aged)
    {
        CatalogueEntry[] all;
        lock (_gate) all = [.. _entries.Values];
        var gone = new List<CatalogueEntry>();
        foreach (CatalogueEntry entry in all)
        {
            bool seeded = countsOf(entry.InfoHash) is { Seeders: > 0 };
            entry.Unseeded = seeded ? TimeSpan.Zero : entry.Unseeded + elapsed;
            if (entry.Unseeded > limits.Keep && Remove(entry)) gone.Add(entry);
            else if ((entry.Unseeded - entry.UnseededSaved).Duration() > limits.Keep / 8) aged.Add(entry);
        }
        return gone;
    }
}
