// One download as it lies on disk: its files, the state kept beside them while it is incomplete, and the picker, which is told
// what is there. Check and Begin come before anything is fetched, Finish when everything is there, and Forget when its state
// is of no more use. Not thread-safe; an ActiveTorrent takes the parts over, and disposes of them.
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;

namespace TinyTorrent.Storage;

sealed class StoredDownload : IDisposable
{
    readonly DiskState _state;
    readonly bool _isNew;

    /// <param name="folder">Where the content goes.</param>
    /// <param name="wanted">For each file whether it was asked for; null: all of them.</param>
    /// <exception cref="FormatException">The torrent would write where the states of all downloads are kept.</exception>
    public StoredDownload(MetainfoFile metainfo, string folder, bool[]? wanted = null)
    {
        (Metainfo, _state) = (metainfo, new DiskState(folder, metainfo));
        FileSelection? selection = wanted is null ? null : new FileSelection(metainfo.Files, wanted, metainfo.Geometry.PieceLength, _state.EdgePath);
        Store = new PieceStore(metainfo.Files, folder, selection);
        Resume = new ResumeFile(_state.ResumePath, metainfo.InfoHash, metainfo.Geometry, Store);
        Picker = new PiecePicker(metainfo.Geometry, new Random());
        selection?.SkipOthers(metainfo.Geometry, Picker);
        _isNew = !File.Exists(_state.ResumePath);
    }

    public MetainfoFile Metainfo { get; }
    public PieceStore Store { get; }
    public ResumeFile Resume { get; }
    public PiecePicker Picker { get; }

    /// <summary>Finds what is there already. Blocks until all of it is known.</summary>
    /// <param name="progress">Bytes hashed so far, bytes to hash.</param>
    public DiskResult Check(Action<long, long> progress, CancellationToken cancellation) =>
        ExistingContent.Find(Metainfo, Store, Resume, Picker, progress, cancellation);

    /// <summary>After <see cref="Check"/>: files of these names are there, and nothing in them is of this download.</summary>
    public bool LiesOnSomethingElse => _isNew && Picker.Have.IsEmpty && Array.Exists(Store.Stamps(), stamp => stamp.Length > 0);

    /// <summary>Makes the files that no piece will, and a first state: whether anything can be written there at all is
    /// better known before the first peer is asked.</summary>
    public DiskResult Begin()
    {
        DiskResult made = Store.CreateEmptyFiles();
        return !made.IsOk || Picker.IsComplete ? made : Resume.Save(new ResumeState(Picker.Have, [.. Picker.WrittenBlocks()]), Store.Stamps());
    }

    /// <summary>When everything is there: cuts what files had beyond their end before, and looks whether it still is.</summary>
    public DiskResult Finish() => Store.Finish();

    /// <summary>Removes the state.</summary>
    public void Forget() => _state.Forget();

    public void Dispose() => Store.Dispose();
}
