// What a start finds on disk: the resume file is believed where the files are as it left them, everything else that could
// be content is hashed. Files that are absent or too short cost nothing.
using TinyTorrent.Metainfo;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Storage;

static class ExistingContent
{
    /// <summary>Tells the picker what is there. Blocks until all of it is known.</summary>
    /// <param name="state">What the resume file says; null if there is none.</param>
    /// <param name="progress">Bytes hashed so far, bytes to hash.</param>
    public static DiskResult Find(MetainfoFile metainfo, PieceStore store, ResumeState? state, PiecePicker picker, Action<long, long> progress, CancellationToken cancellation)
    {
        var toHash = Present(metainfo, store);
        if (state is not null)
        {
            for (int piece = state.Pieces.NextSet(0); piece >= 0; piece = state.Pieces.NextSet(piece + 1)) picker.MarkHave(piece);
            toHash.RemoveAll(piece => !state.Doubtful![piece]);
            // stopped between the last block of a piece and its hash
            toHash.AddRange(state.Begun.Where(begun => begun.Blocks.IsFull).Select(begun => begun.Piece));
        }
        long total = toHash.Sum(piece => (long)metainfo.Geometry.LengthOf(piece));
        DiskResult result = ContentHasher.Hash(store, metainfo.Geometry, [.. toHash], (piece, digest) =>
        {
            if (digest.SequenceEqual(metainfo.HashOf(piece))) picker.MarkHave(piece);
        }, done => progress(done, total), cancellation);
        if (state is not null)
            foreach ((int piece, Bitfield blocks) in state.Begun)
                if (!blocks.IsFull) picker.MarkBlocks(piece, blocks);
        return result.Fault == DiskFault.Missing ? DiskResult.Ok : result; // files that went meanwhile are to be downloaded
    }

    /// <summary>Pieces whose files are all there, as far as the piece reaches.</summary>
    static List<int> Present(MetainfoFile metainfo, PieceStore store)
    {
        Geometry geometry = metainfo.Geometry;
        FileStamp[] stamps = store.Stamps();
        var present = new List<int>();
        for (int piece = 0; piece < geometry.PieceCount; piece++)
        {
            bool whole = true;
            foreach (FileSlice slice in metainfo.Files.Slices(geometry.OffsetOf(piece), geometry.LengthOf(piece)))
                whole &= metainfo.Files.Files[slice.File].IsPadding || stamps[slice.File].Length >= slice.Offset + slice.Length;
            if (whole) present.Add(piece);
        }
        return present;
    }
}
