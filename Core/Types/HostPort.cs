// Where to dial: a host name or an address, and a port. Names are resolved by whoever connects.
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Types;

/// <param name="Host">A name, an IPv4 address or an IPv6 address without brackets.</param>
readonly record struct HostPort(string Host, int Port)
{
    /// <summary>Reads <c>name:port</c>, <c>1.2.3.4:port</c> or <c>[::1]:port</c>; the port is 1 to 65535.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out HostPort parsed)
    {
        parsed = default;
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int port)) return false;
        ReadOnlySpan<char> host = text[..colon];
        bool bracketed = host[0] == '[' && host[^1] == ']';
        if (bracketed) host = host[1..^1];
        if (!IsHost(host, bracketed) || port is < 1 or > 65535) return false;
        parsed = new HostPort(host.ToString(), port);
        return true;
    }

    /// <summary>True if the host can be a name or an address; <paramref name="v6"/> if it must be an IPv6 address.</summary>
    static bool IsHost(ReadOnlySpan<char> host, bool v6)
    {
        if (v6) return IPAddress.TryParse(host, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6;
        if (host.Length is 0 or > 255) return false;
        foreach (char c in host)
            if (c is <= ' ' or ':' or '/' or '[' or ']' or '@' or '\x7f') return false;
        return true;
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
