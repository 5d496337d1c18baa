// --files and --select: which files of a torrent are wanted.
using System.Globalization;
using System.IO.Enumeration;
using TinyTorrent.Metainfo;

namespace TinyTorrent.Commands;

static class FileChoice
{
    /// <summary>A flag for each file, or null if all are wanted. A choice that matches nothing is a usage error.</summary>
    public static bool[]? Read(Arguments arguments, TorrentSource source, FileMap files)
    {
        if (!arguments.Has("--files") && !arguments.Has("--select") && source.Selected.Count == 0) return null;
        var wanted = new bool[files.Files.Count];
        if (arguments.Value("--files") is { } numbers) TakeNumbers(numbers, wanted);
        foreach (string glob in arguments.Values("--select"))
        {
            bool any = false;
            for (int i = 0; i < wanted.Length; i++)
                if (Matches(glob, files.Files[i])) any = wanted[i] = true;
            if (!any) throw Arguments.Usage($"--select '{glob}' matches no file");
        }
        if (!arguments.Has("--files") && !arguments.Has("--select"))
            foreach ((int first, int last) in source.Selected)
                for (int i = first; i <= last && i < wanted.Length; i++) wanted[i] = true;
        return wanted;
    }

    /// <summary>As info shows it, or as the torrent gives it.</summary>
    static bool Matches(string glob, in FileEntry file) =>
        Matches(glob, file.Path) || (file.OriginalPath is { } original && Matches(glob, original));

    /// <summary>The glob is held against the whole path and against the file's own name. A name matches itself, whatever is in it:
    /// in a glob a backslash takes the meaning from what follows.</summary>
    static bool Matches(string glob, string path)
    {
        string name = Path.GetFileName(path);
        return glob == path || glob == name
            || FileSystemName.MatchesSimpleExpression(glob, path, ignoreCase: false)
            || FileSystemName.MatchesSimpleExpression(glob, name, ignoreCase: false);
    }

    static void TakeNumbers(string text, bool[] wanted)
    {
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], wanted.Length, out int first) || !TryNumber(ends[^1], wanted.Length, out int last) || first > last)
                throw Arguments.Usage($"--files takes numbers from 1 to {wanted.Length} such as 1,3-5, not '{part}'");
            wanted.AsSpan(first - 1, last - first + 1).Fill(true);
        }
    }

    static bool TryNumber(string text, int most, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= 1 && number <= most;
}
