// What is known to be whole on disk, so that a start need not hash or fetch it again.
//   d 4:body d 6:blocks  list of [piece, bits of its blocks on disk], pieces that are begun
//              5:files   16 bytes a file: length, then time of modification (FileStamp), big-endian
//              9:info-hash, 6:pieces (a bitfield as on the wire), 7:version  e
//     3:sum  SHA-1 of the body as it stands  e
// Saved at a checkpoint, after PieceStore.Flush. A file whose length or time differs at loading is not trusted: all
// pieces that touch it are left out and must be hashed again, not fetched again. That is also what becomes of a file
// that went on being written after the last checkpoint when the program is killed: it costs time, never data.
// The file is untrusted input: whatever is wrong with it is a reason, not an exception. Not thread-safe.
using System.Buffers;
using System.Buffers.Binary;
using TinyTorrent.Bencode;
using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

/// <param name="Pieces">Verified and on disk.</param>
/// <param name="Begun">Of other pieces, the blocks that are on disk, not verified; each piece at most once.</param>
sealed record ResumeState(Bitfield Pieces, IReadOnlyList<(int Piece, Bitfield Blocks)> Begun)
{
    /// <summary>Set when loaded: pieces of files that are not as we left them. They are in neither list and must be hashed.</summary>
    public Bitfield? Doubtful { get; init; }
}

sealed class ResumeFile(string path, InfoHash infoHash, Geometry geometry, PieceStore store)
{
    const int Version = 1;
    const int StampSize = 16;

    /// <summary>Bytes. Over what the largest torrent needs; a file that grew without bound is not read.</summary>
    const int MaxSize = 64 << 20;

    /// <summary>Replaces the file.</summary>
    /// <param name="state">As it stood before a <see cref="PieceStore.Flush"/> that has succeeded since: what is listed
    /// must be on disk.</param>
    /// <param name="stamps">Of the files, older than <paramref name="state"/>: a piece that came in between is found again
    /// because its files have changed.</param>
    public DiskResult Save(ResumeState state, FileStamp[] stamps)
    {
        var body = new ArrayBufferWriter<byte>();
        WriteBody(new BencodeWriter(body), state, stamps);
        Span<byte> sum = stackalloc byte[Sha1.Size];
        Sha1.Hash(body.WrittenSpan, sum);

        var whole = new ArrayBufferWriter<byte>(body.WrittenCount + 64);
        var writer = new BencodeWriter(whole);
        writer.BeginDictionary();
        writer.Key("body"u8);
        writer.Raw(body.WrittenSpan);
        writer.Key("sum"u8);
        writer.Bytes(sum);
        writer.End();
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Disk.IsLink(folder)
            ? new DiskResult(DiskFault.Permission, folder, DiskResult.LinkRefused)
            : AtomicFile.Write(path, whole.WrittenSpan);
    }

