// SOURCE of get when it is a name: looked up in the catalogue of --tracker, exactly, and never guessed. What is nearly it is
// listed, and the user says which. An info-hash is looked up there too, before peers would have to be asked for its metadata.
using System.Text;
using TinyTorrent.Catalogue;
using TinyTorrent.Metainfo;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class CatalogueSource
{
    /// <summary>Near matches that are listed at most.</summary>
    const int MaxNear = 20;

    /// <summary>The source, wherever it is; says what was taken if that was a catalogue's.</summary>
    public static TorrentSource Load(Arguments arguments, Progress progress, CancellationToken cancellation)
    {
        string text = arguments.Operand(0, "SOURCE");
        IReadOnlyList<string> urls = arguments.Values("--tracker");
        CatalogueAddress? tracker = null;
        foreach (string url in urls)
            if (CatalogueAddress.TryParse(url, out tracker, out _)) break;
        if (tracker is null && MayBeName(text))
        {
            string why = urls.Count == 0 ? "--tracker URL looks the name up in a catalogue"
                : "names are looked up in a catalogue over http or https; --tracker names none";
            throw new CommandException(ExitCode.Disk, $"{text}: no such file ({why})");
        }
        // A hash is never looked up as a name, which anybody may give to a torrent of theirs.
        bool isHash = InfoHash.TryParseHex(text, out InfoHash hash);
        if (tracker is null || (OtherMeaningOf(text) is not null && !isHash) || IsTorrentFile(text)) return TorrentSource.Load(text, cancellation);
        using var client = new CatalogueClient(tracker);
        if (isHash)
        {
            MetainfoFile found = client.Fetch(hash, cancellation)
                ?? throw new CommandException(ExitCode.BadInput, $"{hash}: not in the catalogue of {tracker.Display}; without it a .torrent is needed");
            return Take(found, tracker, progress);
        }

        try
        {
            string name = StoredName(text);
            ListedPage named = client.List(new CatalogueQuery { Name = name }, cancellation);
            if (named.Entries is not [{ } entry] || entry.Name != name) throw NotThere(text, client, progress, cancellation);
            MetainfoFile metainfo = client.Fetch(entry.InfoHash, cancellation)
                ?? throw new CommandException(ExitCode.BadInput, $"'{text}' has just been taken out of the catalogue of {tracker.Display}");
            // The content is stored under the name in the torrent: one the user has not typed could be any of the user's files.
            if (metainfo.Name != entry.Name)
                throw new CommandException(ExitCode.BadInput, $"{tracker.Display}: the torrent it gives for '{text}' is called '{metainfo.Name}': nothing was fetched");
            return Take(metainfo, tracker, progress);
        }
        catch (CommandException e) when (NamesTorrent(text))
        {
            throw new CommandException(e.Code, $"{text}: no such file, and as a name in a catalogue: {e.Message}") { MayPass = e.MayPass };
        }
    }

    /// <summary>The name that content of this name has in a catalogue.</summary>
    static string StoredName(string name) =>
        SafeName.TryRead(Encoding.UTF8.GetBytes(name), windows: false, out string stored, out _, out _) && stored.Length > 0 ? stored : name;

    /// <summary>What a SOURCE is that is never looked up by its name; null if it may be a name.</summary>
    public static string? OtherMeaningOf(string text) => text switch
    {
        "-" => "stdin",
        _ when TorrentSource.IsAddress(text) => "a link",
        _ when text.Length is 2 * InfoHash.Size or 64 && text.All(char.IsAsciiHexDigit) => "an info-hash",
        _ => null,
    };

    static bool MayBeName(string text) => OtherMeaningOf(text) is null && !NamesPath(text) && !NamesTorrent(text) && !Path.Exists(text);

    static bool NamesPath(string text) => text.Contains('/', StringComparison.Ordinal);

    static bool NamesTorrent(string text) => text.EndsWith(".torrent", StringComparison.OrdinalIgnoreCase);

    /// <summary>A file of the content's own name lies where it is downloaded to: only a .torrent counts as one.</summary>
    static bool IsTorrentFile(string path)
    {
        if (NamesPath(path) || (NamesTorrent(path) && Path.Exists(path))) return true;
        return File.Exists(path) && new FileInfo(path).Length <= MetainfoFile.MaxBytes && MetainfoFile.TryParse(File.ReadAllBytes(path), out _, out _);
    }

    /// <summary>A tracker without a catalogue is a tracker still: peers may know what it does not.</summary>
    static TorrentSource Take(MetainfoFile metainfo, CatalogueAddress tracker, Progress progress)
    {
        int files = metainfo.Files.Files.Count(file => !file.IsPadding);
        progress.Line($"{metainfo.Name}: {Display.Bytes(metainfo.Geometry.TotalLength)}{(files > 1 ? $" in {files} files" : "")}, {metainfo.InfoHash}, from the catalogue of {tracker.Display}");
        return TorrentSource.Of(metainfo);
    }

    /// <summary>The failure, when what comes near has been listed.</summary>
    public static CommandException NotThere(string name, CatalogueClient client, Progress progress, CancellationToken cancellation)
    {
        ListedPage near = client.List(new CatalogueQuery { Words = [.. CatalogueQuery.WordsOf(name).Take(CatalogueQuery.MaxWords)] }, cancellation);
        if (near.Entries.Count == 0)
        {
            near = client.ListAll(new CatalogueQuery(), cancellation);
            near = near with { Entries = [.. near.Entries.Where(entry => Suggestion.IsNear(name, entry.Name))] };
        }
        near = near with { Entries = [.. near.Entries.Take(MaxNear)] };
        if (progress.Events is { } events)
            foreach (ListedEntry entry in near.Entries) events.Write("near", entry.WriteTo);
        else if (near.Entries.Count > 0)
            foreach (string line in CatalogueTable.Lines(near, null)) Console.Error.WriteLine(line);
        return new CommandException(ExitCode.BadInput, near.Entries.Count == 0
            ? $"'{name}': nothing in the catalogue of {client.Tracker.Display} is called that, or nearly so"
            : $"'{name}': nothing in the catalogue of {client.Tracker.Display} is called exactly that; what comes near is listed above");
    }
}
