// A catalogue and its copy on disk, kept equal: an entry is listed for good once it is on disk, and gone once it is gone
// there. Without a folder the .torrent files stay in memory. Writers take turns, also because reading a large .torrent
// takes several times its size; readers never wait for them. Any thread may call; Tick is for one.
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class CatalogueKeeper
{
    /// <summary>Notes written in one tick: after a start all may be due at once.</summary>
    const int MaxNotes = 16;

    readonly CatalogueFolder? _folder;
    readonly TimeSpan _step;
    readonly Action<string> _warn;
    readonly Lock _writing = new();
    TimeSpan _ticked;
    bool _failing;

    /// <param name="folder">Where it is kept, or null.</param>
    /// <param name="grace">How long after the start seeders may still be silent.</param>
    /// <param name="warn">Told of broken files, and of faults that cost nobody an answer: once until the disk works again.</param>
    public CatalogueKeeper(CatalogueLimits limits, CatalogueFolder? folder, Func<InfoHash, SwarmCounts?> countsOf, TimeSpan grace, Action<string> warn)
    {
        (Store, _folder, _ticked, _warn) = (new CatalogueStore(limits, countsOf), folder, grace, warn);
        _step = TimeSpan.FromTicks(Math.Clamp(limits.Keep.Ticks / 8, TimeSpan.TicksPerSecond, TimeSpan.TicksPerMinute));
        Fault = folder?.Load(AddLoaded, warn) ?? DiskResult.Ok;
    }

    public CatalogueStore Store { get; }

    /// <summary>Why the folder could not be read at the start, if it could not.</summary>
    public DiskResult Fault { get; }

    void AddLoaded(CatalogueEntry entry)
    {
        if (Store.Publish(entry, out CatalogueEntry? holder) is var result and not PublishResult.Added)
            _warn($"{entry.InfoHash}: not listed, {(result == PublishResult.Full ? "the catalogue is full" : $"{holder!.InfoHash} has its name")}");
    }

    /// <summary>Reads a .torrent and adds it.</summary>
    /// <param name="torrent">The .torrent; copied.</param>
    /// <param name="now">Seconds since 1970.</param>
    /// <param name="serves">Which torrents are welcome.</param>
    /// <param name="token">What takes a new entry away.</param>
    public Publication Publish(ReadOnlySpan<byte> torrent, long now, Func<InfoHash, bool> serves, WriteToken token)
    {
        lock (_writing)
        {
            if (!MetainfoFile.TryParse(torrent.ToArray(), out MetainfoFile? metainfo, out string problem)) return new Publication { Problem = problem };
            if (!serves(metainfo.InfoHash)) return new Publication { Result = PublishResult.NotServed };
            var entry = new CatalogueEntry(metainfo, now, token) { Torrent = _folder is null ? metainfo.Raw : default(ReadOnlyMemory<byte>?) }; // a plain null would become an empty memory
            PublishResult result = Store.Publish(entry, out CatalogueEntry? holder);
            DiskResult saved = result == PublishResult.Added && _folder is not null ? _folder.Save(entry, torrent) : DiskResult.Ok;
            if (!saved.IsOk)
            {
                Store.Remove(entry);
                _folder!.Remove(entry);
            }
            return new Publication { Result = result, Entry = holder, Disk = saved };
        }
    }

    public DiskResult Remove(CatalogueEntry entry)
    {
        lock (_writing)
        {
            DiskResult removed = _folder?.Remove(entry) ?? DiskResult.Ok;
            if (removed.IsOk) Store.Remove(entry);
            return removed;
        }
    }

    /// <summary>The .torrent of an entry, or null if the disk does not give it.</summary>
    public ReadOnlyMemory<byte>? Read(CatalogueEntry entry) => entry.Torrent ?? _folder?.Read(entry);

    /// <summary>Call it about once a second. Entries nobody seeds go away.</summary>
    /// <param name="now">Since the start.</param>
    public void Tick(TimeSpan now)
    {
        if (now - _ticked < _step) return;
        var aged = new List<CatalogueEntry>();
        List<CatalogueEntry> gone = Store.Tick(now - _ticked, aged);
        _ticked = now;
        if (_folder is null || gone.Count + aged.Count == 0) return;
        lock (_writing)
        {
            DiskResult fault = DiskResult.Ok;
            foreach (CatalogueEntry entry in gone) Note(_folder.Remove(entry));
            foreach (CatalogueEntry entry in aged.Take(MaxNotes))
            {
                if (Store.Find(entry.InfoHash) != entry) continue;
                Note(_folder.SaveNote(entry));
                entry.UnseededSaved = entry.Unseeded;
            }
            if (!fault.IsOk && !_failing) _warn($"the catalogue's folder is behind: {fault}");
            _failing = !fault.IsOk;

            void Note(DiskResult result)
            {
                if (fault.IsOk) fault = result;
            }
        }
    }
}

/// <summary>What became of a .torrent that was to be published.</summary>
readonly record struct Publication
{
    /// <summary>Why it is no .torrent; null if it is one.</summary>
    public string? Problem { get; init; }

    public PublishResult Result { get; init; }

    /// <summary>See <see cref="CatalogueStore.Publish"/>.</summary>
    public CatalogueEntry? Entry { get; init; }

    /// <summary>A new entry that could not be stored is not listed.</summary>
    public DiskResult Disk { get; init; }
}
