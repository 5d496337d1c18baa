// `verify`: which files and pieces of a torrent are whole on disk.
using System.Globalization;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;

namespace TinyTorrent.Commands;

static class VerifyCommand
{
    public static readonly Command Command = new(
        "verify", "x.torrent [PATH] [options]", "check content on disk against a .torrent", MaxOperands: 2,
        [JsonEvents.Option], Run)
    {
        Details = """
            PATH is the content itself or the folder that holds it (default: the current folder). Files that are not whole are
            listed with their pieces, counted from 0; with -v the whole ones, too. A file is unknown when it shares its pieces
            with a missing one. Exit code 0 means that everything is whole, 4 that it is not.
            """,
    };

    const int MostRangesShown = 8;

    static ExitCode Run(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        MetainfoFile torrent = TorrentSource.LoadMetainfo(arguments.Operand(0, "x.torrent"), interrupt.Token);
        string path = arguments.Operands.Count > 1 ? arguments.Operands[1] : ".";
        if (!Path.Exists(path)) throw new CommandException(ExitCode.Disk, $"{path}: no such file or folder");

        using PieceStore store = PieceStore.ForContent(torrent.Files, path);
        var hashing = new HashingProgress(progress, "checking");
        DiskResult fault = Check(torrent, store, hashing, interrupt.Token, out PieceState[] pieces);
        long[] lengths = [.. Enumerable.Range(0, torrent.Files.Files.Count).Select(file => LengthOf(store.PathOf(file)))];
        var report = new ContentReport(torrent.Files, torrent.Geometry, pieces, lengths);

        progress.Clear();
        if (progress.Events is { } events) Write(events, torrent, report, hashing.Elapsed);
        else Print(torrent, report, hashing.Elapsed, all: arguments.Has("--verbose"));
        if (fault.Fault is not (DiskFault.None or DiskFault.Missing)) throw Failure.Disk(fault);
        return report.IsWhole ? ExitCode.Done : ExitCode.Incomplete;
    }

    static DiskResult Check(MetainfoFile torrent, PieceStore store, HashingProgress progress, CancellationToken cancellation, out PieceState[] pieces)
    {
        var states = new PieceState[torrent.Geometry.PieceCount];
        pieces = states;
        return ContentHasher.Hash(store, torrent.Geometry, pieces: null, (piece, digest) =>
        {
            if (!digest.IsEmpty) states[piece] = digest.SequenceEqual(torrent.HashOf(piece)) ? PieceState.Whole : PieceState.Damaged;
        }, done => progress.Show(done, torrent.Geometry.TotalLength), cancellation);
    }

    /// <summary>-1 if there is no such file. Links are followed, as they are when the file is read.</summary>
    static long LengthOf(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists) return -1;
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }

    static void Print(MetainfoFile torrent, ContentReport report, TimeSpan elapsed, bool all)
    {
        foreach (FileReport file in report.Files)
        {
            if (file.State == FileState.Whole && !all) continue;
            string pieces = file.Bad.Count == 0 ? "" : $" (pieces {Ranges(file.Bad)} of {torrent.Geometry.PieceCount})";
            Console.Out.WriteLine($"{file.StateName,-9} {Display.Safe(torrent.Files.Files[file.File].Path)}{pieces}");
        }
        (long total, long read) = (torrent.Geometry.TotalLength, report.ReadBytes);
        Console.Out.WriteLine(report.IsWhole
            ? $"{Display.Safe(torrent.Name)} is whole: {torrent.Geometry.PieceCount} pieces, {Speed(read, elapsed)}"
            : $"{Display.Safe(torrent.Name)} is not whole: {report.WholePieces} of {torrent.Geometry.PieceCount} pieces, "
                + $"{Display.Percent(report.WholeBytes, total)}" + (read > 0 ? $", {Speed(read, elapsed)} read" : ""));
    }

    static string Speed(long bytes, TimeSpan elapsed) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Display.Bytes(bytes)} in {elapsed.TotalSeconds:0.0}s ({Display.Rate(bytes / Math.Max(0.001, elapsed.TotalSeconds))})");

    static string Ranges(IReadOnlyList<(int First, int Last)> ranges)
    {
        var shown = new List<string>();
        foreach ((int first, int last) in ranges)
        {
            bool enough = shown.Count == MostRangesShown;
            shown.Add(enough ? "…" : first == last ? $"{first}" : $"{first}-{last}");
            if (enough) break;
        }
        return string.Join(", ", shown);
    }

    static void Write(JsonEvents events, MetainfoFile torrent, ContentReport report, TimeSpan elapsed)
    {
        foreach (FileReport file in report.Files)
        {
            events.Write("file", json =>
            {
                json.WriteString("path", torrent.Files.Files[file.File].Path);
                json.WriteNumber("length", torrent.Files.Files[file.File].Length);
                json.WriteString("state", file.StateName.Replace(' ', '-'));
                json.WriteNumber("piece_count", file.Pieces);
                json.WriteStartArray("bad_pieces"); // [first, last] each
                foreach ((int first, int last) in file.Bad)
                {
                    json.WriteStartArray();
                    json.WriteNumberValue(first);
                    json.WriteNumberValue(last);
                    json.WriteEndArray();
                }
                json.WriteEndArray();
            });
        }
        events.Write("verified", json =>
        {
            json.WriteBoolean("whole", report.IsWhole);
            json.WriteNumber("pieces", report.WholePieces);
            json.WriteNumber("piece_count", torrent.Geometry.PieceCount);
            json.WriteNumber("done", report.WholeBytes);
            json.WriteNumber("total", torrent.Geometry.TotalLength);
            json.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        });
    }
}
