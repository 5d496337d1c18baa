// HTTP/1.x requests (RFC 9112), read strictly: what two programs could read differently is an error, so nothing can be
// smuggled past a proxy in front. Only a POST has a body, of a length known beforehand. Pure; bytes in, a view or a status out.
using System.Buffers;
using System.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

enum HttpVerb : byte
{
    Get,

    /// <summary>The answer has the headers of a GET and no body.</summary>
    Head,

    Post,
    Delete,
}

/// <summary>A request, as a view into the connection's buffer.</summary>
readonly ref struct HttpRequest
{
    /// <summary>Bytes of a request's line and headers together.</summary>
    public const int MaxSize = 8 * 1024;

    static readonly SearchValues<byte> TargetBytes = SearchValues.Create(
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    /// <summary>The client's address: the other end of the connection, or what a trusted proxy says.</summary>
    public PeerAddress From { get; init; }

    public HttpVerb Method { get; init; }

    /// <summary>What stands before the question mark, as it came.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>What stands behind the question mark, as it came. May be empty.</summary>
    public ReadOnlySpan<byte> Query { get; init; }

    public HttpHeaders Headers { get; init; }

    /// <summary>Bytes of the body; 0 for none.</summary>
    public int BodyLength => Math.Max(0, Headers.ContentLength);

    /// <summary>The body, or nothing while the handler has not asked for it.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    /// <summary>False if the handler has been called with this request before: it wanted the body, or a worker.</summary>
    public bool IsNew { get; init; }

    /// <summary>False while the handler is asked whether it wants the body.</summary>
    public bool IsWhole => Body.Length == BodyLength;

    /// <summary>False if the connection ends with the answer.</summary>
    public bool KeepAlive => Headers.KeepAlive;

    /// <summary>Reads the first request of a buffer; its body, if it has one, begins where it ends.</summary>
    /// <param name="consumed">Bytes of its line and headers.</param>
    /// <param name="proxies">Proxies that are believed about where it comes from; <paramref name="from"/> is the proxy then.</param>
    /// <returns>200; 0 if it is not complete yet; otherwise the status to answer with before closing.</returns>
    public static int TryRead(ReadOnlySpan<byte> buffer, in PeerAddress from, out HttpRequest request, out int consumed, TrustedProxies? proxies = null)
    {
        request = default;
        consumed = 0;
        // An empty line in front of a request is allowed for old clients' sake.
        while (buffer[consumed..].StartsWith("\r\n"u8)) consumed += 2;
        ReadOnlySpan<byte> rest = buffer[consumed..];
        int length = rest.IndexOf("\r\n\r\n"u8);
        if (length < 0 && rest.IndexOf((byte)'\n') is var feed and >= 0 && (feed == 0 || rest[feed - 1] != '\r')) return 400; // CRLF never comes
        if (length < 0) return rest.Length < MaxSize ? 0 : rest.Contains((byte)'\n') ? 431 : 414;
        if (length + 4 > MaxSize) return 431;
        consumed += length + 4;

        int lineEnd = rest.IndexOf("\r\n"u8);
        int status = ReadLine(rest[..lineEnd], out HttpVerb method, out ReadOnlySpan<byte> target, out int minor);
        if (status != 200) return status;
        status = HttpHeaders.TryRead(rest[lineEnd..(length + 2)], keepAlive: minor > 0, out HttpHeaders headers);
        if (status != 200) return status;
        if (minor > 0 && !headers.HasHost) return 400;
        if (target[0] != '/' && !TrySplitAbsolute(ref target, ref headers.Host)) return 400;
        if (headers.IsCoded) return headers.ContentLength >= 0 || minor == 0 ? 400 : 411;
        if (method == HttpVerb.Post && headers.ContentLength < 0) return 411;
        if (method != HttpVerb.Post && headers.ContentLength > 0) return 413;

        int question = target.IndexOf((byte)'?');
        request = new HttpRequest
        {
            From = proxies is null ? from : proxies.ClientOf(from, rest[lineEnd..length]), Method = method, Headers = headers, IsNew = true,
            Path = question < 0 ? target : target[..question], Query = question < 0 ? default : target[(question + 1)..],
        };
        return 200;
    }

    /// <summary>The same request with its body, which follows it in the buffer.</summary>
    public HttpRequest With(ReadOnlySpan<byte> body) => this with { Body = body, IsNew = false };

    /// <summary>The same request for the handler that has deferred it.</summary>
    public HttpRequest Again() => this with { IsNew = false };

    /// <summary>METHOD SP target SP HTTP/1.x</summary>
    static int ReadLine(ReadOnlySpan<byte> line, out HttpVerb method, out ReadOnlySpan<byte> target, out int minor)
    {
        target = default;
        minor = 0;
        method = default;
        int first = line.IndexOf((byte)' '), last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last <= first + 1) return 400;
        ReadOnlySpan<byte> version = line[(last + 1)..];
        target = line[(first + 1)..last];
        if (!version.StartsWith("HTTP/"u8)) return 400;
        if (!version.StartsWith("HTTP/1."u8) || version.Length != 8 || version[7] is < (byte)'0' or > (byte)'9') return 505;
        minor = version[7] - '0';
        if (target.ContainsAnyExcept(TargetBytes) || !HttpHeaders.IsToken(line[..first])) return 400;
        return ReadMethod(line[..first], out method);
    }

    /// <summary>405 for the methods that HTTP has and nothing here, 501 for others.</summary>
    static int ReadMethod(ReadOnlySpan<byte> name, out HttpVerb method)
    {
        method = name switch
        {
            _ when name.SequenceEqual("HEAD"u8) => HttpVerb.Head,
            _ when name.SequenceEqual("POST"u8) => HttpVerb.Post,
            _ when name.SequenceEqual("DELETE"u8) => HttpVerb.Delete,
            _ => HttpVerb.Get,
        };
        if (method != HttpVerb.Get || name.SequenceEqual("GET"u8)) return 200;
        bool known = name.SequenceEqual("PUT"u8) || name.SequenceEqual("OPTIONS"u8) || name.SequenceEqual("PATCH"u8)
            || name.SequenceEqual("TRACE"u8) || name.SequenceEqual("CONNECT"u8);
        return known ? 405 : 501;
    }

    /// <summary>A target may be a whole URL, as for a proxy; its host counts then, whatever the Host header says (RFC 9112, 3.2.2).</summary>
    static bool TrySplitAbsolute(ref ReadOnlySpan<byte> target, ref ReadOnlySpan<byte> host)
    {
        int scheme = Ascii.EqualsIgnoreCase(target[..Math.Min(7, target.Length)], "http://"u8) ? 7
            : Ascii.EqualsIgnoreCase(target[..Math.Min(8, target.Length)], "https://"u8) ? 8 : 0;
        if (scheme == 0) return false;
        ReadOnlySpan<byte> rest = target[scheme..];
        int end = rest.IndexOfAny((byte)'/', (byte)'?', (byte)'#');
        host = end < 0 ? rest : rest[..end];
        target = end < 0 ? "/"u8 : rest[end..];
        // "http://host?query" has an empty path, which is "/"; nothing asks for that with a query.
        return HttpHeaders.IsHost(host) && !host.IsEmpty && target[0] == '/';
    }
}
