// The answers of a connection, collected until they are sent. Headers are written before the length of the body is known:
// the length gets a field of spaces, which HTTP allows in front of a value, and is filled in when the body is complete.
using System.Buffers;
using System.Buffers.Text;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>What a handler answers: it may set <see cref="Status"/>, <see cref="ContentType"/> and <see cref="Headers"/>, then writes the body.</summary>
sealed class HttpResponse(HttpMemory memory) : IBufferWriter<byte>
{
    /// <summary>A buffer larger than this is not kept for the next answer.</summary>
    const int KeptSize = 4 * 1024;

    const int LengthDigits = 10, LongestNumber = 19;
    const string PlainText = "text/plain";

    /// <summary>A header for an answer of 503: what is short, memory or workers, is free again in seconds.</summary>
    public const string RetryLater = "\r\nRetry-After: 3";

    byte[] _bytes = [];
    int _length, _lengthField, _body;
    PeerAddress _from, _reservedFor;
    long _reserved;
    bool _mayDefer, _defers;

    /// <summary>200 unless the handler says otherwise.</summary>
    public int Status { get; set; }

    /// <summary>A MIME type in ASCII.</summary>
    public string ContentType { get; set; } = PlainText;

    /// <summary>More header lines in ASCII, each with CRLF in front and none behind. Usually empty.</summary>
    public string Headers { get; set; } = "";

    /// <summary>Set by a handler that was asked whether it wants the body of a request: it does, and writes nothing yet.</summary>
    public bool WantsBody { get; set; }

    /// <summary>
    /// For a handler whose answer takes long. True: it returns at once, having written nothing, and is called again with the same
    /// request on one of the server's workers. False: it is there already, or the server has none, and it goes on.
    /// </summary>
    public bool Defer() => _defers = _mayDefer;

    /// <summary>What a handler answers instead of writing a body. It is sent behind <see cref="Output"/>, which ends with its head.</summary>
    public StreamedBody? Streamed { get; set; }

    /// <summary>What a handler answers instead of writing a body, from where it is already. It is sent behind <see cref="Output"/>.</summary>
    public StoredBody? Stored { get; set; }

