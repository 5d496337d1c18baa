// What `create` makes a torrent of: one file, or every file beneath a folder in the byte order of their paths.
// Hidden files count. Links inside the folder count when they lead to one of its files; others are reported, not followed:
// a folder of links must not publish what lies elsewhere. So are pipes, sockets and devices. Empty folders have no place in a
// torrent.
using System.Text;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Commands;

/// <param name="Path">The file or folder, absolute.</param>
/// <param name="Files">Paths relative to the folder, joined by '/'; for a single file its own name.</param>
sealed record ContentTree(string Path, bool IsFolder, IReadOnlyList<(string Path, long Length)> Files)
{
    const string NoFile = "neither a file nor a folder", LinkAway = "a link to something else than a file of the content";

    static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    public string Name => System.IO.Path.GetFileName(Path);

    public long TotalLength => Files.Sum(file => file.Length);

    /// <param name="skipped">Told the relative path of what is left out, and what it is.</param>
    /// <exception cref="CommandException">Nothing is there, or a name cannot be in a torrent.</exception>
    public static ContentTree Read(string path, Action<string, string> skipped)
    {
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        ContentTree tree;
        if (File.Exists(full) && !Disk.Native.IsRegular(full)) throw new CommandException(ExitCode.BadInput, $"{path}: {NoFile}");
        if (File.Exists(full)) tree = new ContentTree(full, IsFolder: false, [(System.IO.Path.GetFileName(full), LengthOf(full))]);
        else if (Directory.Exists(full)) tree = new ContentTree(full, IsFolder: true, List(full, skipped));
        else throw new CommandException(ExitCode.Disk, $"{path}: no such file or folder");
        foreach ((string file, _) in tree.IsFolder ? tree.Files : []) // a single file's name is the torrent's, and may be another
            foreach (string part in file.Split('/'))
                if (ProblemOf(part) is { } problem) throw new CommandException(ExitCode.BadInput, $"{System.IO.Path.Combine(full, file)}: a name that {problem}");
        return tree;
    }

    /// <summary>Why other clients would not store the name as it is; null if they would.</summary>
    public static string? ProblemOf(string name)
    {
        if (!SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: false, out string mapped, out _, out string problem)) return problem;
        return mapped == name ? null : "has characters no client stores as they are, or is too long";
    }

    static List<(string, long)> List(string root, Action<string, string> skipped)
    {
        var found = new Dictionary<string, long>(StringComparer.Ordinal);
        var links = new List<(string Path, FileSystemInfo Link)>();
        var folders = new Stack<string>([""]);
        while (folders.TryPop(out string? folder))
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(System.IO.Path.Combine(root, folder)).EnumerateFileSystemInfos("*", Everything))
            {
                string relative = folder.Length == 0 ? entry.Name : folder + '/' + entry.Name;
                if ((int)entry.Attributes == -1) throw Unreadable(entry);
                if (entry.Attributes.HasFlag(FileAttributes.ReparsePoint)) links.Add((relative, entry));
                else if (entry is not FileInfo file) folders.Push(relative);
                else if (Disk.Native.IsRegular(file.FullName)) found.Add(relative, file.Length);
                else skipped(relative, NoFile);
            }
        }
        foreach ((string path, long length) in links.ConvertAll(link => (link.Path, LengthBehind(link.Link, root, found))))
        {
            if (length >= 0) found.Add(path, length);
            else skipped(path, LinkAway);
        }
        string[] paths = [.. found.Keys];
        Array.Sort(Array.ConvertAll(paths, Encoding.UTF8.GetBytes), paths, ByteOrder);
        return [.. Array.ConvertAll(paths, path => (path, found[path]))];
    }

    /// <summary>It was listed, and is not there by the name that was made of its bytes.</summary>
    static CommandException Unreadable(FileSystemInfo entry) => entry.Name.Contains('\uFFFD', StringComparison.Ordinal)
        ? new CommandException(ExitCode.BadInput, $"{entry.FullName}: a name that is not UTF-8")
        : new CommandException(ExitCode.Disk, $"{entry.FullName}: disappeared while the folder was read");

    /// <summary>The length of the file a link leads to; -1 if that is none of the files found.</summary>
    static long LengthBehind(FileSystemInfo link, string root, Dictionary<string, long> found)
    {
        try
        {
            if (link.ResolveLinkTarget(returnFinalTarget: true) is not { } target) return -1;
            string relative = System.IO.Path.GetRelativePath(root, target.FullName).Replace(System.IO.Path.DirectorySeparatorChar, '/');
            return found.TryGetValue(relative, out long length) ? length : -1;
        }
        catch (IOException) // links that lead in a circle
        {
            return -1;
        }
    }

    static long LengthOf(string file) => new FileInfo(new FileInfo(file).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file).Length;

    static readonly Comparer<byte[]> ByteOrder = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));
}
