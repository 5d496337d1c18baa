// Gives every file of a torrent a path of its own. Two files may come with one path: written so by the torrent's author, or
// mapped to it (SafeName). One file may have the path that others need as a folder. If several want one path, it goes to
// a file whose path was not mapped, because other programs look for it there; else to one whose own name was not, which is found
// in a folder of the original name; else to the first in the torrent. The others become "name (2).ext", "name (3).ext" in the torrent's order.
// The result depends on the torrent alone.
using System.Globalization;

namespace TinyTorrent.Metainfo;

/// <summary>What of a file's path is not as the torrent gives it: a folder only, or its own name.</summary>
enum MappedPart : byte
{
    None,
    Folder,
    Name,
}

static class DistinctPaths
{
    /// <summary>Windows and macOS keep one file under "Readme" and "README"; on Linux both are at home (the kernel's tree has such pairs).</summary>
    static readonly bool FoldCase = !OperatingSystem.IsLinux();

    /// <summary>Bytes kept for the number of a renamed file: " (12000000)".</summary>
    const int NumberBytes = 11;

    /// <param name="mapped">For the files whose path is not the one the torrent gives.</param>
    public static void Give(FileEntry[] files, Dictionary<int, MappedPart> mapped)
    {
        (string[] paths, int[] numbers) = Sort(files);
        var given = new HashSet<string>(StringComparer.Ordinal);
        List<int> clashing = FindClashes(files, mapped, paths, numbers, given);
        clashing.Sort();
        var next = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (int file in clashing) Rename(ref files[file], paths, given, next);
    }

    /// <summary>
    /// Sorted with '/' below every other character, equal paths are neighbours, and so are a file and the first path that
    /// uses it as a directory. Padding files are never created, so their paths may repeat.
    /// </summary>
    static (string[] Paths, int[] Numbers) Sort(FileEntry[] files)
    {
        string[] paths = new string[files.Length];
        int[] numbers = new int[files.Length];
        int count = 0;
        for (int i = 0; i < files.Length; i++)
            if (!files[i].IsPadding) (paths[count], numbers[count++]) = (Fold(files[i].Path), i);
        Array.Resize(ref paths, count);
        Array.Sort(paths, numbers, 0, count, InOrder);
        return (paths, numbers);
    }

    static readonly Comparer<string> InOrder = Comparer<string>.Create(Compare);

    static string Fold(string path) => FoldCase ? path.ToUpperInvariant() : path;

    static int Compare(string a, string b)
    {
        int common = a.AsSpan().CommonPrefixLength(b);
        if (common == a.Length || common == b.Length) return a.Length.CompareTo(b.Length);
        return a[common] == '/' ? -1 : b[common] == '/' ? 1 : a[common].CompareTo(b[common]);
    }

    /// <param name="given">Receives the original paths of those that keep the path they have.</param>
    static List<int> FindClashes(FileEntry[] files, Dictionary<int, MappedPart> mapped, string[] paths, int[] numbers, HashSet<string> given)
    {
        var clashing = new List<int>();
        for (int start = 0, end; start < paths.Length; start = end)
        {
            for (end = start + 1; end < paths.Length && paths[end] == paths[start];) end++;
            bool isFolder = end < paths.Length && LiesIn(paths[end], paths[start]);
            if (end - start == 1 && !isFolder) continue;
            int keeps = isFolder ? -1 : Keeper(numbers.AsSpan(start..end), mapped);
            if (keeps >= 0 && files[keeps].OriginalPath is { } original) given.Add(original);
            for (int i = start; i < end; i++)
                if (numbers[i] != keeps) clashing.Add(numbers[i]);
        }
        return clashing;
    }

    static int Keeper(ReadOnlySpan<int> files, Dictionary<int, MappedPart> mapped)
    {
        int keeper = files[0];
        foreach (int file in files)
        {
            int order = (int)mapped.GetValueOrDefault(file) - (int)mapped.GetValueOrDefault(keeper);
            if (order < 0 || (order == 0 && file < keeper)) keeper = file;
        }
        return keeper;
    }

    static bool LiesIn(string path, string folder) =>
        path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal);

    /// <param name="given">Paths that were given, or stay, since the sorting.</param>
    /// <param name="next">The number to try next for what is left of a path: without it many equal names would cost their square.</param>
    static void Rename(ref FileEntry file, string[] paths, HashSet<string> given, Dictionary<string, int> next)
    {
        int slash = file.Path.LastIndexOf('/') + 1;
        string folder = file.Path[..slash], stem = SafeName.Cut(file.Path[slash..], SafeName.MaxBytes - NumberBytes), name;
        int number = next.GetValueOrDefault(folder + stem, 2);
        do name = SafeName.Cut(stem, SafeName.MaxBytes, string.Create(CultureInfo.InvariantCulture, $" ({number++})"));
        while (IsTaken(Fold(folder + name), paths) || !given.Add(Fold(folder + name)));
        next[folder + stem] = number;
        // The name of another file's content, were it looked for there too.
        string? original = file.OriginalPath;
        if (original is not null && !given.Add(original)) original = original[..(original.LastIndexOf('/') + 1)] + name;
        file = file with { Path = folder + name, OriginalPath = original };
    }

    /// <summary>True if a file has the path, or needs it as a folder.</summary>
    static bool IsTaken(string path, string[] paths)
    {
        int at = Array.BinarySearch(paths, path, InOrder);
        return at >= 0 || (~at < paths.Length && LiesIn(paths[~at], path));
    }
}
