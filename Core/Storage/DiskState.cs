using TinyTorrent.Types;

namespace TinyTorrent.Storage;

/// <summary>What a download keeps beside its content while it is incomplete: resume file and edge file, in a hidden folder.</summary>
sealed class DiskState(string contentFolder, InfoHash infoHash)
{
    readonly string _folder = Path.Combine(contentFolder, ".tinytorrent");

    public string ResumePath => Path.Combine(_folder, $"{infoHash}.resume");
    public string EdgePath => Path.Combine(_folder, $"{infoHash}.edge");

    /// <summary>Removes it all, and the folder if no other download uses it.</summary>
    public void Forget()
    {
        try
        {
            File.Delete(ResumePath);
            File.Delete(EdgePath);
            Directory.Delete(_folder);
        }
        catch (Exception e) when (DiskResult.IsDisk(e)) { } // in use by another download, or gone: what is left does no harm
    }
}