    /// <summary>Answers that wait to be sent.</summary>
    public ReadOnlyMemory<byte> Output => _bytes.AsMemory(0, _length);

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        int needed = _length + Math.Max(sizeHint, 1);
        if (needed > _bytes.Length) Array.Resize(ref _bytes, Math.Max(needed, Math.Max(1024, _bytes.Length * 2)));
        return _bytes.AsSpan(_length);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        GetSpan(sizeHint);
        return _bytes.AsMemory(_length);
    }

    public void Advance(int count) => _length += count;

    /// <summary>For an answer that may be large: true if there is memory for so many bytes, which is the answer's until it has been sent.</summary>
    public bool TryReserve(long bytes)
    {
        if (_reserved == 0) _reservedFor = _from;
        if (!memory.TryTake(_reservedFor, bytes)) return false;
        _reserved += bytes;
        return true;
    }

    /// <summary>The output has been sent; a stored body follows.</summary>
    public void ClearOutput() => _length = 0;

    /// <summary>Forgets what has been sent.</summary>
    public void Clear()
    {
        if (_reserved > 0) memory.Give(_reservedFor, _reserved);
        (_length, _reserved) = (0, 0);
        Streamed = null;
        Stored?.Dispose();
        Stored = null;
        if (_bytes.Length > KeptSize) _bytes = [];
    }

    /// <summary>Adds the answer of a handler to the output, if there is one yet.</summary>
    public HttpOutcome Answer(HttpHandler handler, in HttpRequest request, bool mayDefer)
    {
        int start = _length;
        Status = 200;
        (_mayDefer, _defers) = (mayDefer, false);
        _from = request.From;
        (ContentType, Headers, WantsBody) = (PlainText, "", false);
        // A body nobody wanted would be read as the next request.
        bool keepAlive = request.KeepAlive && request.IsWhole;
        WriteHead(200, ContentType, "", keepAlive);
        try
        {
            handler(request, this);
        }
        catch
        {
            _length = start;
            Stored?.Dispose();
            (Streamed, Stored) = (null, null);
            throw;
        }
        if (_defers)
        {
            _length = start;
            return HttpOutcome.Deferred;
        }
        if (WantsBody)
        {
            _length = start;
            if (request.Headers.ExpectsContinue) this.Write("HTTP/1.1 100 Continue\r\n\r\n"u8);
            return HttpOutcome.WantsBody;
        }
        if (Streamed is not null || Stored is not null)
        {
            _length = start;
            WriteHead(Status, ContentType, Headers, keepAlive);
            if (request.Method != HttpVerb.Head && Stored is not { Length: 0 }) return HttpOutcome.Answered;
            Stored?.Dispose();
            (Streamed, Stored) = (null, null);
            return HttpOutcome.Answered;
        }
        if (Status != 200 || ContentType != PlainText || Headers.Length > 0) Rewrite(start, keepAlive);
        Finish(request.Method == HttpVerb.Head);
        return HttpOutcome.Answered;
    }

    /// <summary>Adds the answer to a request that could not be read, or not be served; the connection ends with it.</summary>
    public void Fail(int status)
    {
        WriteHead(status, PlainText, status == 503 ? RetryLater : "", keepAlive: false);
        this.Write(Reason(status));
        this.Write("\n"u8);
        Finish(withoutBody: false);
    }

    /// <summary>The rare answer whose head is not the usual one: its body is set aside while the head is written again.</summary>
    void Rewrite(int start, bool keepAlive)
    {
        byte[] body = _bytes.AsSpan(_body, _length - _body).ToArray();
        _length = start;
        WriteHead(Status, ContentType, Headers, keepAlive);
        this.Write(body);
    }

    void WriteHead(int status, string contentType, string headers, bool keepAlive)
    {
        if (status == 200 && contentType == PlainText && headers.Length == 0)
        {
            this.Write(HttpDate.UsualHead); // an announce's, in one piece
        }
        else
        {
            this.Write("HTTP/1.1 "u8);
            Number(status);
            this.Write(" "u8);
            this.Write(Reason(status));
            this.Write("\r\nContent-Type: "u8);
            Ascii(contentType);
            this.Write(HttpDate.Line);
            Ascii(headers);
        }
        if (status == 405) this.Write("\r\nAllow: GET, HEAD, POST, DELETE"u8);
        if (!keepAlive) this.Write("\r\nConnection: close"u8);
        this.Write("\r\nContent-Length: "u8);
        if ((Streamed?.Length ?? Stored?.Length) is { } known)
        {
            Number(known);
        }
        else
        {
            _lengthField = _length;
            GetSpan(LengthDigits)[..LengthDigits].Fill((byte)' ');
            Advance(LengthDigits);
        }
        this.Write("\r\n\r\n"u8);
        _body = _length;
    }

    void Finish(bool withoutBody)
    {
        Span<byte> digits = stackalloc byte[LengthDigits];
        Utf8Formatter.TryFormat(_length - _body, digits, out int count);
        digits[..count].CopyTo(_bytes.AsSpan(_lengthField + LengthDigits - count));
        if (withoutBody) _length = _body;
    }

    void Ascii(string text)
    {
        System.Text.Ascii.FromUtf16(text, GetSpan(text.Length), out int written);
        Advance(written);
    }

    void Number(long value)
    {
        Utf8Formatter.TryFormat(value, GetSpan(LongestNumber), out int written);
        Advance(written);
    }

    static ReadOnlySpan<byte> Reason(int status) => status switch
    {
        200 => "OK"u8,
        201 => "Created"u8,
        202 => "Accepted"u8,
        206 => "Partial Content"u8,
        400 => "Bad Request"u8,
        401 => "Unauthorized"u8,
        403 => "Forbidden"u8,
        404 => "Not Found"u8,
        405 => "Method Not Allowed"u8,
        409 => "Conflict"u8,
        411 => "Length Required"u8,
        413 => "Content Too Large"u8,
        414 => "URI Too Long"u8,
        416 => "Range Not Satisfiable"u8,
        417 => "Expectation Failed"u8,
        429 => "Too Many Requests"u8,
        431 => "Request Header Fields Too Large"u8,
        500 => "Internal Server Error"u8,
        501 => "Not Implemented"u8,
        502 => "Bad Gateway"u8,
        503 => "Service Unavailable"u8,
        505 => "HTTP Version Not Supported"u8,
        507 => "Insufficient Storage"u8,
        _ => "Error"u8,
    };
}

enum HttpOutcome
{
    Answered,

    /// <summary>The handler wants the request's body first.</summary>
    WantsBody,

    /// <summary>The handler wants to be called on a worker.</summary>
    Deferred,

    /// <summary>The handler has thrown.</summary>
    Failed,
}

/// <summary>A body that is made while it is sent, at the speed of who takes it. For handlers of an <see cref="HttpServer"/> alone.</summary>
/// <param name="Length">Bytes that will be written.</param>
/// <param name="CopyAsync">Writes them, until its client is gone; an exception ends the connection.</param>
sealed record StreamedBody(long Length, Func<Stream, CancellationToken, Task> CopyAsync);

/// <summary>
/// Answers one request: a route or several. Any thread may call it. A request with a body comes first without it: the handler
/// answers at once, and the connection ends, or it sets <see cref="HttpResponse.WantsBody"/> and is called again. It must not keep
/// its caller waiting, which serves other connections too: what takes long is for <see cref="HttpResponse.Defer"/>.
/// </summary>
delegate void HttpHandler(in HttpRequest request, HttpResponse response);
