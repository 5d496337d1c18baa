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

    /// <summary>The files whose names others will store differently.</summary>
    public IReadOnlyList<string> OddNames => IsFolder ? [.. Files.Select(file => file.Path).Where(path => path.Split('/').Any(IsOdd))] : [];

    /// <param name="skipped">Told the relative path of what is left out, and what it is.</param>
    /// <exception cref="CommandException">Nothing is there, or its name is not text.</exception>
    public static ContentTree Read(string path, Action<string, string> skipped)
    {
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (File.Exists(full) && !Disk.Native.IsRegular(full)) throw new CommandException(ExitCode.BadInput, $"{path}: {NoFile}");
        if (File.Exists(full)) return new ContentTree(full, IsFolder: false, [(System.IO.Path.GetFileName(full), LengthOf(full))]);
        if (Directory.Exists(full)) return new ContentTree(full, IsFolder: true, List(full, skipped));
        throw new CommandException(ExitCode.Disk, $"{path}: no such file or folder");
    }

    /// <summary>The warning that others will store some of it under other names; null if they will not.</summary>
    /// <param name="name">What the torrent is called.</param>
    public string? WarningOfNames(string name)
    {
        IReadOnlyList<string> odd = IsOdd(name) ? [name, .. OddNames] : OddNames;
        if (odd.Count == 0) return null;
        string more = odd.Count == 1 ? "" : $" (and {odd.Count - 1} more)";
        return $"{odd[0]}{more}: others may store it under another name (it has a backslash or invisible characters, or is too long)";
    }

    static bool IsOdd(string name) =>
        !SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: false, out string mapped, out _, out _) || mapped != name || name.Contains('\\', StringComparison.Ordinal);

    /// <summary>Why a torrent cannot be called that; null if it can.</summary>
    public static string? ProblemOf(string name) =>
        name.Contains('/', StringComparison.Ordinal) ? "contains a slash"
        : !SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: false, out string mapped, out _, out string problem) ? problem
        : mapped.Length == 0 ? "names nothing" : null;

    static List<(string, long)> List(string root, Action<string, string> skipped)
    {
        var found = new Dictionary<string, long>(StringComparer.Ordinal);
        var links = new List<string>();
        var folders = new Stack<string>([""]);
        while (folders.TryPop(out string? folder))
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(System.IO.Path.Combine(root, folder)).EnumerateFileSystemInfos("*", Everything))
            {
                string relative = folder.Length == 0 ? entry.Name : folder + '/' + entry.Name;
                if ((int)entry.Attributes == -1) throw Unreadable(entry);
                if (entry.Attributes.HasFlag(FileAttributes.ReparsePoint)) links.Add(relative);
                else if (entry is not FileInfo file) folders.Push(relative);
                else if (Disk.Native.IsRegular(file.FullName)) found.Add(relative, file.Length);
                else skipped(relative, NoFile);
            }
        }
        if (links.Count > 0) AddLinks(root, links, found, skipped);
        string[] paths = [.. found.Keys];
        Array.Sort(Array.ConvertAll(paths, Encoding.UTF8.GetBytes), paths, ByteOrder);
        return [.. Array.ConvertAll(paths, path => (path, found[path]))];
    }

    /// <summary>It was listed, and is not there by the name that was made of its bytes.</summary>
    static CommandException Unreadable(FileSystemInfo entry) => entry.Name.Contains('\uFFFD', StringComparison.Ordinal)
        ? new CommandException(ExitCode.BadInput, $"{entry.FullName}: a name that is not UTF-8")
        : new CommandException(ExitCode.Disk, $"{entry.FullName}: disappeared while the folder was read");

    /// <summary>Files are compared by device and inode: however a link or the root is written, it leads to the same file.</summary>
    static void AddLinks(string root, List<string> links, Dictionary<string, long> found, Action<string, string> skipped)
    {
        var lengths = new Dictionary<FileIdentity, long>();
        foreach ((string path, long length) in found)
            if (Disk.FileBehind(System.IO.Path.Combine(root, path)) is { } file) lengths[file] = length;
        foreach (string path in links)
        {
            if (Disk.FileBehind(System.IO.Path.Combine(root, path)) is { } file && lengths.TryGetValue(file, out long length)) found.Add(path, length);
            else skipped(path, LinkAway);
        }
    }

    static long LengthOf(string file) => new FileInfo(new FileInfo(file).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file).Length;

    static readonly Comparer<byte[]> ByteOrder = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));
}
