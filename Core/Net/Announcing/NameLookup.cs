// Host names to addresses, with failures in words: the system's own for a name that cannot be looked up is "resource temporarily
// unavailable", which sends people looking for another fault.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

static class NameLookup
{
    /// <summary>At least one address, in the resolver's order; of a literal address itself.</summary>
    /// <exception cref="SocketException">There is none; the message says so in words.</exception>
    public static async Task<IPAddress[]> FindAsync(string host, CancellationToken cancellation)
    {
        SocketError error = SocketError.NoData;
        try
        {
            // A lookup of the system cannot be cancelled, only left alone.
            IPAddress[] found = await Dns.GetHostAddressesAsync(host, cancellation).WaitAsync(cancellation).ConfigureAwait(false);
            if (found.Length > 0) return found;
        }
        catch (SocketException e)
        {
            error = e.SocketErrorCode;
        }
        string why = error switch
        {
            SocketError.HostNotFound => $"there is no host named {host}",
            SocketError.NoData => $"{host} has no address",
            SocketError.TryAgain => $"the name {host} could not be looked up (no name server answers)",
            _ => $"the name {host} could not be looked up: {new SocketException((int)error).Message}",
        };
        throw new SocketException((int)error, why);
    }
}
