// The program behind a peer id, by the two conventions of BEP 20: -XY1234- with a version digit each, and A2-1-36-0- with
// numbers between dashes. A claim like the id itself; who tells more in BEP 10's handshake is believed there.
using System.Text;
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

static class ClientName
{
    static readonly Dictionary<string, string> Names = new()
    {
        ["A2"] = "aria2", ["AZ"] = "Vuze", ["BC"] = "BitComet", ["BI"] = "BiglyBT", ["BT"] = "BitTorrent", ["DE"] = "Deluge",
        ["FD"] = "Free Download Manager", ["KT"] = "KTorrent", ["LT"] = "libtorrent", ["MO"] = "MonoTorrent", ["PI"] = "PicoTorrent",
        ["TR"] = "Transmission", ["TT"] = "tinytorrent", ["TX"] = "Tixati", ["UT"] = "µTorrent", ["UM"] = "µTorrent Mac",
        ["WW"] = "WebTorrent", ["WD"] = "WebTorrent Desktop", ["XL"] = "Xunlei", ["lt"] = "rTorrent", ["qB"] = "qBittorrent", ["rQ"] = "rqbit",
    };

    /// <summary>Name and version such as <c>Transmission 4.0.6</c>, or null if the id follows neither convention.</summary>
    public static string? From(in PeerId id)
    {
        ReadOnlySpan<byte> bytes = id.Bytes;
        if (bytes[0] == '-' && bytes[7] == '-') return Dashed(bytes[1..3], bytes[3..7]);
        if (!bytes.StartsWith("A2-"u8)) return null;
        ReadOnlySpan<byte> version = bytes[3..];
        int end = 0;
        while (end < version.Length && (version[end] == '-' || char.IsAsciiDigit((char)version[end]))) end++;
        return "aria2 " + Encoding.ASCII.GetString(version[..end].TrimEnd((byte)'-')).Replace('-', '.');
    }

    static string? Dashed(ReadOnlySpan<byte> program, ReadOnlySpan<byte> version)
    {
        var name = new StringBuilder();
        foreach (byte letter in version)
        {
            if (!char.IsAsciiLetterOrDigit((char)letter)) return null;
            // After the digits come letters: the tenth minor version is A.
            int number = char.IsAsciiDigit((char)letter) ? letter - '0' : (letter | 0x20) - 'a' + 10;
            name.Append(name.Length == 0 ? " " : ".").Append(number);
        }
        if (!char.IsAsciiLetterOrDigit((char)program[0]) || !char.IsAsciiLetterOrDigit((char)program[1])) return null;
        string code = Encoding.ASCII.GetString(program);
        if (name.ToString().EndsWith(".0", StringComparison.Ordinal)) name.Length -= 2; // a fourth part nobody counts with
        return Names.GetValueOrDefault(code, code) + name;
    }
}
