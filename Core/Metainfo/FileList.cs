// The files of an info dictionary (BEP 3, padding and links of BEP 47), checked: names safe, sums without overflow,
// no two files with one path and no file where another one needs a directory.
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Metainfo;

static class FileList
{
    public const int MaxDirectoryDepth = 100;

    /// <summary>Every path repeats the torrent's name: without a limit a few MB of input would grow to hundreds.</summary>
    const long MaxPathCharacters = 32_000_000;

    /// <summary>Windows and macOS keep one file under "Readme" and "README"; on Linux both are at home (the kernel's tree has such pairs).</summary>
    static readonly bool FoldCase = !OperatingSystem.IsLinux();

    static readonly bool Windows = OperatingSystem.IsWindows();

    /// <exception cref="FormatException">Names the field.</exception>
    public static FileMap Read(BencodeValue info, string name) =>
        info.TryGet("files"u8, out BencodeValue files) ? ReadMany(files, name) : ReadOne(info, name);

    /// <summary>The name a field gives, <c>key.utf-8</c> preferred (old clients wrote other encodings into <c>key</c>).</summary>
    /// <exception cref="FormatException">It is missing or not fit for a file name.</exception>
    public static string ReadName(BencodeValue info)
    {
        if (!info.TryGetBytes("name.utf-8"u8, out ReadOnlySpan<byte> raw) && !info.TryGetBytes("name"u8, out raw))
            throw new FormatException("info.name is missing or not a byte string");
        return Component(raw, "info.name");
    }

    static FileMap ReadOne(BencodeValue info, string name)
    {
        if (!info.TryGet("length"u8, out BencodeValue length)) throw new FormatException("info has neither length nor files");
        return new FileMap([new FileEntry(name, 0, Length(length, "info.length"), IsPadding: false)]);
    }

    static FileMap ReadMany(BencodeValue list, string root)
    {
        if (list.Kind != BencodeKind.List) throw new FormatException("info.files is not a list");
        var files = new List<FileEntry>();
        var path = new StringBuilder();
        long total = 0, characters = 0;
        int number = 0;
        foreach (BencodeValue item in list.Items)
        {
            string field = $"info.files[{number++}]";
            item.TryGetBytes("attr"u8, out ReadOnlySpan<byte> attributes);
            bool hasLength = item.TryGet("length"u8, out BencodeValue stated);
            // A link has no content and may point anywhere: it is left out, as if it were not listed.
            if (attributes.Contains((byte)'l') && (!hasLength || stated is { Kind: BencodeKind.Integer, Integer: 0 })) continue;
            long length = Length(stated, field + ".length");
            bool isPadding = attributes.Contains((byte)'p');
            if (length > long.MaxValue - total) throw new FormatException($"{field}.length: the sum does not fit in 64 bits");
            path.Clear().Append(root);
            AppendPath(path, item, field, isPadding);
            if ((characters += path.Length) > MaxPathCharacters) throw new FormatException("info.files: the paths are too long together");
            files.Add(new FileEntry(path.ToString(), total, length, isPadding));
            total += length;
        }
        if (files.Count == 0) throw new FormatException("info.files is empty");
        RefuseSharedPaths(files);
        return new FileMap([.. files]);
    }

    static void AppendPath(StringBuilder path, BencodeValue file, string field, bool isPadding)
    {
        if (!file.TryGet("path.utf-8"u8, out BencodeValue parts) || parts.Kind != BencodeKind.List) file.TryGet("path"u8, out parts);
        int depth = 0;
        foreach (BencodeValue part in parts.Items)
        {
            if (++depth > MaxDirectoryDepth) throw new FormatException($"{field}.path is more than 100 deep");
            if (part.Kind != BencodeKind.Bytes) throw new FormatException($"{field}.path has an item that is not a byte string");
            path.Append('/').Append(Component(part.Bytes, field + ".path"));
        }
        if (depth > 0) return;
        if (!isPadding) throw new FormatException($"{field}.path is missing or empty");
        path.Append("/.pad"); // padding needs no name, and is shown with the usual one
    }

    static string Component(ReadOnlySpan<byte> raw, string field) =>
        SafeName.TryRead(raw, Windows, out string name, out string problem) ? name : throw new FormatException($"{field} {problem}");

    static long Length(BencodeValue value, string field) => value switch
    {
        { Kind: not BencodeKind.Integer } => throw new FormatException($"{field} is missing or not an integer"),
        { Integer: < 0 } => throw new FormatException($"{field} is negative"),
        _ => value.Integer,
    };

    /// <summary>
    /// Sorted with '/' below every other character, equal paths are neighbours, and so are a file and the first path that
    /// uses it as a directory. Padding files are never created, so their paths may repeat.
    /// </summary>
    static void RefuseSharedPaths(List<FileEntry> files)
    {
        var paths = new List<string>(files.Count);
        foreach (FileEntry file in files)
            if (!file.IsPadding) paths.Add(FoldCase ? file.Path.ToUpperInvariant() : file.Path);
        paths.Sort(ComparePaths);
        for (int i = 1; i < paths.Count; i++)
        {
            (string before, string path) = (paths[i - 1], paths[i]);
            if (path == before) throw new FormatException($"info.files: two files are called '{path}'");
            if (path.Length > before.Length && path[before.Length] == '/' && path.StartsWith(before, StringComparison.Ordinal))
                throw new FormatException($"info.files: '{before}' is a file and a directory");
        }
    }

    static int ComparePaths(string a, string b)
    {
        int common = a.AsSpan().CommonPrefixLength(b);
        if (common == a.Length || common == b.Length) return a.Length.CompareTo(b.Length);
        return a[common] == '/' ? -1 : b[common] == '/' ? 1 : a[common].CompareTo(b[common]);
    }
}
