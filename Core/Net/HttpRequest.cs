// HTTP/1.x requests without a body (RFC 9112), read strictly: what two programs could read differently is an error, so
// nothing can be smuggled past a proxy in front. Pure; bytes in, a view or a status out.
using System.Buffers;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>A request, as a view into the connection's buffer.</summary>
readonly ref struct HttpRequest
{
    /// <summary>Bytes of a request, its line and headers together.</summary>
    public const int MaxSize = 8 * 1024;

    static readonly SearchValues<byte> TargetBytes = SearchValues.Create(
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    /// <summary>The client's address. Not from the request: the server fills it in.</summary>
    public PeerAddress From { get; init; }

    /// <summary>HEAD: the answer has the headers of a GET and no body.</summary>
    public bool IsHead { get; init; }

    /// <summary>What stands before the question mark, as it came.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>What stands behind the question mark, as it came. May be empty.</summary>
    public ReadOnlySpan<byte> Query { get; init; }

    /// <summary>False if the connection ends with the answer.</summary>
    public bool KeepAlive { get; init; }

    /// <summary>Reads the first request of a buffer.</summary>
    /// <param name="consumed">Bytes of it.</param>
    /// <returns>200; 0 if it is not complete yet; otherwise the status to answer with before closing.</returns>
    public static int TryRead(ReadOnlySpan<byte> buffer, in PeerAddress from, out HttpRequest request, out int consumed)
    {
        request = default;
        consumed = 0;
        // An empty line in front of a request is allowed for old clients' sake.
        while (buffer[consumed..].StartsWith("\r\n"u8)) consumed += 2;
        ReadOnlySpan<byte> rest = buffer[consumed..];
        int length = rest.IndexOf("\r\n\r\n"u8);
        if (length < 0) return rest.Length < MaxSize ? 0 : rest.Contains((byte)'\n') ? 431 : 414;
        if (length + 4 > MaxSize) return 431;
        consumed += length + 4;

        int lineEnd = rest.IndexOf("\r\n"u8);
        ReadOnlySpan<byte> line = rest[..lineEnd], headers = rest[lineEnd..(length + 2)];
        int status = ReadLine(line, out bool head, out ReadOnlySpan<byte> target, out bool persistent);
        if (status != 200) return status;
        status = ReadHeaders(headers, ref persistent);
        if (status != 200) return status;

        int question = target.IndexOf((byte)'?');
        request = new HttpRequest
        {
            From = from, IsHead = head, KeepAlive = persistent,
            Path = question < 0 ? target : target[..question], Query = question < 0 ? default : target[(question + 1)..],
        };
        return 200;
    }

    /// <summary>METHOD SP target SP HTTP/1.x</summary>
    static int ReadLine(ReadOnlySpan<byte> line, out bool head, out ReadOnlySpan<byte> target, out bool persistent)
    {
        target = default;
        head = persistent = false;
        int first = line.IndexOf((byte)' '), last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last <= first + 1) return 400;
        ReadOnlySpan<byte> method = line[..first], version = line[(last + 1)..];
        target = line[(first + 1)..last];
        if (!version.StartsWith("HTTP/"u8)) return 400;
        if (!version.StartsWith("HTTP/1."u8) || version.Length != 8) return 505;
        persistent = version[7] != '0';
        head = method.SequenceEqual("HEAD"u8);
        if (target.ContainsAnyExcept(TargetBytes)) return 400;
        if (!head && !method.SequenceEqual("GET"u8)) return 405;
        return target[0] == '/' ? 200 : 400;
    }

    static int ReadHeaders(ReadOnlySpan<byte> headers, ref bool persistent)
    {
        // Each turn stands on the CRLF in front of a line.
        for (headers = headers[2..]; headers.Length > 0;)
        {
            int end = headers.IndexOf("\r\n"u8);
            ReadOnlySpan<byte> line = headers[..end];
            headers = headers[(end + 2)..];
            int colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[0] is (byte)' ' or (byte)'\t' || line[colon - 1] is (byte)' ' or (byte)'\t') return 400;
            if (line.ContainsAny((byte)'\0', (byte)'\r', (byte)'\n')) return 400;
            ReadOnlySpan<byte> name = line[..colon], value = line[(colon + 1)..].Trim(" \t"u8);
            if (Is(name, "connection"u8) && Is(value, "close"u8)) persistent = false;
            else if (Is(name, "transfer-encoding"u8)) return 400;
            else if (Is(name, "content-length"u8) && !value.SequenceEqual("0"u8)) return 413;
        }
        return 200;
    }

    static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerCase) => System.Text.Ascii.EqualsIgnoreCase(text, lowerCase);
}
