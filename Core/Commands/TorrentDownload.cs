// Fetches a .torrent from an http or https URL, no more of it than a .torrent may have and not for ever.
using TinyTorrent.Metainfo;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class TorrentDownload
{
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
            throw Failed(url, SystemMessage.Phrase(e.GetBaseException().Message), mayPass: true);
        }
    }

    static async Task<(byte[] Torrent, string? Magnet)> FetchAsync(string url, CancellationToken cancellation)
    {
        // No content encoding is asked for: hashes do not compress. Some servers send one all the same.
        // Redirects are followed here: the handler takes a magnet link for a broken URL, and knows no AddressRules.
        var rules = new AddressRules(typed: true);
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectCallback = (context, cancel) => WebConnection.OpenAsync(context, address => rules.Allows(address, context.InitialRequestMessage.RequestUri!), cancel),
        };
        using var client = new HttpClient(handler);
        client.DefaultRequestHeaders.UserAgent.ParseAdd("tinytorrent/" + VersionCommand.Version);
        var at = new Uri(url);
        while (true)
        {
            using HttpResponseMessage response = await GetAsync(client, url, at, rules, cancellation).ConfigureAwait(false);
            if (LocationOf(response) is { } location)
            {
                if (Magnet.IsMagnet(location)) return ([], location);
                var next = new Uri(at, location);
                if (!rules.AllowsRedirect(at, next)) throw Failed(url, $"{rules.Objection}, {TrackerUrl.DisplayOf(next.ToString())}, which is not followed");
                at = next;
                continue;
            }
            if (!response.IsSuccessStatusCode)
                throw Failed(url, $"the server answers {(int)response.StatusCode} {response.ReasonPhrase}", mayPass: (int)response.StatusCode is 429 or >= 500);
            using Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            byte[] body = await HttpBody.ReadAsync(stream, cancellation, MetainfoFile.MaxBytes).ConfigureAwait(false);
            return (HttpBody.Inflate(body, string.Join(',', response.Content.Headers.ContentEncoding), MetainfoFile.MaxBytes), null);
        }
    }

    static async Task<HttpResponseMessage> GetAsync(HttpClient client, string url, Uri at, AddressRules rules, CancellationToken cancellation)
    {
        try
        {
            return await client.GetAsync(at, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException) when (rules.Objection.Length > 0)
        {
            throw Failed(url, $"{rules.Objection}, which is not followed");
        }
    }

    /// <summary>Where a redirect leads, as the server wrote it; null if it is none.</summary>
    static string? LocationOf(HttpResponseMessage response) =>
        (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.TryGetValues("Location", out IEnumerable<string>? values) ? values.First() : null;

    // A link to a .torrent of a private tracker carries the passkey.
    static CommandException Failed(string url, string why, bool mayPass = false) =>
        new(ExitCode.NoPeer, $"{TrackerUrl.DisplayOf(url)}: {why}") { MayPass = mayPass };
}
