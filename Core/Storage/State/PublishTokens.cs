// The secrets a catalogue gave to whoever published there, kept so that the same user can take the entry away again: a file
// for each, readable by its owner alone, named by a hash of catalogue and info-hash. Not thread-safe.
using System.Text;
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

/// <param name="folder">Null: nothing is kept.</param>
/// <param name="catalogue">Its address.</param>
sealed class PublishTokens(string? folder, Uri catalogue)
{
    const int MaxLength = 256;

    /// <summary>The user's own.</summary>
    public static PublishTokens OfUser(Uri catalogue) => new(UserState.Folder("tokens"), catalogue);

    /// <summary>Null if there is none, or it cannot be read.</summary>
    public string? Find(in InfoHash published)
    {
        if (folder is null) return null;
        try
        {
            string file = FileOf(folder, published);
            return File.Exists(file) && new FileInfo(file).Length <= MaxLength ? File.ReadAllText(file) : null;
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            return null;
        }
    }

    public DiskResult Save(in InfoHash published, string token) =>
        folder is null ? new DiskResult(DiskFault.Missing, "HOME", "is not set")
        : AtomicFile.Write(FileOf(folder, published), Encoding.UTF8.GetBytes(token), isPrivate: true);

    /// <summary>Its entry is gone.</summary>
    public void Forget(in InfoHash published)
    {
        if (folder is null) return;
        try
        {
            File.Delete(FileOf(folder, published));
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            // A token for nothing does no harm.
        }
    }

    string FileOf(string folder, in InfoHash published)
    {
        Span<byte> name = stackalloc byte[Sha1.Size];
        Sha1.Hash(Encoding.UTF8.GetBytes($"{catalogue} {published}"), name);
        return Path.Combine(folder, Convert.ToHexStringLower(name));
    }
}
