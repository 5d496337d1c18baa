// A catalogue and its copy on disk, kept equal: an entry is listed for good once it is on disk, and gone once it is gone
// there. Without a folder the .torrent files stay in memory. What changes one entry takes turns with what changes the same
// entry, and the disk is waited for within no other lock; readers wait for nothing but the start. Any thread may call; Load and
// Tick are for one.
using Microsoft.Win32.SafeHandles;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

sealed class CatalogueKeeper
{
    /// <summary>Notes written in one tick: after a start all may be due at once.</summary>
    const int MaxNotes = 16;

    const int Turns = 64;

    readonly CatalogueFolder? _folder;
    readonly CatalogueSwarms _swarms;
    readonly TimeSpan _step;
    readonly Action<string> _warn;
    readonly SavedState? _saved;
    readonly Lock[] _turns = [.. Enumerable.Range(0, Turns).Select(_ => new Lock())];
    readonly Lock _reading = new();
    readonly TaskCompletionSource _loaded = new();
    readonly List<CatalogueEntry> _due = []; // notes to write
    TimeSpan _ticked;
    bool _failing;

    /// <param name="folder">Where it is kept, or null.</param>
    /// <param name="grace">How long after the start seeders may still be silent.</param>
    /// <param name="saved">Told whether the folder takes what is written.</param>
    /// <param name="warn">Told of broken files, and of faults that cost nobody an answer: once until the disk works again.</param>
    public CatalogueKeeper(CatalogueLimits limits, CatalogueFolder? folder, CatalogueSwarms swarms, TimeSpan grace, Action<string> warn, SavedState? saved = null)
    {
        (Store, _folder, _swarms, _ticked, _warn, _saved) = (new CatalogueStore(limits, swarms), folder, swarms, grace, warn, saved);
        _step = TimeSpan.FromTicks(Math.Clamp(limits.Keep.Ticks / 8, TimeSpan.TicksPerSecond, TimeSpan.TicksPerMinute));
        Fault = folder?.Open() ?? DiskResult.Ok;
        if (folder is null) _loaded.TrySetResult();
    }

    public CatalogueStore Store { get; }

    /// <summary>Why the folder cannot be read or written at the start, if it cannot.</summary>
    public DiskResult Fault { get; }

    /// <summary>Reads what is on disk. Until it is there nothing may be published, or names would change hands.</summary>
    /// <param name="stop">Ends it half way.</param>
    public void Load(Func<bool> stop)
    {
        DiskResult fault = Fault.IsOk && _folder is not null ? _folder.Load(AddLoaded, _warn, stop) : DiskResult.Ok;
        if (!fault.IsOk) _warn($"not all of the catalogue could be read: {fault}");
        _loaded.TrySetResult();
    }

    /// <summary>True once everything on disk is listed; waits that long for it.</summary>
    public bool AwaitLoaded(TimeSpan patience) => _loaded.Task.Wait(patience);

    void AddLoaded(CatalogueEntry entry)
    {
        if (Store.Publish(entry, out CatalogueEntry? holder, out _) is var result and not PublishResult.Added)
            _warn($"{entry.InfoHash}: not listed, {(holder is null ? "the catalogue is full" : $"{holder.InfoHash} has its name")}");
    }

    Lock TurnOf(CatalogueEntry entry) => _turns[entry.InfoHash.Bytes[0] % Turns];

    /// <summary>Reads a .torrent and adds it.</summary>
    /// <param name="torrent">The .torrent; copied.</param>
    /// <param name="now">Seconds since 1970.</param>
    /// <param name="token">What takes a new entry away.</param>
    /// <param name="publisher">The address that it counts for; none for the operator.</param>
    public Publication Publish(ReadOnlySpan<byte> torrent, long now, WriteToken token, PeerAddress publisher)
    {
        CatalogueEntry entry;
        lock (_reading) // one at a time: reading a large .torrent takes several times its size
        {
            if (!MetainfoFile.TryParse(torrent.ToArray(), out MetainfoFile? metainfo, out string problem)) return new Publication { Problem = problem };
            if (!_swarms.Serves(metainfo.InfoHash)) return new Publication { Result = PublishResult.NotServed };
            entry = new CatalogueEntry(metainfo, now, token)
            {
                Publisher = PublisherShares.PublisherOf(publisher),
                Torrent = _folder is null ? metainfo.Raw : default(ReadOnlyMemory<byte>?), // a plain null would become an empty memory
            };
        }
        PublishResult result;
        CatalogueEntry? holder;
        IReadOnlyList<CatalogueEntry> evicted;
        DiskResult saved = DiskResult.Ok;
        lock (TurnOf(entry))
        {
            result = Store.Publish(entry, out holder, out evicted);
            if (result == PublishResult.Added && _folder is not null) saved = _folder.Save(entry, torrent[..entry.TorrentSize]); // without what followed it
            if (saved.IsOk) entry.Saved = (TimeSpan.Zero, false);
            else
            {
                Store.Remove(entry);
                _folder!.Remove(entry);
            }
        }
        if (result == PublishResult.Added && _folder is not null) _saved?.OnCatalogue(saved.IsOk ? null : saved.Kind);
        foreach (CatalogueEntry other in evicted) Forget(other); // a file that stays comes back at the next start, where it finds no room
        return new Publication { Result = result, Entry = holder, Disk = saved };
    }

