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
            if (holder.Holds(file)) return holder;
            if (itself.Holds(file)) return itself;
        }
        return holder;
    }

    bool Holds(in FileEntry file) =>
        File.Exists(PathOf(file)) || (file.OriginalPath is { } original && File.Exists(Path.Combine(Root, Relative(original))));

    /// <summary>The files where they lie or will be made: what is there under the names the torrent gives is used under them,
    /// folder by folder; only what is made is called by safe names. Looks at the disk, so the answer is for one start.</summary>
    public FileMap Locate(FileMap files)
    {
        if (!files.HasOriginalPaths) return files;
        var located = new FileEntry[files.Files.Count];
        for (int i = 0; i < located.Length; i++)
        {
            FileEntry file = files.Files[i];
            located[i] = file.OriginalPath is null ? file : file with { Path = Locate(Relative(file.OriginalPath), Relative(file.Path)), OriginalPath = null };
        }
        return new FileMap(located);
    }

    /// <summary>The original path as far as it is there, and from then on the safe one: what lies in a folder of a safe name has
    /// safe names, or two files could be one.</summary>
    string Locate(string original, string safe)
    {
        for (int at = 0, safeAt = 0; ;)
        {
            int slash = original.IndexOf('/', at), safeSlash = safe.IndexOf('/', safeAt);
            bool isFile = slash < 0;
            (int end, int safeEnd) = isFile ? (original.Length, safe.Length) : (slash, safeSlash);
            if (!original.AsSpan(at..end).SequenceEqual(safe.AsSpan(safeAt..safeEnd)))
            {
                string path = Path.Combine(Root, original[..end]);
                if (!(isFile ? File.Exists(path) : Directory.Exists(path))) return original[..at] + safe[safeAt..];
            }
            if (isFile) return original;
            (at, safeAt) = (end + 1, safeEnd + 1);
        }
    }

    public string PathOf(in FileEntry file) => Path.Combine(Root, Relative(file));

    /// <summary>The file's path beneath <see cref="Root"/>.</summary>
    public string Relative(in FileEntry file) => Relative(file.Path);

    string Relative(string path)
    {
        if (Name is null) return path;
        int slash = path.IndexOf('/');
        return slash < 0 ? Name : Name + path[slash..];
    }
}
