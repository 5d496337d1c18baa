// One download as it lies on disk: its files, the state kept beside them while it is incomplete, and the picker, which is told
// what is there. This is the one way to content that may be written: Check decides which files that exist are ours.
// Check and Begin come before anything is fetched, Finish when everything is there, and Forget when its state is of no more
// use. Not thread-safe; an ActiveTorrent takes the parts over, and ends before this is disposed of.
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;

namespace TinyTorrent.Storage;

sealed class StoredDownload : IDisposable
{
    readonly DiskState _state;
    readonly FileSelection _selection;
    readonly MadeFiles _made;
    readonly Ownership _ownership;
    readonly bool _force;
    readonly int _wantedPieces;
    FolderLock? _lock;

    /// <param name="folder">Where the content goes.</param>
    /// <param name="wanted">For each file whether it was asked for; null: all of them.</param>
    /// <param name="force">Files that hold something else are overwritten.</param>
    /// <exception cref="FormatException">The torrent would write where the states of all downloads are kept.</exception>
    public StoredDownload(MetainfoFile metainfo, string folder, bool[]? wanted = null, bool force = false)
    {
        (Metainfo, _state, _force) = (metainfo, new DiskState(folder, metainfo), force);
        if (wanted is null)
        {
            wanted = new bool[metainfo.Files.Files.Count];
            Array.Fill(wanted, true);
        }
        _selection = new FileSelection(metainfo.Files, wanted, metainfo.Geometry.PieceLength, _state.EdgePath);
        _made = new MadeFiles(Path.GetFullPath(folder), _state.MadeBeneath, Disk.Native);
        Store = new PieceStore(metainfo.Files, folder, _selection) { Made = _made };
        Resume = new ResumeFile(_state.ResumePath, metainfo.InfoHash, metainfo.Geometry, Store);
        Picker = new PiecePicker(metainfo.Geometry, new Random());
        _selection.SkipOthers(metainfo.Geometry, Picker);
        _wantedPieces = Picker.Needed.Count;
        _ownership = new Ownership(metainfo, Store, Picker);
    }

    public MetainfoFile Metainfo { get; }
    public PieceStore Store { get; }
    public ResumeFile Resume { get; }
    public PiecePicker Picker { get; }

    /// <summary>After <see cref="Check"/>: of the pieces that were asked for, how many are there.</summary>
    public (int Found, int Wanted) Pieces => (_wantedPieces - Picker.Needed.Count, _wantedPieces);

    /// <summary>Finds what is there already, and what of it is ours. Blocks until all of it is known; writes nothing.</summary>
    /// <param name="progress">Bytes hashed so far, bytes to hash.</param>
    /// <returns><see cref="DiskFault.Occupied"/>: something else is in the way.</returns>
    public DiskResult Check(Action<long, long> progress, CancellationToken cancellation)
    {
        // A folder that cannot be written to may still hold all of it; if it does not, Begin fails as well.
        DiskResult result = FolderLock.TakeFile(_state.LockPath, "the same torrent is being downloaded to this folder by another process", out _lock);
        if (result.Fault == DiskFault.Busy) return result;
        _made.Load();
        ResumeState? state = Resume.Load(out _);
        result = ExistingContent.Find(Metainfo, Store, state, Picker, progress, cancellation);
        return result.IsOk ? _ownership.Settle(state, _made, _force) : result;
    }

    /// <summary>Makes the files that no piece will, and a first state: whether anything can be written there at all is
    /// better known before the first peer is asked.</summary>
    public DiskResult Begin()
    {
        DiskResult result = Picker.IsComplete ? DiskResult.Ok : _state.Look();
        if (result.IsOk) result = _ownership.CopyVerified();
        if (result.IsOk) result = Store.CreateEmptyFiles();
        return !result.IsOk || Picker.IsComplete ? result : Resume.Save(new ResumeState(Picker.Have, [.. Picker.WrittenBlocks()]), Store.Stamps());
    }

    /// <summary>When everything is there: cuts what files had beyond their end before, and looks whether it still is.</summary>
    public DiskResult Finish()
    {
        DiskResult result = _ownership.CompareUnproven();
        return result.IsOk ? Store.Finish() : result;
    }

    /// <summary>True if the state outlives the download: pieces at the borders of the files that were asked for have bytes of
    /// others, which are nowhere else.</summary>
    public bool NeedsState => _selection.IsPart && File.Exists(_state.EdgePath);

    /// <summary>Removes the state. Nothing may be written afterwards.</summary>
    public void Forget()
    {
        _state.Forget();
        _lock?.Dispose();
    }

    public void Dispose()
    {
        Store.Dispose();
        _lock?.Dispose();
    }
}
