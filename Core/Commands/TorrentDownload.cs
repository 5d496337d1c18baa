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

    /// <exception cref="FormatException">It is larger than a .torrent may be.</exception>
    /// <exception cref="CommandException">The server cannot be reached or does not give it.</exception>
    public static byte[] Fetch(string url, CancellationToken cancellation)
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
        catch (Exception e) when (e is HttpRequestException or IOException or UriFormatException)
        {
            throw Failed(url, SystemMessage.Phrase(e.GetBaseException().Message));
        }
    }

    static async Task<byte[]> FetchAsync(string url, CancellationToken cancellation)
    {
        // No content encoding is asked for: hashes do not compress, and the handler's decoders are a megabyte of program.
        using var handler = new SocketsHttpHandler
        {
            MaxAutomaticRedirections = MaxRedirects,
            UseCookies = false,
            ConnectCallback = WebConnection.OpenAsync,
        };
        using var client = new HttpClient(handler);
        client.DefaultRequestHeaders.UserAgent.ParseAdd("tinytorrent/" + VersionCommand.Version);
        using HttpResponseMessage response = await client.GetAsync(new Uri(url), HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode) throw Failed(url, $"the server answers {(int)response.StatusCode} {response.ReasonPhrase}");

        using var body = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        for (int read; (read = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
        {
            body.Write(buffer, 0, read);
            if (body.Length > MetainfoFile.MaxBytes) throw new FormatException("larger than 10,000,000 bytes: not a .torrent");
        }
        return body.ToArray();
    }

    // A link to a .torrent of a private tracker carries the passkey.
    static CommandException Failed(string url, string why) =>
        new(ExitCode.NoPeer, $"{TrackerUrl.DisplayOf(url)}: {why}");
}
