// So that one stranger cannot take all places of a server: connections from one address (of IPv6, from one /64) get a quarter of
// them. Local addresses are not counted: whole networks of containers share one, and so do all who come through a proxy.
// Not thread-safe.
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="places">Of all together.</param>
/// <param name="isExempt">Which addresses are not counted; null: <see cref="AddressRules.IsLocal(in PeerAddress)"/>.</param>
sealed class Strangers(int places, Func<PeerAddress, bool>? isExempt = null)
{
    readonly Dictionary<PeerAddress, int> _counts = [];

    /// <summary>False if the address has its share. What was let in must <see cref="Leave"/>.</summary>
    public bool TryEnter(in PeerAddress address)
    {
        if (IsExempt(address)) return true;
        PeerAddress network = NetworkOf(address);
        int others = _counts.GetValueOrDefault(network);
        if (others >= Math.Max(1, places / 4)) return false;
        _counts[network] = others + 1;
        return true;
    }

    public void Leave(in PeerAddress address)
    {
        if (IsExempt(address)) return;
        PeerAddress network = NetworkOf(address);
        if (_counts[network] == 1) _counts.Remove(network);
        else _counts[network]--;
    }

    bool IsExempt(in PeerAddress address) => isExempt?.Invoke(address) ?? AddressRules.IsLocal(address);

    /// <summary>What counts as one address: of IPv6, its /64.</summary>
    public static PeerAddress NetworkOf(in PeerAddress address)
    {
        if (!address.IsIPv6) return address;
        Span<byte> bytes = stackalloc byte[16];
        address.Bytes[..8].CopyTo(bytes);
        return PeerAddress.From(bytes);
    }
}
