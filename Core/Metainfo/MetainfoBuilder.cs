// Writes a .torrent in canonical form: keys in order, nothing that depends on the machine or the hour unless it is given.
// The same input gives the same bytes.
using System.Buffers;
using TinyTorrent.Bencode;
using TinyTorrent.Types;

namespace TinyTorrent.Metainfo;

/// <summary>What a .torrent says besides its content.</summary>
sealed record MetainfoOptions
{
    /// <summary>The file's or folder's name.</summary>
    public required string Name { get; init; }

    /// <summary>Tiers of announce URLs (BEP 12).</summary>
    public IReadOnlyList<IReadOnlyList<string>> Trackers { get; init; } = [];

    public IReadOnlyList<string> WebSeeds { get; init; } = [];
    public bool IsPrivate { get; init; }
    public string? Comment { get; init; }
    public string? CreatedBy { get; init; }
    public string? Source { get; init; }

    /// <summary>Seconds since 1970.</summary>
    public long? CreationDate { get; init; }
}

static class MetainfoBuilder
{
    public const int MinPieceLength = 16 * 1024;
    const int MaxChosenPieceLength = 16 * 1024 * 1024;
    const int MostPiecesChosen = 2000;

    /// <summary>
    /// The smallest power of two that makes at most 2,000 pieces, from 16 KiB to 16 MiB: so 1,000 to 2,000 pieces between
    /// 16 MiB and 31 GiB of content. Fewer pieces find and verify content too coarsely, more make the .torrent heavy.
    /// </summary>
    public static int ChoosePieceLength(long totalLength)
    {
        int length = MinPieceLength;
        while (length < MaxChosenPieceLength && totalLength / length >= MostPiecesChosen) length *= 2;
        return length;
    }

    /// <summary>True if a piece length may be asked for: a power of two from 16 KiB to 512 MiB.</summary>
    public static bool IsPieceLength(long length) => length is >= MinPieceLength and <= Geometry.MaxPieceLength && long.IsPow2(length);

    /// <summary>A torrent of one file.</summary>
    /// <param name="hashes">20 bytes for each piece.</param>
    public static byte[] Build(MetainfoOptions options, long length, int pieceLength, ReadOnlySpan<byte> hashes) =>
        Build(options, null, length, pieceLength, hashes);

    /// <summary>A torrent of a folder.</summary>
    /// <param name="files">In content order; a path is relative to the folder, joined by '/'.</param>
    /// <param name="hashes">20 bytes for each piece.</param>
    public static byte[] Build(MetainfoOptions options, IReadOnlyList<(string Path, long Length)> files, int pieceLength, ReadOnlySpan<byte> hashes) =>
        Build(options, files, 0, pieceLength, hashes);

    static byte[] Build(
        MetainfoOptions options, IReadOnlyList<(string Path, long Length)>? files, long length, int pieceLength, ReadOnlySpan<byte> hashes)
    {
        if (hashes.Length % MetainfoFile.HashLength != 0) throw new ArgumentException("hashes have 20 bytes each", nameof(hashes));
        var output = new ArrayBufferWriter<byte>(hashes.Length + 4096);
        Write(new BencodeWriter(output), options, files, length, pieceLength, hashes);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Bytes of the .torrent but for its hashes.</summary>
    /// <param name="files">Null for a torrent of one file, which has <paramref name="length"/>.</param>
    public static long SizeOf(MetainfoOptions options, IReadOnlyList<(string Path, long Length)>? files, long length, int pieceLength)
    {
        const int digits = 8; // of the number of the hashes' bytes
        var counter = new Counter();
        Write(new BencodeWriter(counter), options, files, length, pieceLength, hashes: []);
        return counter.Count + digits;
    }

    sealed class Counter : IBufferWriter<byte>
    {
        byte[] _scratch = new byte[4096];

        public long Count { get; private set; }

        public void Advance(int count) => Count += count;

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (sizeHint > _scratch.Length) _scratch = new byte[sizeHint];
            return _scratch;
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }

    static void Write(
        BencodeWriter writer, MetainfoOptions options, IReadOnlyList<(string Path, long Length)>? files, long length, int pieceLength,
        ReadOnlySpan<byte> hashes)
    {
        writer.BeginDictionary();
        WriteTrackers(writer, options.Trackers);
        WriteText(writer, "comment"u8, options.Comment);
        WriteText(writer, "created by"u8, options.CreatedBy);
        WriteInteger(writer, "creation date"u8, options.CreationDate);
        writer.Key("info"u8);
        WriteInfo(writer, options, files, length, pieceLength, hashes);
        WriteWebSeeds(writer, options.WebSeeds);
        writer.End();
    }

    static void WriteInfo(
        BencodeWriter writer, MetainfoOptions options, IReadOnlyList<(string Path, long Length)>? files, long length, int pieceLength,
        ReadOnlySpan<byte> hashes)
    {
        writer.BeginDictionary();
        if (files is not null) WriteFiles(writer, files);
        else WriteInteger(writer, "length"u8, length);
        WriteText(writer, "name"u8, options.Name);
        WriteInteger(writer, "piece length"u8, pieceLength);
        writer.Key("pieces"u8);
        writer.Bytes(hashes);
        WriteInteger(writer, "private"u8, options.IsPrivate ? 1 : null);
        WriteText(writer, "source"u8, options.Source);
        writer.End();
    }

    static void WriteFiles(BencodeWriter writer, IReadOnlyList<(string Path, long Length)> files)
    {
        writer.Key("files"u8);
        writer.BeginList();
        foreach ((string path, long length) in files)
        {
            writer.BeginDictionary();
            WriteInteger(writer, "length"u8, length);
            writer.Key("path"u8);
            writer.BeginList();
            foreach (string part in path.Split('/')) writer.Text(part);
            writer.End();
            writer.End();
        }
        writer.End();
    }

    static void WriteTrackers(BencodeWriter writer, IReadOnlyList<IReadOnlyList<string>> tiers)
    {
        if (tiers.Count == 0) return;
        WriteText(writer, "announce"u8, tiers[0][0]);
        if (tiers is [{ Count: 1 }]) return; // the list would only repeat it
        writer.Key("announce-list"u8);
        writer.BeginList();
        foreach (IReadOnlyList<string> tier in tiers) WriteList(writer, tier);
        writer.End();
    }

    static void WriteWebSeeds(BencodeWriter writer, IReadOnlyList<string> urls)
    {
        if (urls.Count == 0) return;
        writer.Key("url-list"u8);
        WriteList(writer, urls);
    }

    static void WriteList(BencodeWriter writer, IReadOnlyList<string> texts)
    {
        writer.BeginList();
        foreach (string text in texts) writer.Text(text);
        writer.End();
    }

    static void WriteText(BencodeWriter writer, ReadOnlySpan<byte> key, string? value)
    {
        if (value is null) return;
        writer.Key(key);
        writer.Text(value);
    }

    static void WriteInteger(BencodeWriter writer, ReadOnlySpan<byte> key, long? value)
    {
        if (value is null) return;
        writer.Key(key);
        writer.Integer(value.Value);
    }
}
