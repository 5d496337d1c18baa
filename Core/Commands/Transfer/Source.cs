// SOURCE on the command line: a .torrent, - for one on stdin, an http(s) URL of one, a magnet link or an info-hash.
// The last two name a torrent without describing it: whoever needs the description gets it from peers (BEP 9).
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

/// <summary>What is known of a torrent before anybody was asked. What a stranger wrote is checked, but names are raw text.</summary>
sealed record TorrentSource(InfoHash InfoHash)
{
    /// <summary>For the help of the commands that take one.</summary>
    public const string Forms = "SOURCE is a .torrent file, - for one on stdin, an http or https URL of one, a magnet link, or an info-hash of 40 hex digits.";

    /// <summary>Null for a magnet link and an info-hash.</summary>
    public MetainfoFile? Metainfo { get; init; }

    /// <summary>The URL of a .torrent that has led to a magnet link; null otherwise.</summary>
    public string? RedirectedFrom { get; init; }

    /// <summary>Null for an info-hash and a magnet link without dn.</summary>
    public string? Name { get; init; }

    /// <summary>Tiers; a magnet link's trackers are a tier each.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Trackers { get; init; } = [];

    public IReadOnlyList<string> WebSeeds { get; init; } = [];

    /// <summary>Peers a magnet link names (x.pe).</summary>
    public IReadOnlyList<HostPort> Peers { get; init; } = [];

    /// <summary>The files a magnet link asks for, as ranges of indices with both ends; empty: all.</summary>
    public IReadOnlyList<(int First, int Last)> Selected { get; init; } = [];

    /// <exception cref="FormatException">It is there but no torrent: names the source, and the byte offset or field.</exception>
    /// <exception cref="CommandException">It cannot be read or fetched.</exception>
    public static TorrentSource Load(string source, CancellationToken cancellation = default)
    {
        try
        {
            if (source == "-") return Of(ReadInput(cancellation));
            if (Magnet.IsMagnet(source)) return Of(Magnet.Parse(source));
            if (IsUrl(source)) return OfUrl(source, cancellation);
            if (InfoHash.TryParseHex(source, out InfoHash hash)) return new TorrentSource(hash);
            if (source.Length == 64 && Array.TrueForAll(source.ToCharArray(), char.IsAsciiHexDigit))
                throw new FormatException("an info-hash of version 2 (BEP 52), which is not supported");
            return Of(MetainfoFile.Parse(ReadFile(source, cancellation)));
        }
        catch (FormatException e)
        {
            throw new FormatException($"{(source == "-" ? "stdin" : IsUrl(source) ? TrackerUrl.DisplayOf(source) : source)}: {e.Message}", e);
        }
    }

    static TorrentSource OfUrl(string url, CancellationToken cancellation)
    {
        (byte[] torrent, string? magnet) = TorrentDownload.Fetch(url, cancellation);
        return magnet is null ? Of(MetainfoFile.Parse(torrent)) : Of(Magnet.Parse(magnet)) with { RedirectedFrom = url };
    }

    /// <summary>For commands that need the description: <see cref="Load"/>, and a usage error for a magnet link or a hash.</summary>
    public static MetainfoFile LoadMetainfo(string source, CancellationToken cancellation = default) =>
        Load(source, cancellation).NeededMetainfo;

    /// <summary>The description, for commands that cannot go on without it.</summary>
    /// <exception cref="CommandException">It is not known.</exception>
    public MetainfoFile NeededMetainfo => Metainfo ?? throw Arguments.Usage(
        (RedirectedFrom is { } url ? $"{TrackerUrl.DisplayOf(url)} leads to a magnet link, which" : "a magnet link or an info-hash")
        + " does not describe its content; a .torrent is needed");

    /// <summary>The bytes of a .torrent file, up to the size a .torrent may have. A pipe is read on another thread, as stdin is.</summary>
    static ReadOnlyMemory<byte> ReadFile(string path, CancellationToken cancellation)
    {
        try
        {
            return Disk.Native.IsRegular(path) ? Read() : Task.Run(Read, CancellationToken.None).WaitAsync(cancellation).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Directory.Exists(path) ? new CommandException(ExitCode.Disk, $"{path}: a folder, not a .torrent") : Failure.Disk(e, path);
        }

        ReadOnlyMemory<byte> Read()
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            return ReadAll(file, file.CanSeek ? file.Length : 0);
        }
    }

    /// <summary>On another thread: nothing but the other end ends a read of a pipe or a terminal.</summary>
    static MetainfoFile ReadInput(CancellationToken cancellation)
    {
        try
        {
            return MetainfoFile.Parse(Task.Run(() => ReadAll(Console.OpenStandardInput(), 0), CancellationToken.None).WaitAsync(cancellation).GetAwaiter().GetResult());
        }
        catch (IOException e)
        {
            throw Failure.Disk(e, "stdin");
        }
    }

    /// <param name="expected">Bytes there seem to be: memory for a large file is taken once.</param>
    static ReadOnlyMemory<byte> ReadAll(Stream stream, long expected)
    {
        var all = new MemoryStream((int)Math.Min(expected, MetainfoFile.MaxFileBytes));
        byte[] buffer = new byte[64 * 1024];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            all.Write(buffer, 0, read);
            if (all.Length > MetainfoFile.MaxFileBytes) throw new FormatException("larger than 100,000,000 bytes: not a .torrent");
        }
        return all.GetBuffer().AsMemory(0, (int)all.Length);
    }

    /// <summary>True if it can be nothing but stdin, a magnet link or a URL.</summary>
    public static bool IsAddress(string source) => source == "-" || Magnet.IsMagnet(source) || IsUrl(source);

    static bool IsUrl(string source) =>
        source.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    public static TorrentSource Of(MetainfoFile metainfo) =>
        new(metainfo.InfoHash) { Metainfo = metainfo, Name = metainfo.Name, Trackers = metainfo.Trackers, WebSeeds = metainfo.WebSeeds };

    static TorrentSource Of(Magnet magnet) => new(magnet.InfoHash)
    {
        Name = magnet.Name,
        Trackers = [.. magnet.Trackers.Select(url => (IReadOnlyList<string>)[url])],
        WebSeeds = magnet.WebSeeds,
        Peers = magnet.Peers,
        Selected = magnet.Selected,
    };
}
