// Opens the files of a torrent's content, and keeps a download from files that are not its own. One that exists is opened for
// writing only if it was adopted, and only while it is the one that had the name at the start; one that does not exist is
// made, and what appears in its place before that is a fault. Two names that the file system takes for one file (by case, by
// Unicode normal form) are a fault before either spoils the other. Any thread may call.
using Microsoft.Win32.SafeHandles;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Storage;

/// <param name="selection">Has the path of the edge file, whose number is one beyond the last file's.</param>
sealed class FileOpener(FileMap files, ContentPlace place, FileSelection? selection, Disk disk)
{
    readonly bool[] _ours = new bool[files.Files.Count + 1]; // may be written to where it exists
    readonly FileMark[] _marks = new FileMark[files.Files.Count]; // which file that is
    readonly Dictionary<FileIdentity, int> _owners = []; // which of the torrent's files each file on disk is; its own lock
    readonly Lock _making = new(); // held while a file is made

    /// <summary>Where each file that is made is noted before its first byte; null: nowhere.</summary>
    public MadeFiles? Made { get; set; }

    int EdgeFile => files.Files.Count;

    public bool IsOurs(int file) => Volatile.Read(ref _ours[file]);

    public void Adopt(int file) => Volatile.Write(ref _ours[file], true);

    /// <summary>Remembers which file has the name. For each file that may be written to, before the first is opened.</summary>
    public void Recall(int file)
    {
        Claim(file);
        _marks[file] = disk.MarkOf(PathOf(file));
    }

    public DiskResult OpenToRead(int file, bool followLinks, out SafeFileHandle? handle) =>
        Open(file, followLinks ? OpenFor.FollowLinks : OpenFor.Reading, out handle);

    /// <param name="handle">To be closed by the caller also if the result is a fault, unless null.</param>
    public DiskResult OpenToWrite(int file, out SafeFileHandle? handle)
    {
        if (IsOurs(file)) return Reopen(file, out handle);
        lock (_making) // what another thread has just made is not in the way
        {
            if (IsOurs(file)) return Reopen(file, out handle);
            DiskResult result = file == EdgeFile ? Open(file, OpenFor.Writing | OpenFor.Creating, out handle) : Make(file, out handle);
            if (result.IsOk) Adopt(file);
            return result;
        }
    }

    /// <summary>Returns when what is known of the files made would survive a power cut.</summary>
    public DiskResult Sync() => Made?.Sync() ?? DiskResult.Ok;

    string PathOf(int file) => place.PathOf(files.Files[file]);

    DiskResult Open(int file, OpenFor purpose, out SafeFileHandle? handle) => file == EdgeFile
        ? disk.Open(selection!.EdgeRoot, selection.EdgeBeneath, purpose, out handle)
        : disk.Open(place.Root, place.Relative(files.Files[file]), purpose, out handle);

    DiskResult Reopen(int file, out SafeFileHandle? handle)
    {
        DiskResult result = Open(file, OpenFor.Writing, out handle);
        return !result.IsOk || file == EdgeFile || disk.MarkOf(handle!) == _marks[file] ? result
            : new(DiskFault.Occupied, PathOf(file), "another file has taken its place meanwhile");
    }

    DiskResult Make(int file, out SafeFileHandle? handle)
    {
        DiskResult result = Open(file, OpenFor.Writing | OpenFor.New, out handle);
        if (result.Fault == DiskFault.Occupied)
        {
            DiskResult claimed = Claim(file);
            return claimed.IsOk ? new(DiskFault.Occupied, PathOf(file), "it has appeared meanwhile, and is not of this download") : claimed;
        }
        if (result.IsOk) result = Claim(file);
        if (!result.IsOk) return result;
        _marks[file] = disk.MarkOf(handle!);
        return Made is null ? result : Made.Note(file, _marks[file]);
    }

    // The first to come owns the file on disk. Files that a user linked together on purpose have no owner.
    DiskResult Claim(int file)
    {
        if (disk.IdentityOf(PathOf(file)) is not { } identity) return DiskResult.Ok;
        lock (_owners)
        {
            if (_owners.TryAdd(identity, file) || _owners[identity] == file) return DiskResult.Ok;
            return new(DiskFault.Io, PathOf(file), $"the file system does not tell it from {files.Files[_owners[identity]].Path}");
        }
    }
}
