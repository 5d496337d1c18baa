// A .torrent (BEP 3, 5, 12, 19, 27, 47): the checked description of some content. Hybrid torrents (BEP 52) are read by their
// v1 part; those with a v2 part only are refused. The bytes are kept as they came: the info-hash is the SHA-1 of the info
// value's own bytes, piece hashes are a slice of them, and whatever this class does not read is still in Raw.
using System.Diagnostics.CodeAnalysis;
using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Metainfo;

/// <summary>Immutable; any thread may call.</summary>
sealed class MetainfoFile
{
    /// <summary>Bytes of a .torrent that is sent over a network.</summary>
    public const int MaxBytes = 10_000_000;

    /// <summary>Bytes of a .torrent that the user has: archives of a million files exist.</summary>
    public const int MaxFileBytes = 100_000_000;

    /// <summary>Bytes of a piece's hash.</summary>
    public const int HashLength = Sha1.Size;

    /// <summary>Programs differ in which of two equal keys they take. Where that decides what the content is, one info-hash would
    /// stand for two contents, so these may come once.</summary>
    static readonly byte[][] s_decisive =
    [
        [.. "file tree"u8], [.. "files"u8], [.. "length"u8], [.. "meta version"u8], [.. "name"u8], [.. "name.utf-8"u8], [.. "piece length"u8],
        [.. "pieces"u8], [.. "private"u8],
    ];

    readonly ReadOnlyMemory<byte> _pieces;

    MetainfoFile(ReadOnlyMemory<byte> raw, BencodeValue root)
    {
        if (!root.TryGet("info"u8, out BencodeValue info) || info.Kind != BencodeKind.Dictionary)
            throw new FormatException("info is missing or not a dictionary");
        RefuseTwice(root, "", [[.. "info"u8]]);
        RefuseTwice(info, "info.", s_decisive);
        Raw = raw;
        InfoBytes = raw.Slice(info.Offset, info.Raw.Length);
        InfoHash hash = default;
        Sha1.Hash(InfoBytes.Span, hash);
        InfoHash = hash;
        HasV2 = info.TryGetInteger("meta version"u8, out long version) && version >= 2;
        FileList.Component name = FileList.ReadName(info, otherwise: InfoHash.ToString());
        Name = name.Name;
        _pieces = ReadPieces(raw, info);
        IsMultiFile = info.TryGet("files"u8, out _);
        Files = FileList.Read(info, name);
        Geometry = ReadGeometry(info);
        IsPrivate = info.TryGetInteger("private"u8, out long flag) && flag == 1;
        Source = Text(info, "source"u8);

        var others = new List<string>();
        Trackers = TrackerTiers.Read(root, others);
        OtherTrackers = others;
        WebSeeds = ReadWebSeeds(root);
        Nodes = ReadNodes(root);
        Comment = Text(root, "comment"u8);
        CreatedBy = Text(root, "created by"u8);
        CreationDate = root.TryGetInteger("creation date"u8, out long date) ? date : null;
    }

    /// <summary>The whole .torrent, without what may follow it in its file.</summary>
    public ReadOnlyMemory<byte> Raw { get; }

    /// <summary>The info value as it stands in the file: what peers exchange as metadata (BEP 9).</summary>
    public ReadOnlyMemory<byte> InfoBytes { get; }

    public InfoHash InfoHash { get; }

    /// <summary>The file's name, or the folder's; safe as a file name.</summary>
    public string Name { get; }

    public FileMap Files { get; }
    public Geometry Geometry { get; }

    /// <summary>True if the content is a folder, even of one file.</summary>
    public bool IsMultiFile { get; }

    /// <summary>True if the torrent has a v2 part too (BEP 52), which is not read.</summary>
    public bool HasV2 { get; }

    /// <summary>Peers may come from the trackers only (BEP 27).</summary>
    public bool IsPrivate { get; }

    /// <summary>Tiers of http, https and udp URLs, in the order of the file.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Trackers { get; }

    /// <summary>Trackers of other kinds, which cannot be asked.</summary>
    public IReadOnlyList<string> OtherTrackers { get; }

    /// <summary>http and https URLs of BEP 19.</summary>
    public IReadOnlyList<string> WebSeeds { get; }

    /// <summary>DHT nodes to start from (BEP 5).</summary>
    public IReadOnlyList<HostPort> Nodes { get; }

    public string? Comment { get; }
    public string? CreatedBy { get; }

    /// <summary>Seconds since 1970, as the file claims.</summary>
    public long? CreationDate { get; }

    /// <summary>A private tracker's mark, which makes its info-hash differ from others'.</summary>
    public string? Source { get; }

    /// <summary>The SHA-1 a piece must have: 20 bytes.</summary>
    public ReadOnlySpan<byte> HashOf(int piece) => _pieces.Span.Slice(piece * HashLength, HashLength);