    /// <summary>Takes the files of what is not listed any more.</summary>
    DiskResult Forget(CatalogueEntry entry)
    {
        lock (TurnOf(entry))
        {
            return _folder is null || Store.Find(entry.InfoHash) is not null ? DiskResult.Ok : _folder.Remove(entry); // published again meanwhile
        }
    }

    public DiskResult Remove(CatalogueEntry entry)
    {
        DiskResult removed = Unlist(entry);
        return removed.IsOk && _folder is not null ? _folder.Sync() : removed;
    }

    /// <summary>Removes everything.</summary>
    /// <param name="count">What was there.</param>
    public DiskResult Clear(out int count)
    {
        DiskResult fault = DiskResult.Ok;
        count = 0;
        foreach (CatalogueEntry entry in Store.Entries)
        {
            DiskResult removed = Unlist(entry);
            if (removed.IsOk) count++;
            else fault = removed;
        }
        return fault.IsOk && _folder is not null ? _folder.Sync() : fault;
    }

    DiskResult Unlist(CatalogueEntry entry)
    {
        lock (TurnOf(entry))
        {
            if (Store.Find(entry.InfoHash) != entry) return DiskResult.Ok;
            DiskResult removed = _folder?.Remove(entry) ?? DiskResult.Ok;
            if (removed.IsOk) Store.Remove(entry);
            return removed;
        }
    }

    /// <summary>
    /// The .torrent of an entry that has a folder, for reading; null if the disk does not give it. One that was damaged there,
    /// which is looked at when it is first asked for, takes its entry away.
    /// </summary>
    public SafeFileHandle? Open(CatalogueEntry entry)
    {
        SafeFileHandle? file = _folder!.Open(entry);
        if (file is null || entry.IsChecked) return file;
        if (IsIntact(entry)) entry.IsChecked = true;
        else
        {
            file.Dispose();
            file = null;
        }
        return file;
    }

    bool IsIntact(CatalogueEntry entry)
    {
        bool isEdited; // by an operator: it is the same torrent still
        lock (_reading)
        {
            if (_folder!.Read(entry) is not { } torrent) return false;
            if (entry.Digest.Span.SequenceEqual(CatalogueEntry.DigestOf(torrent))) return true;
            isEdited = MetainfoFile.TryParse(torrent, out MetainfoFile? metainfo, out _) && metainfo.InfoHash == entry.InfoHash;
        }
        lock (TurnOf(entry))
        {
            if (Store.Find(entry.InfoHash) != entry) return false; // another entry has taken its place meanwhile
            if (isEdited) return true;
            Store.Remove(entry);
            DiskResult aside = _folder.SetAside(entry, _warn);
            if (!aside.IsOk) _warn($"{entry.InfoHash}.torrent is damaged and could not be set aside: {aside}");
            return false;
        }
    }

    /// <summary>Call it about once a second. Entries nobody seeds go away.</summary>
    /// <param name="now">Since the start.</param>
    public void Tick(TimeSpan now)
    {
        DiskResult fault = DiskResult.Ok;
        bool isDue = now - _ticked >= _step;
        if (isDue)
        {
            _due.Clear();
            List<CatalogueEntry> gone = Store.Tick(now - _ticked, _due);
            _ticked = now;
            foreach (CatalogueEntry entry in gone) Note(Forget(entry));
            if (gone.Count > 0 && _folder is not null) Note(_folder.Sync());
        }
        if (_folder is null || (_due.Count == 0 && !isDue)) return;
        int count = Math.Min(_due.Count, MaxNotes);
        foreach (CatalogueEntry entry in _due[^count..]) Note(SaveNote(entry));
        _due.RemoveRange(_due.Count - count, count);
        if (!fault.IsOk && !_failing) _warn($"the catalogue's folder is behind: {fault}");
        _failing = !fault.IsOk;
        if (_failing || count > 0) _saved?.OnCatalogue(fault.IsOk ? null : fault.Kind);

        void Note(DiskResult result)
        {
            if (fault.IsOk) fault = result;
        }
    }

    DiskResult SaveNote(CatalogueEntry entry)
    {
        lock (TurnOf(entry))
        {
            if (Store.Find(entry.InfoHash) != entry) return DiskResult.Ok;
            (TimeSpan, bool) noted = (entry.Unseeded, entry.WasSeeded);
            DiskResult saved = _folder!.SaveNote(entry);
            if (saved.IsOk) entry.Saved = noted;
            return saved;
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
