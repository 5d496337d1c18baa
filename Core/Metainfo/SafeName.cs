// One component of a path out of a .torrent, made fit to be a file name. Whoever wrote the torrent chose it.
// Refused, because no honest torrent has it and a file of that name lies elsewhere or nowhere: ".." and a NUL.
// Mapped, because honest torrents have it: bytes that are not UTF-8 become %XX, a slash and what cannot be seen becomes '_',
// a name above 255 bytes loses the end of its stem; on Windows also what Windows cannot store. Slashes around a name are
// dropped, as programs that were given "folder/" wrote them; what is empty or "." then names nothing.
// The mapping depends on nothing but the bytes, so content fetched under the mapped name is found again. Two names may be
// mapped to one: FileList tells their files apart.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using TinyTorrent.Types;

namespace TinyTorrent.Metainfo;

static class SafeName
{
    /// <summary>Bytes of UTF-8 that Linux, macOS and Windows file systems all accept in one component.</summary>
    public const int MaxBytes = 255;

    /// <summary>An extension longer than this is not worth saving when a name is cut.</summary>
    const int MaxExtensionBytes = 32;

    static readonly SearchValues<char> WindowsForbidden = SearchValues.Create("<>:\"|?*\\");

    /// <param name="windows">Also map what Windows cannot store.</param>
    /// <param name="name">Empty if the component names nothing.</param>
    /// <param name="original">The name as it was given, if a file can have it at all: with <paramref name="name"/>, where the
    /// content of another program may lie. Equal to it if nothing was mapped.</param>
    /// <param name="problem">Why the name was refused, to follow the name of the field.</param>
    public static bool TryRead(ReadOnlySpan<byte> raw, bool windows, out string name, out string? original, out string problem)
    {
        raw = raw.Trim((byte)'/');
        string text = Decode(raw);
        bool isFileName = Utf8.IsValid(raw) && !text.Contains('/', StringComparison.Ordinal);
        (name, original) = ("", isFileName ? text : null);
        problem = text == ".." ? "is '..'" : text.Contains('\0', StringComparison.Ordinal) ? "contains a NUL" : "";
        if (problem.Length > 0) return false;
        if (text is "" or ".") return true;
        name = Cut(VisibleText.Replace(text, '_').Replace('/', '_'), windows ? MaxBytes - 1 : MaxBytes);
        name = VisibleText.Replace(name, '_'); // the cut may have left a joiner at the end
        if (windows) name = ForWindows(name);
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

    static string ForWindows(string name)
    {
        if (name.AsSpan().ContainsAny(WindowsForbidden))
            name = string.Create(name.Length, name, static (to, from) =>
            {
                for (int i = 0; i < to.Length; i++) to[i] = WindowsForbidden.Contains(from[i]) ? '_' : from[i];
            });
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

    /// <summary>The name without the end of its stem, so that it fits; its extension stays.</summary>
    /// <param name="room">Bytes of UTF-8, more than an extension has.</param>
    public static string Cut(string name, int room) => Cut(name, room, "");

    /// <summary>The same, with something between stem and extension: "a.txt" and " (2)" make "a (2).txt".</summary>
    public static string Cut(string name, int room, string behindStem)
    {
        int bytes = Encoding.UTF8.GetByteCount(name) + behindStem.Length;
        if (bytes <= room && behindStem.Length == 0) return name;
        int dot = name.LastIndexOf('.');
        string extension = dot > 0 ? name[dot..] : "";
        int extensionBytes = Encoding.UTF8.GetByteCount(extension);
        if (extensionBytes > MaxExtensionBytes) (extension, extensionBytes) = ("", 0);
        room -= extensionBytes + behindStem.Length;
        int kept = 0;
        foreach (Rune rune in name.AsSpan(0, name.Length - extension.Length).EnumerateRunes())
        {
            if ((room -= rune.Utf8SequenceLength) < 0) break;
            kept += rune.Utf16SequenceLength;
        }
        return name[..kept] + behindStem + extension;
    }
}
