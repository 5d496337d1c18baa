// The header fields of a request that mean something here (RFC 9112), as views into the connection's buffer. Read strictly:
// a field that two programs could read differently is an error. Pure; bytes in, a status out.
using System.Buffers;
using System.Text;

namespace TinyTorrent.Net;

ref struct HttpHeaders
{
    /// <summary>Digits of the longest Content-Length worth reading: what has more is too large for everything.</summary>
    const int MaxLengthDigits = 9;

    static readonly SearchValues<byte> s_token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    static readonly SearchValues<byte> s_host = SearchValues.Create("!$%&'()*+,-.:;=[]_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>False if the connection ends with the answer.</summary>
    public bool KeepAlive;

    /// <summary>Bytes of the body, or -1 if none was announced; <see cref="int.MaxValue"/> for more than anybody takes.</summary>
    public int ContentLength;

    /// <summary>The client waits for a word before it sends the body.</summary>
    public bool ExpectsContinue;

    /// <summary>A proxy has passed the request on. Where it comes from is for <see cref="TinyTorrent.Tracker.TrustedProxies"/> to say.</summary>
    public bool IsForwarded;

    /// <summary>A Host header came, be it an empty one.</summary>
    public bool HasHost;

    /// <summary>The body would be in chunks or compressed, which nothing here reads.</summary>
    public bool IsCoded;

    public ReadOnlySpan<byte> Host, Origin, Authorization, Range, IfRange, FetchSite;

    /// <summary>What a method or a header's name may be.</summary>
    public static bool IsToken(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExcept(s_token);

    /// <summary>What may stand in a Host header.</summary>
    public static bool IsHost(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(s_host);

    /// <param name="lines">From the CRLF in front of the first line to the one behind the last.</param>
    /// <param name="keepAlive">What the version of the request means if no header says otherwise.</param>
    /// <returns>200, or the status to answer with before closing.</returns>
    public static int TryRead(ReadOnlySpan<byte> lines, bool keepAlive, out HttpHeaders headers)
    {
        headers = new HttpHeaders { KeepAlive = keepAlive, ContentLength = -1 };
        // Each turn stands behind the CRLF in front of a line.
        for (lines = lines[2..]; lines.Length > 0;)
        {
            int end = lines.IndexOf("\r\n"u8);
            ReadOnlySpan<byte> line = lines[..end];
            lines = lines[(end + 2)..];
            int colon = line.IndexOf((byte)':');
            if (colon < 0 || !IsToken(line[..colon])) return 400; // a folded line, or a space in front of the colon
            if (line.ContainsAny((byte)'\0', (byte)'\r', (byte)'\n')) return 400;
            int status = headers.Take(line[..colon], line[(colon + 1)..].Trim(" \t"u8));
            if (status != 200) return status;
        }
        return 200;
    }

    int Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name.Length)
        {
            case 4 when Is(name, "host"u8):
                if (HasHost || !IsHost(value)) return 400;
                HasHost = true;
                Host = value;
                return 200;
            case 5 when Is(name, "range"u8): return TakeOnce(ref Range, value);
            case 8 when Is(name, "if-range"u8): return TakeOnce(ref IfRange, value);
            case 6 when Is(name, "origin"u8): return TakeOnce(ref Origin, value);
            case 6 when Is(name, "expect"u8):
                ExpectsContinue = Is(value, "100-continue"u8);
                return ExpectsContinue ? 200 : 417;
            case 10 when Is(name, "connection"u8):
                if (Lists(value, "close"u8)) KeepAlive = false;
                return 200;
            case 9 when Is(name, "forwarded"u8):
            case 15 when Is(name, "x-forwarded-for"u8):
                IsForwarded = true;
                return 200;
            case 13 when Is(name, "authorization"u8): return TakeOnce(ref Authorization, value);
            case 14 when Is(name, "content-length"u8): return TakeLength(value);
            case 14 when Is(name, "sec-fetch-site"u8): return TakeOnce(ref FetchSite, value);
            case 17 when Is(name, "transfer-encoding"u8):
                IsCoded = true;
                return 200;
            default: return 200;
        }
    }

    static int TakeOnce(ref ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (!field.IsEmpty) return 400;
        field = value;
        return 200;
    }

    int TakeLength(ReadOnlySpan<byte> digits)
    {
        if (ContentLength >= 0 || digits.IsEmpty || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return 400;
        ContentLength = digits.Length > MaxLengthDigits ? int.MaxValue : 0;
        if (ContentLength > 0) return 200;
        foreach (byte digit in digits) ContentLength = ContentLength * 10 + (digit - '0');
        return 200;
    }

    /// <summary>True if a comma-separated list has the word.</summary>
    static bool Lists(ReadOnlySpan<byte> list, ReadOnlySpan<byte> lowerCase)
    {
        foreach (System.Range part in list.Split((byte)','))
            if (Is(list[part].Trim(" \t"u8), lowerCase)) return true;
        return false;
    }

    static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerCase) => Ascii.EqualsIgnoreCase(text, lowerCase);
}
