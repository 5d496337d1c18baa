// One component of a path out of a .torrent, made fit to be a file name. Whoever wrote the torrent chose it.
// Refused, because no honest torrent has it: an empty name, "." and "..", a slash, a backslash, a NUL.
// Mapped, because honest torrents have it: bytes that are not UTF-8 become %XX, control and bidirectional formatting
// characters become '_', a name above 255 bytes loses the end of its stem; on Windows also what Windows cannot store.
// The mapping of a name never changes, so content fetched under the mapped name is found again.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace TinyTorrent.Metainfo;

static class SafeName
{
    /// <summary>Bytes of UTF-8 that Linux, macOS and Windows file systems all accept in one component.</summary>
    public const int MaxBytes = 255;

    /// <summary>An extension longer than this is not worth saving when a name is cut.</summary>
    const int MaxExtensionBytes = 32;

    /// <summary>C0 and C1 controls and DEL, and the marks that show "gpj.exe" as "exe.jpg".</summary>
    static readonly SearchValues<char> Invisible = SearchValues.Create(
        string.Concat(Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Select(c => (char)c))
        + "\u061C\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069");

    static readonly SearchValues<char> WindowsForbidden = SearchValues.Create("<>:\"|?*");

    /// <param name="windows">Also map what Windows cannot store.</param>
    /// <param name="problem">Why the name was refused, to follow the name of the field.</param>
    public static bool TryRead(ReadOnlySpan<byte> raw, bool windows, out string name, out string problem)
    {
        name = Decode(raw);
        problem = name switch
        {
            "" => "is empty",
            "." or ".." => $"is '{name}'",
            _ when name.Contains('\0', StringComparison.Ordinal) => "contains a NUL",
            _ when name.AsSpan().ContainsAny('/', '\\') => "contains a path separator",
            _ => "",
        };
        if (problem.Length > 0) return false;
        name = Replace(name, Invisible);
        if (windows) name = ForWindows(name);
        if (Encoding.UTF8.GetByteCount(name) > MaxBytes) name = Shorten(name);
        return true;
    }

    /// <summary>UTF-8 to text; each byte that is not part of valid UTF-8 becomes %XX, so that different names stay different.</summary>
    static string Decode(ReadOnlySpan<byte> raw)
    {
        if (Utf8.IsValid(raw)) return Encoding.UTF8.GetString(raw);
        var text = new StringBuilder();
        while (raw.Length > 0)
        {
            bool valid = Rune.DecodeFromUtf8(raw, out Rune rune, out int taken) == OperationStatus.Done;
            if (valid) text.Append(rune.ToString());
            else foreach (byte b in raw[..taken]) text.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
            raw = raw[taken..];
        }
        return text.ToString();
    }

    static string Replace(string name, SearchValues<char> unwanted)
    {
        if (!name.AsSpan().ContainsAny(unwanted)) return name;
        return string.Create(name.Length, (name, unwanted), static (to, from) =>
        {
            for (int i = 0; i < to.Length; i++) to[i] = from.unwanted.Contains(from.name[i]) ? '_' : from.name[i];
        });
    }

    static string ForWindows(string name)
    {
        name = Replace(name, WindowsForbidden);
        if (name[^1] is '.' or ' ') name = name[..^1] + '_'; // Windows drops these, and another file's name appears
        ReadOnlySpan<char> stem = name.AsSpan(0, (name + '.').IndexOf('.', StringComparison.Ordinal)).TrimEnd(' ');
        return IsDevice(stem) ? '_' + name : name;
    }

    /// <summary>CON, COM1.txt and their like open a device wherever they stand.</summary>
    static bool IsDevice(ReadOnlySpan<char> stem)
    {
        if (stem.Length == 4 && (char.IsAsciiDigit(stem[3]) || stem[3] is '¹' or '²' or '³'))
            return stem[..3].Equals("COM", StringComparison.OrdinalIgnoreCase) || stem[..3].Equals("LPT", StringComparison.OrdinalIgnoreCase);
        foreach (string device in (ReadOnlySpan<string>)["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"])
            if (stem.Equals(device, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }

    static string Shorten(string name)
    {
        int dot = name.LastIndexOf('.');
        string extension = dot > 0 ? name[dot..] : "";
        int extensionBytes = Encoding.UTF8.GetByteCount(extension);
        if (extensionBytes > MaxExtensionBytes) (extension, extensionBytes) = ("", 0);
        int room = MaxBytes - extensionBytes, kept = 0;
        foreach (Rune rune in name.AsSpan(0, name.Length - extension.Length).EnumerateRunes())
        {
            if ((room -= rune.Utf8SequenceLength) < 0) break;
            kept += rune.Utf16SequenceLength;
        }
        return name[..kept] + extension;
    }
}
