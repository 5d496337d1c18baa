// The bytes of an HTTP answer, never more than were agreed on before or after inflating: a kilobyte of gzip can hold a megabyte.
using System.Globalization;
using System.IO.Compression;

namespace TinyTorrent.Net;

static class HttpBody
{
    /// <summary>Bytes of a tracker's answer. One with 200 peers has about 4 KB.</summary>
    public const int MaxSize = 1024 * 1024;

    /// <exception cref="InvalidDataException">It is too large.</exception>
    public static Task<byte[]> ReadAsync(Stream stream, CancellationToken cancel) => ReadAsync(stream, MaxSize, onReceived: null, cancel);

    /// <summary>The same, as long as the server keeps its pace.</summary>
    public static Task<byte[]> ReadAsync(Stream stream, int maxSize, HttpPatience patience) => ReadAsync(stream, maxSize, patience.OnReceived, patience.End);

    static async Task<byte[]> ReadAsync(Stream stream, int maxSize, Action<long>? onReceived, CancellationToken cancel)
    {
        var body = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        for (int read; (read = await stream.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0;)
        {
            Append(body, buffer.AsSpan(0, read), maxSize);
            onReceived?.Invoke(body.Length);
        }
        return body.ToArray();
    }

    /// <param name="encoding">The Content-Encoding header, empty for none.</param>
    /// <exception cref="InvalidDataException">It is broken, of another encoding, or too large.</exception>
    public static byte[] Inflate(byte[] body, string encoding, int maxSize = MaxSize)
    {
        if (encoding is "" or "identity") return body;
        using Stream inflater = Open(body, encoding);
        var plain = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        for (int read; (read = Read(inflater, buffer)) > 0;) Append(plain, buffer.AsSpan(0, read), maxSize);
        return plain.ToArray();
    }

    static int Read(Stream inflater, byte[] buffer)
    {
        try
        {
            return inflater.Read(buffer);
        }
        catch (Exception e) when (e is InvalidDataException or IOException) // IOException, from memory: zlib wants a dictionary that nobody has
        {
            throw new InvalidDataException("a compressed answer that is damaged", e);
        }
    }

    static Stream Open(byte[] body, string encoding)
    {
        var source = new MemoryStream(body);
        return encoding.ToLowerInvariant() switch
        {
            "gzip" or "x-gzip" => new GZipStream(source, CompressionMode.Decompress),
            // RFC 9110 means the zlib format; some servers send what is inside of it.
            "deflate" when HasZlibHeader(body) => new ZLibStream(source, CompressionMode.Decompress),
            "deflate" => new DeflateStream(source, CompressionMode.Decompress),
            _ => throw new InvalidDataException("an answer in an encoding that was not asked for"),
        };
    }

    static bool HasZlibHeader(byte[] body) => body.Length >= 2 && (body[0] & 0x0F) == 8 && ((body[0] << 8) | body[1]) % 31 == 0;

    static void Append(MemoryStream body, ReadOnlySpan<byte> bytes, int maxSize)
    {
        if (body.Length + bytes.Length > maxSize) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"an answer of more than {maxSize:N0} bytes"));
        body.Write(bytes);
    }
}
