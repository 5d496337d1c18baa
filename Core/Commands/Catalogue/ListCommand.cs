// `list`: what a tracker's catalogue has, as a table or as JSON.
using TinyTorrent.Catalogue;

namespace TinyTorrent.Commands;

static class ListCommand
{
    public static readonly Command Command = new(
        "list", "[WORD]... --tracker URL [options]", "show what a tracker's catalogue has", MaxOperands: int.MaxValue,
        [
            CatalogueAddress.Option,
            new("--audio", null, "audio only"),
            new("--video", null, "video only"),
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            Only entries with all the WORDs in their name or comment are shown, the newest first; upper and lower case are the same. What is shown can be had with 'tinytorrent get NAME --tracker URL'.

              tinytorrent list --tracker http://host:6969
              tinytorrent list --tracker http://host:6969 --video bunny
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        using var client = new CatalogueClient(CatalogueAddress.Read(arguments));
        ListedPage found = client.ListAll(new CatalogueQuery
        {
            Kind = ReadKind(arguments),
            Words = CatalogueQuery.WordsOf(string.Join(' ', arguments.Operands)),
        }, interrupt.Token);
        if (JsonEvents.Create(arguments) is { } events)
        {
            foreach (ListedEntry entry in found.Entries) events.Write("entry", entry.WriteTo);
            events.Write("listed", json => json.WriteNumber("total", found.Total));
            return ExitCode.Done;
        }
        foreach (string line in found.Entries.Count == 0 ? [] : CatalogueTable.Lines(found, Terminal.OutputWidth())) Console.Out.WriteLine(line);
        if (found.Entries.Count == 0 && !arguments.Has("--quiet")) Console.Error.WriteLine("nothing found");
        if (found.Entries.Count < found.Total) Console.Error.WriteLine($"the first {found.Entries.Count} of {found.Total}; words narrow it down");
        return ExitCode.Done;
    }

    /// <summary>What --audio and --video say; null for every kind.</summary>
    public static ContentKind? ReadKind(Arguments arguments)
    {
        if (arguments.Has("--audio") && arguments.Has("--video")) throw Arguments.Usage("--audio and --video exclude each other");
        return arguments.Has("--audio") ? ContentKind.Audio : arguments.Has("--video") ? ContentKind.Video : null;
    }
}