    /// <summary>Null if there is nothing to go by; <paramref name="reason"/> says why, for the log.</summary>
    public ResumeState? Load(out string? reason)
    {
        byte[] bytes;
        try
        {
            long length = FileStamp.Of(path).Length;
            if (length <= 0) // a named pipe has no length, and would be waited for
            {
                reason = "there is no resume file";
                return null;
            }
            if (length > MaxSize)
            {
                reason = "the resume file is too large";
                return null;
            }
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (DiskResult.IsDisk(e))
        {
            reason = e.Message;
            return null;
        }
        return Parse(bytes, out reason);
    }

    void WriteBody(BencodeWriter writer, ResumeState state, FileStamp[] stamps)
    {
        writer.BeginDictionary();
        writer.Key("blocks"u8);
        writer.BeginList();
        foreach ((int piece, Bitfield blocks) in state.Begun)
        {
            writer.BeginList();
            writer.Integer(piece);
            writer.Bytes(blocks.Bytes);
            writer.End();
        }
        writer.End();

        var files = new byte[stamps.Length * StampSize];
        for (int i = 0; i < stamps.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(files.AsSpan(i * StampSize), stamps[i].Length);
            BinaryPrimitives.WriteInt64BigEndian(files.AsSpan(i * StampSize + 8), stamps[i].Modified);
        }
        writer.Key("files"u8);
        writer.Bytes(files);
        writer.Key("info-hash"u8);
        writer.Bytes(infoHash.Bytes);
        writer.Key("pieces"u8);
        writer.Bytes(state.Pieces.Bytes);
        writer.Key("version"u8);
        writer.Integer(Version);
        writer.End();
    }

    ResumeState? Parse(ReadOnlySpan<byte> bytes, out string? reason)
    {
        reason = null;
        Span<byte> sum = stackalloc byte[Sha1.Size];
        if (!BencodeValue.TryParse(bytes, out BencodeValue root, out BencodeError error, strict: true)) reason = error.Reason;
        else if (!root.TryGet("body"u8, out BencodeValue body) || !root.TryGetBytes("sum"u8, out ReadOnlySpan<byte> listed))
            reason = "the resume file lacks its body or its checksum";
        else
        {
            Sha1.Hash(body.Raw, sum);
            if (!sum.SequenceEqual(listed)) reason = "the resume file's checksum does not match";
            else return ReadBody(body, out reason);
        }
        return null;
    }

    ResumeState? ReadBody(BencodeValue body, out string? reason)
    {
        var pieces = new Bitfield(geometry.PieceCount);
        var begun = new List<(int, Bitfield)>();
        if (!body.TryGetInteger("version"u8, out long version) || version != Version) reason = "the resume file has another version";
        else if (!body.TryGetBytes("info-hash"u8, out ReadOnlySpan<byte> hash) || !hash.SequenceEqual(infoHash.Bytes))
            reason = "the resume file belongs to another torrent";
        else if (!body.TryGetBytes("pieces"u8, out ReadOnlySpan<byte> bits) || !pieces.TryLoad(bits))
            reason = "the resume file's pieces do not fit the torrent";
        else if (!body.TryGetBytes("files"u8, out ReadOnlySpan<byte> files) || files.Length != store.Files.Files.Count * StampSize)
            reason = "the resume file's files do not fit the torrent";
        else if (!TryReadBegun(body, pieces, begun)) reason = "the resume file's blocks do not fit the torrent";
        else
        {
            Bitfield doubtful = TouchedByChange(files);
            for (int piece = doubtful.NextSet(0); piece >= 0; piece = doubtful.NextSet(piece + 1)) pieces.Clear(piece);
            begun.RemoveAll(b => doubtful[b.Item1]);
            reason = null;
            return new ResumeState(pieces, begun) { Doubtful = doubtful };
        }
        return null;
    }

    bool TryReadBegun(BencodeValue body, Bitfield pieces, List<(int, Bitfield)> begun)
    {
        var seen = new Bitfield(geometry.PieceCount);
        if (!body.TryGet("blocks"u8, out BencodeValue list)) return false;
        foreach (BencodeValue item in list.Items)
        {
            BencodeItems fields = item.Items;
            if (!fields.MoveNext() || fields.Current.Kind != BencodeKind.Integer) return false;
            long piece = fields.Current.Integer;
            if (piece < 0 || piece >= geometry.PieceCount || pieces[(int)piece] || !seen.Set((int)piece)) return false;
            var blocks = new Bitfield(geometry.BlocksIn((int)piece));
            if (!fields.MoveNext() || !blocks.TryLoad(fields.Current.Bytes)) return false;
            begun.Add(((int)piece, blocks));
        }
        return true;
    }

    // An absent file never counts as unchanged, whatever the list says: no piece can be in it.
    Bitfield TouchedByChange(ReadOnlySpan<byte> files)
    {
        var touched = new Bitfield(geometry.PieceCount);
        FileStamp[] stamps = store.Stamps();
        for (int i = 0; i < stamps.Length; i++)
        {
            FileEntry file = store.Files.Files[i];
            var listed = new FileStamp(
                BinaryPrimitives.ReadInt64BigEndian(files[(i * StampSize)..]),
                BinaryPrimitives.ReadInt64BigEndian(files[(i * StampSize + 8)..]));
            if (file.IsPadding || file.Length == 0 || (stamps[i] == listed && listed != FileStamp.Absent)) continue;
            int last = (int)((file.Offset + file.Length - 1) / geometry.PieceLength);
            for (int piece = (int)(file.Offset / geometry.PieceLength); piece <= last; piece++) touched.Set(piece);
        }
        return touched;
    }
}
