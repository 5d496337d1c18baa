// HTTP requests that may be redirected, within AddressRules. The framework's own following of redirects knows no such rules,
// and takes a magnet link for a broken URL.
// A connection serves one request: a reused one would slip past the rules.
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>The rules have kept a request from going on; the message says why.</summary>
sealed class AddressRefusedException(string message, Uri? to = null) : HttpRequestException(message)
{
    /// <summary>Where a redirect would have led; null if an address was refused.</summary>
    public Uri? To { get; } = to;
}

/// <summary>Any thread may call.</summary>
sealed class RedirectingClient : IDisposable
{
    static readonly HttpRequestOptionsKey<AddressRules> s_rules = new("rules");

    readonly HttpMessageInvoker _http;

    /// <param name="connectTimeout">For each server.</param>
    /// <param name="useProxy">The proxy that the environment names, if it names one.</param>
    public RedirectingClient(TimeSpan connectTimeout, bool useProxy) => _http = new HttpMessageInvoker(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = useProxy,
        ConnectTimeout = connectTimeout,
        ConnectCallback = ConnectAsync,
        PooledConnectionLifetime = TimeSpan.Zero,
        ActivityHeadersPropagator = null, // no trace ids for strangers
    });

    /// <summary>Sends a request and follows its redirects, to a magnet link not.</summary>
    /// <param name="typed">The user has given the URL (<see cref="AddressRules"/>).</param>
    /// <param name="make">Makes the request to a URL; false for one that a redirect has led to, which gets no secrets of the user's.</param>
    /// <exception cref="AddressRefusedException">A redirect, or an address, is against the rules.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached, or does not speak HTTP.</exception>
    /// <exception cref="UriFormatException">A redirect leads nowhere.</exception>
    public async Task<HttpResponseMessage> SendAsync(Uri url, bool typed, Func<Uri, bool, HttpRequestMessage> make, CancellationToken cancellation)
    {
        var rules = new AddressRules(typed);
        for (bool first = true; ; first = false)
        {
            HttpResponseMessage response = await SendOneAsync(make(url, first), rules, cancellation).ConfigureAwait(false);
            if (LocationOf(response) is not { } location || Magnet.IsMagnet(location)) return response;
            response.Dispose();
            var next = new Uri(url, location);
            if (!rules.AllowsRedirect(url, next)) throw new AddressRefusedException(rules.Objection, next);
            url = next;
        }
    }

    async Task<HttpResponseMessage> SendOneAsync(HttpRequestMessage request, AddressRules rules, CancellationToken cancellation)
    {
        using (request)
        {
            request.Options.Set(s_rules, rules);
            try { return await _http.SendAsync(request, cancellation).ConfigureAwait(false); }
            catch (HttpRequestException) when (rules.Objection.Length > 0) { throw new AddressRefusedException(rules.Objection); }
        }
    }

    /// <summary>Where a redirect leads, as the server wrote it: the typed header would rewrite the escapes of a binary hash. Null if it is none.</summary>
    public static string? LocationOf(HttpResponseMessage response) =>
        (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.TryGetValues("Location", out IEnumerable<string>? values) ? values.First() : null;

    static ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        context.InitialRequestMessage.Options.TryGetValue(s_rules, out AddressRules? rules);
        return WebConnection.OpenAsync(context, address => rules!.Allows(address, context.InitialRequestMessage.RequestUri!), cancellation);
    }

    public void Dispose() => _http.Dispose();
}
