// `create`: content -> .torrent. The same content and options give the same bytes: no date, no machine, no version in it
// unless asked for. Options are checked before the first byte is read, and nothing is written before the last one was.
using System.Globalization;
using System.Text;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;

namespace TinyTorrent.Commands;

static class CreateCommand
{
    public static readonly Command Command = new(
        "create", "PATH [options]", "make a .torrent of a file or folder", MaxOperands: 1,
        [
            new("--announce", "URL", "a tracker (http, https, udp); each -a is a tier, commas join one tier; http://HOST:PORT alone gets /announce") { Short = 'a', Repeatable = true },
            new("--output", "FILE", "where the .torrent goes (default NAME.torrent here; - is stdout)") { Short = 'o' },
            new("--force", null, "replace an existing .torrent that differs") { Short = 'f' },
            new("--name", "NAME", "what the content is called (default: as on disk)"),
            new("--piece-length", "SIZE", "a power of two from 16k to 512M (default: 1,000 to 2,000 pieces, at most 16M long)"),
            new("--private", null, "peers may come from the trackers only"),
            new("--comment", "TEXT", "a comment for people"),
            new("--source", "TEXT", "a mark that makes the info-hash differ from others'"),
            new("--web-seed", "URL", "an http or https URL of the same content") { Repeatable = true },
            new("--date", "TIME", "a creation date: 2024-01-31, 2024-01-31T12:00:00Z or seconds since 1970"),
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            The same content and options give the same bytes: there is no date in them unless --date or the environment
            variable SOURCE_DATE_EPOCH gives one.

            Files are taken in the byte order of their paths, hidden ones too. A link inside the folder is read as a file if
            it leads to another file of the folder; other links, pipes, sockets and devices are left out, and named on
            stderr. Empty folders have no place in a torrent. Names that others will store differently, for a backslash, a
            control character or their length, are in it as they are, and named on stderr.
            """,
    };

    /// <summary>Bytes of a name that can be written beside itself first.</summary>
    static readonly int LongestOutput = SafeName.MaxBytes - AtomicFile.BesideSuffix.Length;

    static ExitCode Run(Arguments arguments)
    {
        MetainfoOptions options = ReadOptions(arguments);
        int? asked = ReadPieceLength(arguments);
        bool toStdout = arguments.Value("--output") == "-";
        if (toStdout && arguments.Has("--json")) throw Arguments.Usage("--json and --output - would both write to stdout");

        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        string path = arguments.Operand(0, "PATH");
        ContentTree tree = ContentTree.Read(path, (file, why) => progress.Warning($"{file}: left out, {why}"));
        if (options.Name.Length == 0) options = options with { Name = tree.Name };
        if (ContentTree.ProblemOf(options.Name) is { } problem) throw Arguments.Usage($"--name: '{options.Name}' {problem}");
        string output = toStdout ? "-" : ReadOutput(arguments, tree, options.Name);
        if (tree.WarningOfNames(options.Name) is { } warning) progress.Warning(warning);

        byte[] torrent = TreeHasher.Build(tree, path, options, asked, MetainfoFile.MaxFileBytes, cache: null, progress, interrupt.Token);
        MetainfoFile metainfo = MetainfoFile.Parse(torrent);
        progress.Clear();
        if (toStdout) StandardStreams.Output.Write(torrent);
        else Save(output, torrent, arguments.Has("--force"));
        Report(arguments, output, metainfo);
        return ExitCode.Done;
    }

    static MetainfoOptions ReadOptions(Arguments arguments) => new()
    {
        Name = arguments.Value("--name") ?? "",
        Trackers = [.. arguments.Values("--announce").Select(ReadTier)],
        WebSeeds = [.. arguments.Values("--web-seed").Select(url =>
            TrackerTiers.IsWebSeed(url) && !url.Contains(' ', StringComparison.Ordinal) ? url : throw Arguments.Usage($"--web-seed takes an http or https URL, not '{url}'"))],
        IsPrivate = arguments.Has("--private"),
        Comment = arguments.Value("--comment"),
        CreatedBy = "tinytorrent",
        Source = arguments.Value("--source"),
        CreationDate = ReadDate(arguments),
    };

    static IReadOnlyList<string> ReadTier(string urls) => [.. urls.Split(',').Select(ReadTracker)];

    /// <summary>What get would not ask is better refused before it is handed out.</summary>
    static string ReadTracker(string text)
    {
        if (TrackerUrl.TryParse(text, out TrackerUrl? url, out string? problem)) return CatalogueAddress.AnnounceOf(url.Text);
        string advice = text.Trim().AsSpan().ContainsAny(" \t\n") ? " (each URL needs an -a of its own)" : "";
        throw Arguments.Usage($"--announce '{text}': {problem}{advice}");
    }

    static int? ReadPieceLength(Arguments arguments)
    {
        if (arguments.Bytes("--piece-length") is not { } length) return null;
        if (MetainfoBuilder.IsPieceLength(length)) return (int)length;
        throw Arguments.Usage($"--piece-length takes a power of two from 16k to 512M, not '{arguments.Value("--piece-length")}'");
    }

    static long? ReadDate(Arguments arguments)
    {
        (string name, string? text) = arguments.Value("--date") is { } given
            ? ("--date", given)
            : ("SOURCE_DATE_EPOCH", Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH"));
        if (string.IsNullOrEmpty(text) && name != "--date") return null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)) return seconds;
        const DateTimeStyles utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (DateTimeOffset.TryParseExact(text, ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ssK"], CultureInfo.InvariantCulture, utc, out DateTimeOffset date))
            return date.ToUnixTimeSeconds();
        throw Arguments.Usage($"{name} takes 2024-01-31, 2024-01-31T12:00:00Z or seconds since 1970, not '{text}'");
    }

    /// <summary>Where the .torrent goes, as the user would write it; every reason not to write there that can be known before hashing.</summary>
    static string ReadOutput(Arguments arguments, ContentTree tree, string name)
    {
        string output = arguments.Value("--output") ?? DefaultOutput(name);
        string full = Path.GetFullPath(output);
        if (full == tree.Path || (tree.IsFolder && full.StartsWith(tree.Path + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
            throw Arguments.Usage($"--output: {output} would lie inside the content");
        if (Directory.Exists(full)) throw new CommandException(ExitCode.Disk, $"{output}: a folder is in the way");
        if (!Directory.Exists(Path.GetDirectoryName(full))) throw new CommandException(ExitCode.Disk, $"{output}: no such folder");
        if (!IsStream(output) && AtomicFile.Try(full, isUsers: true) is { IsOk: false } fault) throw Failure.Disk(fault);
        return output;
    }

    static string DefaultOutput(string name)
    {
        const string extension = ".torrent";
        return SafeName.TryRead(Encoding.UTF8.GetBytes(name), OperatingSystem.IsWindows(), out string safe, out _, out _)
            ? SafeName.Cut(safe, LongestOutput - extension.Length) + extension : throw new ArgumentException("a name that cannot be used", nameof(name));
    }

    static void Save(string output, byte[] torrent, bool force)
    {
        if (IsStream(output))
        {
            using FileStream stream = new(output, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            stream.Write(torrent);
            return;
        }
        if (File.Exists(output) && !force)
        {
            if (new FileInfo(output).Length == torrent.Length && File.ReadAllBytes(output).AsSpan().SequenceEqual(torrent)) return;
            throw Arguments.Usage($"{output} exists and differs; --force replaces it");
        }
        DiskResult written = AtomicFile.Write(output, torrent, isUsers: true);
        if (!written.IsOk) throw Failure.Disk(written);
    }

    /// <summary>A pipe or a device, such as /dev/stdout: written to, never replaced.</summary>
    static bool IsStream(string output) => output == "-" || (File.Exists(output) && !Disk.Native.IsRegular(output));

    static void Report(Arguments arguments, string output, MetainfoFile torrent)
    {
        string magnet = new Magnet(torrent.InfoHash)
        {
            Name = torrent.Name,
            Trackers = [.. torrent.Trackers.SelectMany(tier => tier)],
            WebSeeds = torrent.WebSeeds,
        }.ToString();
        if (JsonEvents.Create(arguments) is { } events)
        {
            events.Write("created", json =>
            {
                json.WriteString("path", output);
                json.WriteString("info_hash", torrent.InfoHash.ToString());
                json.WriteString("name", torrent.Name);
                json.WriteNumber("length", torrent.Geometry.TotalLength);
                json.WriteNumber("file_count", torrent.Files.Files.Count);
                json.WriteNumber("piece_length", torrent.Geometry.PieceLength);
                json.WriteNumber("piece_count", torrent.Geometry.PieceCount);
                json.WriteString("magnet", magnet);
            });
            return;
        }
        if (arguments.Has("--quiet")) return;
        TextWriter to = IsStream(output) ? Console.Error : Console.Out;
        if (output != "-") to.WriteLine("Torrent:    " + Display.Safe(output));
        to.WriteLine("Info-hash:  " + torrent.InfoHash.ToString());
        to.WriteLine("Magnet:     " + Display.Safe(magnet));
        Console.Error.WriteLine("the magnet link works only where another client is in the swarm: tinytorrent sends peers no .torrent");
        if (torrent.WebSeeds.Count > 0) Console.Error.WriteLine("the web seeds are for other clients: tinytorrent downloads from peers only");
    }
}
