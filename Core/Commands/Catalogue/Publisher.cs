// Puts torrents into a catalogue and takes them away: remembers the secrets that taking away needs. Of several owners of one
// content the first has published it. Taken away by that one it is published again, as their own, by the others that share it.
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class Publisher(CatalogueClient client, PublishTokens tokens, Progress progress)
{
    readonly HashSet<InfoHash> _ours = []; // published with a token that is kept

    public CatalogueAddress Tracker => client.Tracker;

    /// <returns>The token that takes the entry away again; null if it was there already.</returns>
    public string? Publish(MetainfoFile metainfo, CancellationToken cancellation)
    {
        string? token = client.Publish(metainfo, cancellation);
        DiskResult saved = token is null ? DiskResult.Ok : tokens.Save(metainfo.InfoHash, token);
        if (!saved.IsOk) progress.Warning($"{metainfo.Name}: its token could not be kept ({saved}): 'unshare' will not be able to take it away");
        if (tokens.Find(metainfo.InfoHash) is not null) _ours.Add(metainfo.InfoHash);
        return token;
    }

    /// <summary>Publishes again what a tracker has lost.</summary>
    /// <returns>False if it is there, or its token has gone: then <see cref="Remove"/>, in another process, has taken it away.</returns>
    public bool Renew(MetainfoFile metainfo, CancellationToken cancellation)
    {
        if (client.Has(metainfo.InfoHash, cancellation)) return false;
        if (_ours.Contains(metainfo.InfoHash) && tokens.Find(metainfo.InfoHash) is null) return false;
        Publish(metainfo, cancellation);
        return true;
    }

    /// <summary>Takes an entry away.</summary>
    /// <param name="access">The tracker's own token, if the user has it.</param>
    public void Remove(in InfoHash hash, string name, string? access, CancellationToken cancellation)
    {
        string? ours = tokens.Find(hash);
        string token = ours ?? access
            ?? throw new CommandException(ExitCode.Refused, $"'{name}' was not published by this user on this machine; the tracker's own token takes anything away (--token)");
        try
        {
            client.Remove(hash, token, cancellation);
        }
        catch (CommandException e) when (e.Code == ExitCode.Refused && ours is not null && access is not null)
        {
            client.Remove(hash, access, cancellation); // it was lost, and another owner has published it since
        }
        tokens.Forget(hash);
    }
}
