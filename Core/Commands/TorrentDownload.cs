// Fetches a .torrent from an http or https URL, no more of it than a .torrent may have and not for ever.
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TorrentDownload
{
    const int MaxRedirects = 5;
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    /// <exception cref="FormatException">It is larger than a .torrent may be, or no file that can be read.</exception>
    /// <exception cref="CommandException">The server cannot be reached or does not give it.</exception>
    /// <returns>The .torrent, or the magnet link that the server redirects to.</returns>
    public static (byte[] Torrent, string? Magnet) Fetch(string url, CancellationToken cancellation)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        time.CancelAfter(Timeout);
        try
        {
            return FetchAsync(url, time.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Failed(url, $"no complete answer within {Timeout.TotalSeconds:0} s");
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"{SystemMessage.Phrase(e.Message)}: not a .torrent", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UriFormatException)
        {
            throw Failed(url, SystemMessage.Phrase(e.GetBaseException().Message));
        }
    }

    static async Task<(byte[] Torrent, string? Magnet)> FetchAsync(string url, CancellationToken cancellation)
    {
        // No content encoding is asked for: hashes do not compress. Some servers send one all the same.
        // Redirects are followed here: the handler takes a magnet link for a broken URL.
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectCallback = WebConnection.OpenAsync };
        using var client = new HttpClient(handler);
        client.DefaultRequestHeaders.UserAgent.ParseAdd("tinytorrent/" + VersionCommand.Version);
        var at = new Uri(url);
        for (int redirects = 0; ; redirects++)
        {
            using HttpResponseMessage response = await client.GetAsync(at, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            if (LocationOf(response) is { } location)
            {
                if (Magnet.IsMagnet(location)) return ([], location);
                if (redirects == MaxRedirects) throw Failed(url, $"more than {MaxRedirects} redirects");
                at = Follow(url, at, location);
                continue;
            }
            if (!response.IsSuccessStatusCode) throw Failed(url, $"the server answers {(int)response.StatusCode} {response.ReasonPhrase}");
            using Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            byte[] body = await HttpBody.ReadAsync(stream, cancellation, MetainfoFile.MaxBytes).ConfigureAwait(false);
            return (HttpBody.Inflate(body, string.Join(',', response.Content.Headers.ContentEncoding), MetainfoFile.MaxBytes), null);
        }
    }

    /// <summary>Where a redirect leads, as the server wrote it; null if it is none.</summary>
    static string? LocationOf(HttpResponseMessage response) =>
        (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.TryGetValues("Location", out IEnumerable<string>? values) ? values.First() : null;

    static Uri Follow(string url, Uri from, string location)
    {
        var to = new Uri(from, location);
        bool isWeb = to.Scheme == Uri.UriSchemeHttps || (to.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp);
        return isWeb ? to : throw Failed(url, $"redirects to {TrackerUrl.DisplayOf(to.ToString())}, which is not followed");
    }

    // A link to a .torrent of a private tracker carries the passkey.
    static CommandException Failed(string url, string why) =>
        new(ExitCode.NoPeer, $"{TrackerUrl.DisplayOf(url)}: {why}");
}
