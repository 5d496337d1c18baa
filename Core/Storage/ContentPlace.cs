// Where the user's own content lies, for seeding and verifying: PATH may be the content itself, under any name, or the
// folder that holds it.
using TinyTorrent.Metainfo;

namespace TinyTorrent.Storage;

/// <param name="Root">The folder that holds the content.</param>
/// <param name="Name">What the content is called there; null: as the torrent calls it.</param>
readonly record struct ContentPlace(string Root, string? Name)
{
    /// <summary>Decided by the first file found either way, for a folder "a" may well hold another folder "a".</summary>
    public static ContentPlace Find(FileMap files, string path)
    {
        path = Path.GetFullPath(path);
        var holder = new ContentPlace(path, null);
        if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path)) is not { } parent) return holder;
        var itself = new ContentPlace(parent, Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));

        foreach (FileEntry file in files.Files)
        {
            if (file.IsPadding) continue;
            if (File.Exists(holder.PathOf(file))) return holder;
            if (File.Exists(itself.PathOf(file))) return itself;
        }
        return holder;
    }

    public string PathOf(in FileEntry file) => Path.Combine(Root, Relative(file));

    /// <summary>The file's path beneath <see cref="Root"/>.</summary>
    public string Relative(in FileEntry file)
    {
        if (Name is null) return file.Path;
        int slash = file.Path.IndexOf('/');
        return slash < 0 ? Name : Name + file.Path[slash..];
    }
}
