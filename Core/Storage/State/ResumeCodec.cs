// What is known to be whole on disk, so that a start need not hash or fetch it again.
//   d 4:body d 6:blocks  list of [piece, bits of its blocks on disk], pieces that are begun
//              5:files   16 bytes a file: length, then time of modification (FileStamp), big-endian
//              9:info-hash, 6:pieces (a bitfield as on the wire), 7:version  e
//     3:sum  SHA-1 of the body as it stands  e
// The bytes are untrusted input: whatever is wrong with them is a reason, not an exception. Pure.
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

    /// <summary>Set when loaded: for each file whether it is as we left it, or was still to be made and is empty: a crash came
    /// between.</summary>
    public bool[]? Ours { get; init; }

    /// <summary>Set when loaded: how long each file was at least; -1 if it was still to be made.</summary>
    public long[]? Lengths { get; init; }

    /// <summary>Set when loaded: of the doubtful pieces those that were whole.</summary>
    public Bitfield? Lost { get; init; }
}

sealed class ResumeCodec(InfoHash infoHash, Geometry geometry, FileMap files)
{
    const int Version = 1;
    const int StampSize = 16;

    /// <param name="stamps">Of every file, older than <paramref name="state"/>.</param>
    public ReadOnlyMemory<byte> Write(ResumeState state, ReadOnlySpan<FileStamp> stamps)
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
        return whole.WrittenMemory;
    }

    void WriteBody(BencodeWriter writer, ResumeState state, ReadOnlySpan<FileStamp> stamps)
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

        var listed = new byte[stamps.Length * StampSize];
        for (int i = 0; i < stamps.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(listed.AsSpan(i * StampSize), stamps[i].Length);
            BinaryPrimitives.WriteInt64BigEndian(listed.AsSpan(i * StampSize + 8), stamps[i].Modified);
        }
        writer.Key("files"u8);
        writer.Bytes(listed);
        writer.Key("info-hash"u8);
        writer.Bytes(infoHash.Bytes);
        writer.Key("pieces"u8);
        writer.Bytes(state.Pieces.Bytes);
        writer.Key("version"u8);
        writer.Integer(Version);
        writer.End();
    }

    /// <summary>Null if there is nothing to go by; <paramref name="reason"/> says why, for the log.</summary>
    /// <param name="stamps">Of every file as it is at this moment.</param>
    public ResumeState? Parse(ReadOnlySpan<byte> bytes, ReadOnlySpan<FileStamp> stamps, out string? reason)
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
            else return ReadBody(body, stamps, out reason);
        }
        return null;
    }

    ResumeState? ReadBody(BencodeValue body, ReadOnlySpan<FileStamp> stamps, out string? reason)
    {
        var pieces = new Bitfield(geometry.PieceCount);
        var begun = new List<(int, Bitfield)>();
        if (!body.TryGetInteger("version"u8, out long version) || version != Version) reason = "the resume file has another version";
        else if (!body.TryGetBytes("info-hash"u8, out ReadOnlySpan<byte> hash) || !hash.SequenceEqual(infoHash.Bytes))
            reason = "the resume file belongs to another torrent";
        else if (!body.TryGetBytes("pieces"u8, out ReadOnlySpan<byte> bits) || !pieces.TryLoad(bits))
            reason = "the resume file's pieces do not fit the torrent";
        else if (!body.TryGetBytes("files"u8, out ReadOnlySpan<byte> listed) || listed.Length != files.Files.Count * StampSize)
            reason = "the resume file's files do not fit the torrent";
        else if (!TryReadBegun(body, pieces, begun)) reason = "the resume file's blocks do not fit the torrent";
        else
        {
            bool[] ours = AreOurs(listed, stamps);
            var lengths = new long[stamps.Length];
            for (int i = 0; i < lengths.Length; i++) lengths[i] = BinaryPrimitives.ReadInt64BigEndian(listed[(i * StampSize)..]);
            Bitfield doubtful = TouchedByChange(ours, stamps);
            var lost = new Bitfield(geometry.PieceCount);
            for (int piece = doubtful.NextSet(0); piece >= 0; piece = doubtful.NextSet(piece + 1))
            {
                if (pieces[piece]) lost.Set(piece);
                pieces.Clear(piece);
            }
            begun.RemoveAll(b => doubtful[b.Item1]);
            reason = null;
            return new ResumeState(pieces, begun) { Doubtful = doubtful, Ours = ours, Lengths = lengths, Lost = lost };
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

    static bool[] AreOurs(ReadOnlySpan<byte> listed, ReadOnlySpan<FileStamp> stamps)
    {
        var ours = new bool[stamps.Length];
        for (int i = 0; i < stamps.Length; i++)
        {
            var before = new FileStamp(
                BinaryPrimitives.ReadInt64BigEndian(listed[(i * StampSize)..]),
                BinaryPrimitives.ReadInt64BigEndian(listed[(i * StampSize + 8)..]));
            ours[i] = before == FileStamp.Absent ? stamps[i].Length == 0 : stamps[i] == before;
        }
        return ours;
    }

    // An absent or empty file never counts as unchanged, whatever the list says: no piece can be in it.
    Bitfield TouchedByChange(bool[] ours, ReadOnlySpan<FileStamp> stamps)
    {
        var touched = new Bitfield(geometry.PieceCount);
        for (int i = 0; i < ours.Length; i++)
        {
            FileEntry file = files.Files[i];
            if (file.IsPadding || file.Length == 0 || (ours[i] && stamps[i].Length > 0)) continue;
            int last = (int)((file.Offset + file.Length - 1) / geometry.PieceLength);
            for (int piece = (int)(file.Offset / geometry.PieceLength); piece <= last; piece++) touched.Set(piece);
        }
        return touched;
    }
}
