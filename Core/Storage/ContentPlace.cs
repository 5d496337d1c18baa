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
        var folders = new Dictionary<string, string>(StringComparer.Ordinal) { [""] = "" };
        var located = new FileEntry[files.Files.Count];
        for (int i = 0; i < located.Length; i++)
        {
            FileEntry file = files.Files[i];
            located[i] = file.OriginalPath is null ? file : file with { Path = Locate(Relative(file.OriginalPath), Relative(file.Path), File.Exists, folders), OriginalPath = null };
        }
        return new FileMap(located);
    }

    /// <param name="folders">Where the folders are whose originals were asked for before.</param>
    string Locate(string original, string safe, Predicate<string> exists, Dictionary<string, string> folders)
    {
        int slash = original.LastIndexOf('/'), safeSlash = safe.LastIndexOf('/');
        string parent = original[..(slash < 0 ? 0 : slash)];
        if (!folders.TryGetValue(parent, out string? folder))
            folders[parent] = folder = Locate(parent, safe[..safeSlash], Directory.Exists, folders) + '/';
        string named = folder + original[(slash + 1)..], otherwise = folder + safe[(safeSlash + 1)..];
        return named != otherwise && exists(Path.Combine(Root, named)) ? named : otherwise;
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
