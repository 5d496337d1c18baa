using TinyTorrent.Metainfo;

namespace TinyTorrent.Storage;

/// <summary>What a download keeps beside its content while it is incomplete: resume file and edge file, in a hidden folder.</summary>
sealed class DiskState
{
    const string FolderName = ".tinytorrent";

    readonly string _folder, _name;

    /// <exception cref="FormatException">The torrent would write where the states of all downloads are kept.</exception>
    public DiskState(string contentFolder, MetainfoFile metainfo)
    {
        // Some file systems do not tell cases apart.
        if (metainfo.Name.Equals(FolderName, StringComparison.OrdinalIgnoreCase))
            throw new FormatException($"info.name is '{metainfo.Name}', where the state of downloads is kept");
        (_folder, _name) = (Path.Combine(contentFolder, FolderName), metainfo.InfoHash.ToString());
    }

    public string ResumePath => Path.Combine(_folder, _name + ".resume");
    public string EdgePath => Path.Combine(_folder, _name + ".edge");

    /// <summary>The record of the files made, as a path beneath the content's folder.</summary>
    public string MadeBeneath => FolderName + '/' + _name + ".made";
    public string LockPath => Path.Combine(_folder, _name + ".lock");

    /// <summary>Whether there is room for the folder.</summary>
    public DiskResult Look() =>
        File.Exists(_folder) ? new(DiskFault.Io, _folder, "a file is there, where the state of downloads is kept (another -o has room for it)") : DiskResult.Ok;

    /// <summary>Removes it all, and the folder if no other download uses it.</summary>
    public void Forget()
    {
        try
        {
            File.Delete(ResumePath);
            File.Delete(EdgePath);
            File.Delete(Path.Combine(_folder, _name + ".made"));
            Directory.Delete(_folder);
        }
        catch (Exception e) when (DiskResult.IsDisk(e)) { } // in use by another download, or gone: what is left does no harm
    }
}