    /// <param name="file">Kept, not copied: it must not change. What follows the torrent in it (a line break, the comment of a
    /// web server) is left out.</param>
    /// <exception cref="FormatException">Names the byte offset or the field.</exception>
    public static MetainfoFile Parse(ReadOnlyMemory<byte> file)
    {
        if (file.Length > MaxFileBytes) throw new FormatException("larger than 100,000,000 bytes");
        if (IsPage(file.Span)) throw new FormatException("a web page instead of a .torrent");
        if (file.IsEmpty) throw new FormatException("byte 0: it is empty, and no .torrent");
        if (file.Span is [not (byte)'d', ..]) throw new FormatException("byte 0: a .torrent starts with the letter d, and this does not");
        if (!BencodeValue.TryParsePrefix(file.Span, out BencodeValue root, out BencodeError error)) throw new FormatException(error.ToString());
        return new MetainfoFile(file[..root.Raw.Length], root);
    }

    /// <summary>For bytes from the network, where a wrong torrent is a result.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> file, [NotNullWhen(true)] out MetainfoFile? metainfo, out string error)
    {
        try
        {
            if (file.Length > MaxBytes) throw new FormatException("larger than 10,000,000 bytes");
            metainfo = Parse(file);
            error = "";
            return true;
        }
        catch (FormatException e)
        {
            metainfo = null;
            error = e.Message;
            return false;
        }
    }

    /// <summary>A page that says "log in first", or that there is no such file, is saved and sent under a .torrent's name.</summary>
    static bool IsPage(ReadOnlySpan<byte> file) => file.TrimStart("\uFEFF \t\r\n"u8).StartsWith("<"u8);

    static void RefuseTwice(BencodeValue dictionary, string prefix, ReadOnlySpan<byte[]> keys)
    {
        Span<bool> seen = stackalloc bool[s_decisive.Length];
        foreach (BencodeEntry entry in dictionary.Entries)
            for (int i = 0; i < keys.Length; i++)
            {
                if (!entry.Key.SequenceEqual(keys[i])) continue;
                if (seen[i]) throw new FormatException($"{prefix}{Encoding.UTF8.GetString(keys[i])} appears twice");
                seen[i] = true;
            }
    }

    static ReadOnlyMemory<byte> ReadPieces(ReadOnlyMemory<byte> raw, BencodeValue info)
    {
        if (!info.TryGet("pieces"u8, out BencodeValue pieces) && info.TryGet("file tree"u8, out _))
            throw new FormatException("info has no v1 part: torrents of version 2 alone (BEP 52) are not supported");
        if (pieces.Kind != BencodeKind.Bytes) throw new FormatException("info.pieces is missing or not a byte string");
        int length = pieces.Bytes.Length;
        if (length % HashLength != 0) throw new FormatException($"info.pieces: {length} bytes are not a multiple of 20");
        return raw.Slice(pieces.Offset + pieces.Raw.Length - length, length);
    }

    Geometry ReadGeometry(BencodeValue info)
    {
        if (!info.TryGetInteger("piece length"u8, out long pieceLength)) throw new FormatException("info.piece length is missing or not an integer");
        if (pieceLength is < 1 or > Geometry.MaxPieceLength) throw new FormatException($"info.piece length: {pieceLength} is not in 1 to 512 MiB");
        long total = Files.TotalLength;
        if (total == 0) throw new FormatException("the content is empty: there is nothing to share");
        long count = (total - 1) / pieceLength + 1;
        if (count > Geometry.MaxPieceCount) throw new FormatException($"info.pieces: {count} pieces are more than {Geometry.MaxPieceCount}");
        if (count != _pieces.Length / HashLength)
            throw new FormatException($"info.pieces has {_pieces.Length / HashLength} hashes, the length makes {count} pieces");
        return new Geometry(total, (int)pieceLength);
    }

    static List<string> ReadWebSeeds(BencodeValue root)
    {
        var seeds = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        root.TryGet("url-list"u8, out BencodeValue list);
        Add(list.Bytes);
        foreach (BencodeValue item in list.Items) Add(item.Bytes);
        return seeds;

        void Add(ReadOnlySpan<byte> raw)
        {
            string url = Encoding.UTF8.GetString(raw);
            if (seen.Count < TrackerTiers.MaxUrls && TrackerTiers.IsWebSeed(url) && seen.Add(url)) seeds.Add(url);
        }
    }

    static List<HostPort> ReadNodes(BencodeValue root)
    {
        var nodes = new List<HostPort>();
        root.TryGet("nodes"u8, out BencodeValue list);
        foreach (BencodeValue node in list.Items)
        {
            BencodeItems pair = node.Items;
            if (nodes.Count == TrackerTiers.MaxUrls || !pair.MoveNext()) continue;
            string host = Encoding.UTF8.GetString(pair.Current.Bytes);
            if (!pair.MoveNext()) continue;
            string address = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
            if (HostPort.TryParse($"{address}:{pair.Current.Integer}", out HostPort parsed)) nodes.Add(parsed);
        }
        return nodes;
    }

    /// <summary>An optional text. It is for the eye, so one of a wrong kind is as good as none.</summary>
    static string? Text(BencodeValue dictionary, ReadOnlySpan<byte> key) =>
        dictionary.TryGetBytes(key, out ReadOnlySpan<byte> text) ? Encoding.UTF8.GetString(text) : null;
}
