// How much of a catalogue each publisher has, so that one cannot fill it: an eighth for an address of the internet, of IPv6 for
// a /64, and a quarter for a /48, which is what one customer of a provider is given at most. A local address has a half: whole
// networks of containers share one. Two large .torrents are taken from anybody, however small the catalogue is.
// Not thread-safe.
using TinyTorrent.Metainfo;
using TinyTorrent.Tracker;

namespace TinyTorrent.Catalogue;

sealed class PublisherShares(CatalogueLimits limits)
{
    const int LeastBytes = 2 * MetainfoFile.MaxBytes;

    readonly Dictionary<PeerAddress, (int Entries, long Bytes)> _held = [], _heldBySite = [];

    /// <summary>The publisher that an entry from this address counts for.</summary>
    public static PeerAddress PublisherOf(in PeerAddress address) => address.Network(PeerAddress.HouseholdBits);

    /// <summary>True if one more entry is within the publisher's share. None stands for the operator, who has no limit.</summary>
    public bool HasRoomFor(CatalogueEntry entry)
    {
        PeerAddress publisher = entry.Publisher;
        if (publisher.IsNone) return true;
        return Fits(_held, publisher, AddressRules.IsLocal(publisher) ? 2 : 8)
            && (!publisher.IsIPv6 || AddressRules.IsLocal(publisher) || Fits(_heldBySite, publisher.Network(PeerAddress.CustomerBits), 4));

        bool Fits(Dictionary<PeerAddress, (int Entries, long Bytes)> held, in PeerAddress whose, int parts)
        {
            (int entries, long bytes) = held.GetValueOrDefault(whose);
            return entries < Math.Max(1, limits.Entries / parts) && entry.TorrentSize <= Math.Max(limits.Bytes / parts, LeastBytes) - bytes;
        }
    }

    public void Add(CatalogueEntry entry) => Count(entry, 1);

    public void Remove(CatalogueEntry entry) => Count(entry, -1);

    void Count(CatalogueEntry entry, int sign)
    {
        if (entry.Publisher.IsNone) return;
        Count(_held, entry.Publisher);
        Count(_heldBySite, entry.Publisher.Network(PeerAddress.CustomerBits));

        void Count(Dictionary<PeerAddress, (int Entries, long Bytes)> held, in PeerAddress whose)
        {
            (int entries, long bytes) = held.GetValueOrDefault(whose);
            if (entries + sign == 0) held.Remove(whose);
            else held[whose] = (entries + sign, bytes + sign * entry.TorrentSize);
        }
    }
}
