// The downloads a browse session has begun: each is looked up, checked against what is on disk, fetched, and then seeded until
// the session ends. Any thread may call.
using System.Text.Json;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Browse;

/// <param name="fetch">Gets the .torrent of an entry; an exception's message says why it cannot.</param>
/// <param name="announce">The tracker that is asked for peers, besides those a torrent names.</param>
sealed class Downloads(Engine engine, string folder, Func<InfoHash, CancellationToken, MetainfoFile> fetch, string announce) : IAsyncDisposable
{
    /// <summary>At once; each holds files and connections.</summary>
    const int Most = 64;

    bool _disposed;
    readonly Lock _gate = new();
    readonly List<Entry> _entries = [];

    sealed class Entry(InfoHash hash) : IDisposable
    {
        public InfoHash Hash { get; } = hash;
        public volatile ActiveTorrent? Torrent;
        public volatile Playback? Playback;
        public StoredDownload? Stored;
        public volatile string? Error;
        public volatile bool IsChecking;
        public CancellationTokenSource Stop { get; } = new();
        public bool IsStopping;
        public Task Work = Task.CompletedTask;

        /// <summary>It failed before the engine had it; what the engine has cannot be begun a second time.</summary>
        public bool MayBeginAgain => Error is not null && Torrent is null;

        public void Dispose() => Stop.Dispose();
    }

    /// <summary>Begins, or begins again what failed before it was under way.</summary>
    /// <returns>False if there are too many.</returns>
    public bool TryStart(InfoHash hash)
    {
        lock (_gate)
        {
            if (_disposed) return false;
            int at = _entries.FindIndex(entry => entry.Hash == hash);
            if (at >= 0 && (!_entries[at].MayBeginAgain || _entries[at].IsStopping)) return true;
            if (at < 0 && _entries.Count == Most) return false;
            var entry = new Entry(hash);
            if (at >= 0)
            {
                _entries[at].Dispose();
                _entries.RemoveAt(at);
            }
            _entries.Add(entry);
            entry.Work = Task.Run(() => RunAsync(entry));
            return true;
        }
    }

    /// <summary>Ends a download, or the seeding of what is complete; its files stay, and it goes on from there when it is begun again.</summary>
    /// <returns>False if there is no such download.</returns>
    public async Task<bool> StopAsync(InfoHash hash)
    {
        Entry? entry;
        lock (_gate)
        {
            entry = _entries.Find(entry => entry.Hash == hash);
            if (entry is null || entry.IsStopping) return false;
            entry.IsStopping = true;
        }
        await entry.Stop.CancelAsync().ConfigureAwait(false);
        await entry.Work.ConfigureAwait(false);
        if (entry.Torrent is { } torrent) await engine.RemoveAsync(torrent).ConfigureAwait(false);
        entry.Stored?.Dispose();
        lock (_gate) _entries.Remove(entry); // not before: its files would be opened twice
        entry.Dispose();
        return true;
    }

    /// <summary>Null until its content is known.</summary>
    public (Playback Playback, MetainfoFile Metainfo)? Find(InfoHash hash)
    {
        lock (_gate)
            return _entries.Find(entry => entry.Hash == hash) is { Torrent: { } torrent, Playback: { } playback } ? (playback, torrent.Metainfo) : null;
    }

    async Task RunAsync(Entry entry)
    {
        try
        {
            MetainfoFile metainfo = fetch(entry.Hash, entry.Stop.Token);
            entry.IsChecking = true;
            StoredDownload download = entry.Stored = Prepare(metainfo, entry.Stop.Token);
            var torrent = new ActiveTorrent(engine, download, metainfo.Trackers, [announce]);
            (entry.Playback, entry.Torrent) = (new Playback(torrent, entry.Stop.Token), torrent);
            engine.Add(torrent);
            await torrent.Completion.WaitAsync(entry.Stop.Token).ConfigureAwait(false);
            torrent.KeepsState = false;
            Require(download.Finish());
            download.Forget();
        }
        catch (OperationCanceledException) when (entry.Stop.IsCancellationRequested) { } // it is stopped, or the session ends
        catch (Exception e) // whatever it was, the session goes on and its user is told
        {
            entry.Error = e.Message;
        }
    }

    /// <summary>What is there is known, and what is missing can be written.</summary>
    StoredDownload Prepare(MetainfoFile metainfo, CancellationToken cancellation)
    {
        var download = new StoredDownload(metainfo, folder);
        try
        {
            Require(download.Check((_, _) => { }, cancellation));
            Require(download.Begin());
            return download;
        }
        catch
        {
            download.Dispose();
            throw;
        }
    }

    static void Require(DiskResult result)
    {
        if (!result.IsOk) throw new IOException(result.ToString());
    }

    /// <summary>{"downloads": [{"info_hash", "state", "done", "total", "rate", "peers", "folder", "error", "again", "files": [{"index", "path", "length", "type"}]}]}</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        Entry[] entries;
        lock (_gate) entries = [.. _entries];
        json.WriteStartObject();
        json.WriteStartArray("downloads");
        foreach (Entry entry in entries) Write(json, entry);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    void Write(Utf8JsonWriter json, Entry entry)
    {
        ActiveTorrent? torrent = entry.Torrent;
        string? error = entry.Error ?? (torrent is { Fault: { IsOk: false } fault } ? fault.ToString() : null);
        TorrentStats stats = torrent?.Torrent.Stats ?? default;
        json.WriteStartObject();
        json.WriteString("info_hash", entry.Hash.ToString());
        json.WriteString("state",
            error is not null ? "failed" : torrent is null ? entry.IsChecking ? "checking" : "starting" : stats.IsComplete ? "complete" : "downloading");
        json.WriteNumber("done", stats.Wanted - stats.Left);
        json.WriteNumber("total", stats.Wanted);
        json.WriteNumber("rate", (long)stats.DownRate);
        json.WriteNumber("peers", stats.Peers);
        json.WriteString("folder", folder);
        if (error is not null) json.WriteString("error", entry.MayBeginAgain ? error : $"{error}; stop it, and begin again when that is mended");
        json.WriteBoolean("again", entry.MayBeginAgain);
        if (torrent is not null) WriteFiles(json, torrent.Metainfo.Files);
        json.WriteEndObject();
    }

    static void WriteFiles(Utf8JsonWriter json, FileMap files)
    {
        json.WriteStartArray("files");
        for (int i = 0; i < files.Files.Count; i++)
        {
            FileEntry file = files.Files[i];
            if (file.IsPadding || MediaType.Of(file.Path) == MediaType.Unknown) continue;
            json.WriteStartObject();
            json.WriteNumber("index", i);
            json.WriteString("path", file.Path);
            json.WriteNumber("length", file.Length);
            json.WriteString("type", MediaType.Of(file.Path));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Ends what has not come to the engine yet; the rest ends with the engine.</summary>
    public async ValueTask DisposeAsync()
    {
        Entry[] entries;
        lock (_gate)
        {
            _disposed = true;
            entries = [.. _entries];
        }
        foreach (Entry entry in entries) await entry.Stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(entries.Select(entry => entry.Work)).ConfigureAwait(false);
        foreach (Entry entry in entries) entry.Dispose();
    }
}
