// The proxies in front of a tracker that are believed about where a client is: networks that the operator names.
// X-Forwarded-For, or Forwarded (RFC 7239) where that is absent, lists the addresses a request came through; each proxy
// appends the one it got the request from. The client is the rightmost address that is not a trusted proxy, because
// everything to the left of it is the client's own claim. Immutable; any thread may call.
using System.Globalization;
using System.Text;

namespace TinyTorrent.Tracker;

sealed class TrustedProxies
{
    public static readonly TrustedProxies None = new([]);

    readonly (PeerAddress Address, int Bits)[] _networks;

    TrustedProxies((PeerAddress, int)[] networks) => _networks = networks;

    public bool IsEmpty => _networks.Length == 0;

    /// <param name="networks">Each an address, or a network as <c>10.0.0.0/8</c> or <c>fd00::/8</c>.</param>
    /// <exception cref="FormatException">Names the one that is neither.</exception>
    public static TrustedProxies Parse(IEnumerable<string> networks) => new([.. networks.Select(ParseNetwork)]);

    static (PeerAddress, int) ParseNetwork(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (PeerAddress.TryParse(Encoding.UTF8.GetBytes(slash < 0 ? text : text[..slash]), out PeerAddress address))
        {
            int most = address.Bytes.Length * 8;
            if (slash < 0) return (address, most);
            if (int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits <= most) return (address, bits);
        }
        throw new FormatException($"'{text}' is not an address such as 192.0.2.1 or a network such as 10.0.0.0/8");
    }

    public bool Contains(in PeerAddress address)
    {
        foreach ((PeerAddress network, int bits) in _networks)
            if (IsWithin(address.Bytes, network.Bytes, bits)) return true;
        return false;
    }

    static bool IsWithin(ReadOnlySpan<byte> address, ReadOnlySpan<byte> network, int bits)
    {
        int whole = bits / 8;
        if (address.Length != network.Length || !address[..whole].SequenceEqual(network[..whole])) return false;
        return bits % 8 == 0 || (address[whole] ^ network[whole]) >> (8 - bits % 8) == 0;
    }

    /// <summary>Where a request comes from.</summary>
    /// <param name="sender">The other end of the connection. What it says counts only if it is a trusted proxy.</param>
    /// <param name="lines">The header lines of the request, with a CRLF before each of them.</param>
    public PeerAddress ClientOf(in PeerAddress sender, ReadOnlySpan<byte> lines)
    {
        if (!Contains(sender)) return sender;
        PeerAddress client = sender;
        if (!Follow(lines, "x-forwarded-for"u8, ref client)) Follow(lines, "forwarded"u8, ref client);
        return client;
    }

    /// <summary>Goes from proxy to proxy through all headers of a name, from the last to the first.</summary>
    /// <returns>False if there is no such header.</returns>
    bool Follow(ReadOnlySpan<byte> lines, ReadOnlySpan<byte> name, ref PeerAddress client)
    {
        bool found = false;
        for (int start; (start = lines.LastIndexOf("\r\n"u8)) >= 0; lines = lines[..start])
        {
            ReadOnlySpan<byte> line = lines[(start + 2)..];
            if (line.Length <= name.Length || line[name.Length] != ':' || !Ascii.EqualsIgnoreCase(line[..name.Length], name)) continue;
            found = true;
            if (!FollowList(line[(name.Length + 1)..], ref client)) break;
        }
        return found;
    }

    /// <summary>Reads a list from its end. No proxy writes a comma between quotes, so each comma separates two elements, whatever
    /// quotes the client has opened.</summary>
    /// <returns>False once it has come to the client, or to a word that is no address.</returns>
    bool FollowList(ReadOnlySpan<byte> list, ref PeerAddress client)
    {
        for (int comma; !list.IsEmpty; list = list[..Math.Max(0, comma)])
        {
            comma = list.LastIndexOf((byte)',');
            ReadOnlySpan<byte> element = list[(comma + 1)..].Trim(" \t"u8);
            if (element.IsEmpty) continue;
            if (!TryReadNode(element, out PeerAddress address)) return false;
            client = address;
            if (!Contains(address)) return false;
        }
        return true;
    }

    /// <summary><c>192.0.2.1</c>, <c>192.0.2.1:80</c>, <c>2001:db8::1</c>, <c>[2001:db8::1]:80</c>, or such a one as <c>for="…"</c> among other pairs.</summary>
    static bool TryReadNode(ReadOnlySpan<byte> element, out PeerAddress address)
    {
        ReadOnlySpan<byte> node = element;
        if (element.Contains((byte)'='))
        {
            node = default;
            foreach (Range part in element.Split((byte)';'))
            {
                ReadOnlySpan<byte> pair = element[part].Trim(" \t"u8);
                if (pair.Length > 4 && Ascii.EqualsIgnoreCase(pair[..4], "for="u8)) node = pair[4..].Trim((byte)'"');
            }
        }
        int bracket = node.IndexOf((byte)']'), colon = node.IndexOf((byte)':');
        if (bracket > 0 && node[0] == '[') node = node[1..bracket];
        else if (colon > 0 && colon == node.LastIndexOf((byte)':')) node = node[..colon];
        return PeerAddress.TryParse(node, out address);
    }
}
