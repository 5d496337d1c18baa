// The piece hashes of a content tree, for `create` and `share`. A tree that has not changed since it was hashed last, by the
// length and the time of every file, need not be read again: the hashes may be kept in a HashCache.
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using TinyTorrent.Hashing;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TreeHasher
{
    /// <summary>The .torrent of a tree.</summary>
    /// <param name="path">The tree as the user named it.</param>
    /// <param name="pieceLength">Null: one that suits the content.</param>
    /// <param name="maxBytes">What the .torrent may have.</param>
    /// <param name="cache">Null: read everything.</param>
    public static byte[] Build(
        ContentTree tree, string path, MetainfoOptions options, int? pieceLength, int maxBytes, HashCache? cache, Progress progress, CancellationToken cancellation)
    {
        Geometry geometry = Cut(tree, path, options, pieceLength, maxBytes, progress);
        byte[] hashes = Hash(tree, geometry, cache, progress, cancellation);
        return tree.IsFolder
            ? MetainfoBuilder.Build(options, tree.Files, geometry.PieceLength, hashes)
            : MetainfoBuilder.Build(options, geometry.TotalLength, geometry.PieceLength, hashes);
    }

    /// <summary>Cuts the content into pieces. The .torrent's size is known then, and better said before the hashing than after it.</summary>
    static Geometry Cut(ContentTree tree, string path, MetainfoOptions options, int? asked, int maxBytes, Progress progress)
    {
        long total = tree.TotalLength;
        if (total == 0) throw new CommandException(ExitCode.BadInput, $"{path}: empty, there is nothing to share");
        int first = asked ?? MetainfoBuilder.ChoosePieceLength(total), length = first;
        long withoutHashes = MetainfoBuilder.SizeOf(options, tree.IsFolder ? tree.Files : null, total, length);
        if (withoutHashes >= maxBytes)
            throw new CommandException(ExitCode.BadInput, string.Create(CultureInfo.InvariantCulture,
                $"{path}: the names of {tree.Files.Count:N0} files make a .torrent of more than {maxBytes:N0} bytes; take its folders one by one"));
        while (!Fits() && length < Geometry.MaxPieceLength) length *= 2;
        if (!Fits()) throw new CommandException(ExitCode.BadInput, $"{path}: too large for one torrent; take its parts one by one");
        if (asked is not null && length > first)
            throw Arguments.Usage(string.Create(CultureInfo.InvariantCulture,
                $"--piece-length: a .torrent of {(total - 1) / first + 1:N0} pieces is too large (at most {Geometry.MaxPieceCount:N0} pieces and {maxBytes:N0} bytes); {length >> 10}k and more will do"));
        if (Size() > MetainfoFile.MaxBytes)
            progress.Warning(string.Create(CultureInfo.InvariantCulture,
                $"{path}: the .torrent will have {Size():N0} bytes; many programs and all catalogues take {MetainfoFile.MaxBytes:N0} at most (a larger --piece-length makes it smaller, as do fewer files)"));
        return new Geometry(total, length);

        long Size() => withoutHashes + ((total - 1) / length + 1) * MetainfoFile.HashLength;
        bool Fits() => (total - 1) / length < Geometry.MaxPieceCount && Size() <= maxBytes;
    }

    /// <summary>The hashes of all pieces, 20 bytes each.</summary>
    static byte[] Hash(ContentTree tree, Geometry geometry, HashCache? cache, Progress progress, CancellationToken cancellation)
    {
        using PieceStore store = PieceStore.ForContent(MapOf(tree), Path.GetDirectoryName(tree.Path)!);
        FileStamp[] before = store.Stamps();
        byte[] key = KeyOf(tree, geometry, before);
        int size = geometry.PieceCount * MetainfoFile.HashLength;
        if (cache?.Find(tree.Path, key, size) is { } known) return known;
        byte[] hashes = new byte[size];
        var hashing = new HashingProgress(progress, "hashing");
        DiskResult read = ContentHasher.Hash(
            store, geometry, pieces: null, (piece, digest) => digest.CopyTo(hashes.AsSpan(piece * MetainfoFile.HashLength)),
            done => hashing.Show(done, geometry.TotalLength), cancellation);
        if (!read.IsOk) throw Failure.Disk(read);
        FileStamp[] after = store.Stamps();
        for (int file = 0; file < after.Length; file++)
            if (after[file] != before[file]) throw new CommandException(ExitCode.Disk, $"{store.PathOf(file)}: changed while it was read");
        if (cache?.Save(tree.Path, key, hashes) is { IsOk: false } fault) progress.Detail($"{fault} (it will be hashed again next time)");
        return hashes;
    }

    /// <summary>What the hashes depend on, as far as it can be seen without reading: other content has another key.</summary>
    static byte[] KeyOf(ContentTree tree, Geometry geometry, FileStamp[] stamps)
    {
        var text = new MemoryStream();
        Span<byte> numbers = stackalloc byte[24];
        for (int file = 0; file < stamps.Length; file++)
        {
            BinaryPrimitives.WriteInt64BigEndian(numbers, geometry.PieceLength);
            BinaryPrimitives.WriteInt64BigEndian(numbers[8..], stamps[file].Length);
            BinaryPrimitives.WriteInt64BigEndian(numbers[16..], stamps[file].Modified);
            text.Write(numbers);
            text.Write(Encoding.UTF8.GetBytes(tree.Files[file].Path + '\0'));
        }
        byte[] key = new byte[Sha256.Size];
        Sha256.Hash(text.ToArray(), key);
        return key;
    }

    /// <summary>The files as they lie on disk: named as there, whatever the torrent will call them.</summary>
    static FileMap MapOf(ContentTree tree)
    {
        var files = new FileEntry[tree.Files.Count];
        long offset = 0;
        for (int i = 0; i < files.Length; i++)
        {
            (string path, long length) = tree.Files[i];
            files[i] = new FileEntry(tree.IsFolder ? $"{tree.Name}/{path}" : path, offset, length, IsPadding: false);
            offset += length;
        }
        return new FileMap(files);
    }
}
