// Fetches a .torrent from an http or https URL, no more of it than a .torrent may have, and as long as it comes.
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TorrentDownload
{
    static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(30);

    /// <exception cref="FormatException">It is larger than a .torrent may be, or no file that can be read.</exception>
    /// <exception cref="CommandException">The server cannot be reached or does not give it.</exception>
    /// <returns>The .torrent, or the magnet link that the server redirects to.</returns>
    public static (byte[] Torrent, string? Magnet) Fetch(string url, CancellationToken cancellation)
    {
        using var patience = new HttpPatience(cancellation);
        try
        {
            return FetchAsync(url, patience).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Failed(url, $"nothing came for {HttpPatience.Silence.TotalSeconds:0} s, or too little", mayPass: true);
        }
        catch (AddressRefusedException e)
        {
            throw Failed(url, $"{e.Message}{(e.To is { } to ? ", " + TrackerUrl.DisplayOf(to.ToString()) : "")}, which is not followed");
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"{e.Message}: not a .torrent", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UriFormatException)
        {
            throw Failed(url, HttpFault.Reason(e), mayPass: true);
        }
    }

    static async Task<(byte[] Torrent, string? Magnet)> FetchAsync(string url, HttpPatience patience)
    {
        using var client = new RedirectingClient(s_connectTimeout, useProxy: true);
        patience.OnRequest(0);
        using HttpResponseMessage response = await client.SendAsync(new Uri(url), typed: true, (at, _) => Request(at), patience.End).ConfigureAwait(false);
        if (RedirectingClient.LocationOf(response) is { } magnet) return ([], magnet);
        if (!response.IsSuccessStatusCode)
            throw Failed(url, $"the server answers {(int)response.StatusCode} {response.ReasonPhrase}", mayPass: (int)response.StatusCode is 429 or >= 500);
        using Stream stream = await response.Content.ReadAsStreamAsync(patience.End).ConfigureAwait(false);
        byte[] body = await HttpBody.ReadAsync(stream, MetainfoFile.MaxBytes, patience).ConfigureAwait(false);
        return (HttpBody.Inflate(body, string.Join(',', response.Content.Headers.ContentEncoding), MetainfoFile.MaxBytes), null);
    }

    // No content encoding is asked for: hashes do not compress. Some servers send one all the same.
    static HttpRequestMessage Request(Uri at)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, at);
        request.Headers.TryAddWithoutValidation("User-Agent", "tinytorrent/" + VersionCommand.Version);
        return request;
    }

    // A link to a .torrent of a private tracker carries the passkey.
    static CommandException Failed(string url, string why, bool mayPass = false) =>
        new(ExitCode.NoPeer, $"{TrackerUrl.DisplayOf(url)}: {why}") { MayPass = mayPass };
}
