// So that one stranger cannot take all places of a server: the connections of one address get a quarter of them. Over IPv6 a
// /64 counts as one address, which is what a household has, and a whole /48, which one customer of a provider may have, gets
// half of the places. Local addresses are not counted, because whole networks of containers share one.
// Not thread-safe.
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="places">Connections there may be in all.</param>
/// <param name="isExempt">Which addresses are not counted; null: <see cref="AddressRules.IsLocal(in PeerAddress)"/>.</param>
sealed class Strangers(int places, Func<PeerAddress, bool>? isExempt = null)
{
    readonly Dictionary<PeerAddress, int> _households = [], _customers = [];

    /// <summary>False if the address has its share. What was let in must <see cref="Leave"/>.</summary>
    public bool TryEnter(in PeerAddress address)
    {
        if (IsExempt(address)) return true;
        PeerAddress household = address.Network(PeerAddress.HouseholdBits), customer = address.Network(PeerAddress.CustomerBits);
        int ofHousehold = _households.GetValueOrDefault(household), ofCustomer = _customers.GetValueOrDefault(customer);
        if (ofHousehold >= Math.Max(1, places / 4) || (address.IsIPv6 && ofCustomer >= Math.Max(1, places / 2))) return false;
        _households[household] = ofHousehold + 1;
        if (address.IsIPv6) _customers[customer] = ofCustomer + 1;
        return true;
    }

    public void Leave(in PeerAddress address)
    {
        if (IsExempt(address)) return;
        Leave(_households, address.Network(PeerAddress.HouseholdBits));
        if (address.IsIPv6) Leave(_customers, address.Network(PeerAddress.CustomerBits));
    }

    static void Leave(Dictionary<PeerAddress, int> counts, in PeerAddress network)
    {
        if (counts[network] == 1) counts.Remove(network);
        else counts[network]--;
    }

    bool IsExempt(in PeerAddress address) => isExempt?.Invoke(address) ?? AddressRules.IsLocal(address);
}
