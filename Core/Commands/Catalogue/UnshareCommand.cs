// `unshare`: takes entries out of a tracker's catalogue.
using TinyTorrent.Catalogue;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class UnshareCommand
{
    public static readonly Command Command = new(
        "unshare", "NAME [NAME]... --tracker URL [options]", "take out of a tracker's catalogue what was shared", MaxOperands: int.MaxValue,
        [
            CatalogueAddress.Option,
            AccessToken.Option("the tracker's secret, which takes anything away"),
            new("--all", null, "everything in the catalogue, whoever shared it; needs the tracker's secret"),
            JsonEvents.Option,
        ],
        Run)
    {
        Details = """
            Who published it can do so, on the machine and as the user that did: the tokens are kept in $XDG_STATE_HOME/tinytorrent, or ~/.local/state/tinytorrent. Whoever has the tracker's --token, or the one it has made for itself and printed at its start, can take anything away. NAME may be an info-hash.

            Your 'share' of it that still runs goes on seeding, but does not publish it again. While somebody else shares the same content, it does not stay away: it is listed again as theirs when their 'share' next announces itself. What others have downloaded stays theirs.

              tinytorrent unshare film.mkv --tracker http://host:6969
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        using Progress progress = Progress.Create(arguments);
        string? access = AccessToken.Read(arguments);
        CatalogueAddress tracker = CatalogueAddress.Read(arguments);
        using var client = new CatalogueClient(tracker);
        var publisher = new Publisher(client, PublishTokens.OfUser(tracker.Root), progress);
        if (arguments.Has("--all"))
        {
            if (arguments.Operands.Count > 0) throw Arguments.Usage("--all leaves nothing for NAME to choose");
            int count = client.RemoveAll(access ?? throw Arguments.Usage("--all needs the tracker's token (--token)"), interrupt.Token);
            progress.Line($"{count} {(count == 1 ? "entry" : "entries")} taken out of the catalogue of {tracker.Display}");
            progress.Events?.Write("cleared", json => json.WriteNumber("removed", count));
            return ExitCode.Done;
        }
        _ = arguments.Operand(0, "NAME");
        foreach (string name in arguments.Operands)
        {
            InfoHash hash = Find(client, name, progress, interrupt.Token);
            publisher.Remove(hash, name, access, interrupt.Token);
            progress.Line($"{name}: no longer in the catalogue of {tracker.Display}");
            progress.Events?.Write("removed", json =>
            {
                json.WriteString("name", name);
                json.WriteString("info_hash", hash.ToString());
            });
        }
        return ExitCode.Done;
    }

    static InfoHash Find(CatalogueClient client, string name, Progress progress, CancellationToken cancellation)
    {
        if (InfoHash.TryParseHex(name, out InfoHash hash)) return hash;
        ListedPage named = client.List(new CatalogueQuery { Name = name }, cancellation);
        return named.Entries is [{ } entry] && entry.Name == name
            ? entry.InfoHash
            : throw CatalogueSource.NotThere(name, client, progress, cancellation);
    }
}
