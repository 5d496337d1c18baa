// The files of an info dictionary (BEP 3, padding and links of BEP 47), checked: names safe, sums without overflow, and a path
// of its own for each file, which is no folder of another one.
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Metainfo;

static class FileList
{
    public const int MaxDirectoryDepth = 100;

    /// <summary>Every path repeats the torrent's name: without a limit a few MB of input would grow to hundreds. So many
    /// characters beyond those of the input.</summary>
    const long MaxRepeatedCharacters = 32_000_000;

    static readonly bool Windows = OperatingSystem.IsWindows();

    /// <param name="root">The torrent's name.</param>
    /// <exception cref="FormatException">Names the field.</exception>
    public static FileMap Read(BencodeValue info, in Component root) =>
        info.TryGet("files"u8, out BencodeValue files) ? ReadMany(files, root) : ReadOne(info, root);

    /// <summary>The name a field gives, <c>key.utf-8</c> preferred (old clients wrote other encodings into <c>key</c>).</summary>
    /// <param name="otherwise">What is called nothing.</param>
    /// <exception cref="FormatException">It is missing or not fit for a file name.</exception>
    public static Component ReadName(BencodeValue info, string otherwise)
    {
        if (!info.TryGetBytes("name.utf-8"u8, out ReadOnlySpan<byte> raw) && !info.TryGetBytes("name"u8, out raw))
            throw new FormatException("info.name is missing or not a byte string");
        Component name = ReadComponent(raw, "info.name");
        return name.Name.Length > 0 ? name : new Component(otherwise, null);
    }

    /// <summary>A file or folder: what it is called here, and what the torrent calls it if a file can have that name.</summary>
    public readonly record struct Component(string Name, string? Original)
    {
        public bool IsMapped => Original != Name;
    }

    static FileMap ReadOne(BencodeValue info, in Component name)
    {
        if (!info.TryGet("length"u8, out BencodeValue length)) throw new FormatException("info has neither length nor files");
        return new FileMap([new FileEntry(name.Name, 0, Length(length, "info.length"), IsPadding: false, name.IsMapped ? name.Original : null)]);
    }

    static FileMap ReadMany(BencodeValue list, in Component root)
    {
        if (list.Kind != BencodeKind.List) throw new FormatException("info.files is not a list");
        var files = new List<FileEntry>();
        var mapped = new Dictionary<int, MappedPart>();
        StringBuilder path = new(), original = new();
        long total = 0, room = MaxRepeatedCharacters + list.Raw.Length;
        int number = 0;
        foreach (BencodeValue item in list.Items)
        {
            string field = $"info.files[{number++}]";
            FileFields fields = ReadFields(item, field);
            // A link has no content and may point anywhere: it is left out, as if it were not listed.
            if (fields.Attributes.Contains((byte)'l') && (!fields.HasLength || fields.Length is { Kind: BencodeKind.Integer, Integer: 0 })) continue;
            long length = Length(fields.Length, field + ".length");
            bool isPadding = fields.Attributes.Contains((byte)'p');
            if (length > long.MaxValue - total) throw new FormatException($"{field}.length: the sum does not fit in 64 bits");
            path.Clear().Append(root.Name);
            original.Clear().Append(root.Original ?? root.Name);
            if (AppendPath(path, original, fields.Path, field, isPadding) is var part and not MappedPart.None) mapped.Add(files.Count, part);
            bool isElsewhere = !isPadding && !original.Equals(path);
            if ((room -= path.Length + (isElsewhere ? original.Length : 0)) < 0) throw new FormatException("info.files: the paths are too long together");
            files.Add(new FileEntry(path.ToString(), total, length, isPadding, isElsewhere ? original.ToString() : null));
            total += length;
        }
        if (files.Count == 0) throw new FormatException("info.files is empty");
        FileEntry[] separate = [.. files];
        DistinctPaths.Give(separate, mapped);
        return new FileMap(separate);
    }

    ref struct FileFields
    {
        public BencodeValue Length, Path;
        public ReadOnlySpan<byte> Attributes;
        public bool HasLength;
    }

    static FileFields ReadFields(BencodeValue item, string field)
    {
        FileFields fields = default;
        bool hasPath = false, hasUtf8 = false, hasAttributes = false;
        foreach (BencodeEntry entry in item.Entries)
        {
            if (entry.Key.SequenceEqual("length"u8))
            {
                RefuseSecond(ref fields.HasLength, field + ".length");
                fields.Length = entry.Value;
            }
            else if (entry.Key.SequenceEqual("path"u8))
            {
                RefuseSecond(ref hasPath, field + ".path");
                if (!hasUtf8 || fields.Path.Kind != BencodeKind.List) fields.Path = entry.Value;
            }
            else if (entry.Key.SequenceEqual("path.utf-8"u8))
            {
                RefuseSecond(ref hasUtf8, field + ".path.utf-8");
                if (!hasPath || entry.Value.Kind == BencodeKind.List) fields.Path = entry.Value;
            }
            else if (entry.Key.SequenceEqual("attr"u8))
            {
                RefuseSecond(ref hasAttributes, field + ".attr");
                fields.Attributes = entry.Value.Bytes;
            }
        }
        return fields;
    }

    static void RefuseSecond(ref bool seen, string field)
    {
        if (seen) throw new FormatException($"{field} appears twice");
        seen = true;
    }

    /// <summary>Appends the file's path below the torrent's name, and the same as it was given; tells where the two differ.</summary>
    static MappedPart AppendPath(StringBuilder path, StringBuilder original, BencodeValue parts, string field, bool isPadding)
    {
        int depth = 0, named = 0;
        var mapped = MappedPart.None;
        foreach (BencodeValue part in parts.Items)
        {
            if (++depth > MaxDirectoryDepth) throw new FormatException($"{field}.path is more than 100 deep");
            if (part.Kind != BencodeKind.Bytes) throw new FormatException($"{field}.path has an item that is not a byte string");
            Component component = ReadComponent(part.Bytes, field + ".path");
            if (component.Name.Length == 0) continue;
            named++;
            path.Append('/').Append(component.Name);
            original.Append('/').Append(component.Original ?? component.Name);
            mapped = component.IsMapped ? MappedPart.Name : mapped == MappedPart.None ? MappedPart.None : MappedPart.Folder;
        }
        if (named > 0) return mapped;
        if (!isPadding && depth == 0) throw new FormatException($"{field}.path is missing or empty");
        string unnamed = isPadding ? "/.pad" : "/_"; // padding needs no name, and is shown with the usual one
        path.Append(unnamed);
        original.Append(unnamed);
        return MappedPart.Name;
    }

    static Component ReadComponent(ReadOnlySpan<byte> raw, string field) =>
        SafeName.TryRead(raw, Windows, out string name, out string? original, out string problem)
            ? new Component(name, original) : throw new FormatException($"{field} {problem}");

    static long Length(BencodeValue value, string field) => value switch
    {
        { Kind: not BencodeKind.Integer } => throw new FormatException($"{field} is missing or not an integer"),
        { Integer: < 0 } => throw new FormatException($"{field} is negative"),
        _ => value.Integer,
    };
}
