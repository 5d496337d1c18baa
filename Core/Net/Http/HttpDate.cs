// The Date header (RFC 9110, 6.6.1), written once a second and copied into every answer. Any thread may call.
using System.Globalization;
using System.Text;

namespace TinyTorrent.Net;

static class HttpDate
{
    const string Usual = "HTTP/1.1 200 OK\r\nContent-Type: text/plain";

    static Stamp s_stamp = Make();

    /// <param name="Until">When it is late, on the clock of <see cref="Environment.TickCount64"/>.</param>
    sealed record Stamp(long Until, byte[] Bytes);

    /// <summary>The status line, type and date of most answers.</summary>
    public static ReadOnlySpan<byte> UsualHead => Current;

    /// <summary>The header, with CRLF in front and none behind.</summary>
    public static ReadOnlySpan<byte> Line => Current[Usual.Length..];

    static ReadOnlySpan<byte> Current
    {
        get
        {
            Stamp stamp = Volatile.Read(ref s_stamp);
            if (Environment.TickCount64 >= stamp.Until) Volatile.Write(ref s_stamp, stamp = Make());
            return stamp.Bytes;
        }
    }

    static Stamp Make()
    {
        DateTime now = DateTime.UtcNow;
        return new Stamp(Environment.TickCount64 + 1000 - now.Millisecond, Encoding.ASCII.GetBytes(Usual + $"\r\nDate: {now.ToString("R", CultureInfo.InvariantCulture)}"));
    }
}
