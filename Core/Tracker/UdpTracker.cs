// The tracker over UDP (BEP 15): one packet in, at most one packet out, nothing remembered in between.
// Before an address has proved itself with a connection id it gets no more bytes than it sent, so the tracker is no
// amplifier; after that an answer fits an Ethernet frame. A trusted proxy says in front of each packet where it comes from
// (PROXY protocol, version 2); the answer goes to the proxy, which passes it on. Any thread may call.
using System.Buffers;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

sealed class UdpTracker(TrackerService service)
{
    /// <summary>Bytes of UDP payload in a frame of 1,500: behind 28 bytes of headers over IPv4, 48 over IPv6.</summary>
    const int MaxReply4 = 1472, MaxReply6 = 1452;

    /// <summary>Bytes of URL data that are read; a longer URL is no key's.</summary>
    const int MaxUrlData = 1024;

    /// <param name="reply">At least <see cref="UdpCodec.MaxPacketSize"/> bytes.</param>
    /// <returns>Bytes of the answer, or 0 for none.</returns>
    public int Answer(ReadOnlySpan<byte> packet, in PeerAddress from, TimeSpan now, Span<byte> reply)
    {
        if (!service.Proxies.Contains(from)) return AnswerClient(packet, from, now, reply);
        if (ProxyHeader.TryRead(packet, out PeerAddress client, out int length) == OperationStatus.Done)
            return AnswerClient(packet[length..], client.IsNone ? from : client, now, reply);
        service.Counters.UdpDrop();
        return 0;
    }

    int AnswerClient(ReadOnlySpan<byte> packet, in PeerAddress from, TimeSpan now, Span<byte> reply)
    {
        if (!UdpCodec.TryReadRequest(packet, out UdpRequest request))
        {
            service.Counters.UdpDrop();
            return 0;
        }
        if (request.Action == UdpAction.Connect)
        {
            service.Counters.UdpConnect();
            return UdpCodec.WriteConnectReply(reply, request.Transaction, service.ConnectionIds.Issue(from, now));
        }
        if (!service.ConnectionIds.IsValid(request.ConnectionId, from, now))
            return Refuse(packet, request.Transaction, "connection id expired"u8, reply);
        if (!service.MayAsk(from, now, out Refusal refusal)) return Refuse(packet, request.Transaction, refusal.Reason, reply);
        if (service.Keys is { } keys && !HasKey(request, keys))
            return Refuse(packet, request.Transaction, service.RefuseWithoutKey().Reason, reply);
        return request.Action == UdpAction.Announce
            ? Announce(packet, request, from, now, reply)
            : Scrape(request, reply);
    }

    /// <summary>The path of the tracker's URL is told by an announce (BEP 41); a scrape has no place for it.</summary>
    static bool HasKey(in UdpRequest request, Passkeys keys)
    {
        Span<byte> data = stackalloc byte[MaxUrlData];
        if (!UdpCodec.TryReadUrlData(request.Options, data, out int length)) return false;
        ReadOnlySpan<byte> path = data[..length];
        int query = path.IndexOf((byte)'?');
        return Passkeys.TrySplit(query < 0 ? path : path[..query], out ReadOnlySpan<byte> key, out _) && keys.Contains(key);
    }

    int Announce(ReadOnlySpan<byte> packet, in UdpRequest request, in PeerAddress from, TimeSpan now, Span<byte> reply)
    {
        Announce announce = request.Announce;
        PeerAddress address = service.AddressOf(announce, from);
        if (address.IsIPv6 != from.IsIPv6) address = from; // the answer's family is the packet's
        int size = from.IsIPv6 ? CompactPeers.Size6 : CompactPeers.Size4, limit = from.IsIPv6 ? MaxReply6 : MaxReply4;
        int peers = Math.Min(service.PeersFor(announce.NumWant), (limit - UdpCodec.AnnounceReplySize) / size);
        Span<byte> room = reply.Slice(UdpCodec.AnnounceReplySize, peers * size);
        if (!service.TryAnnounce(announce, address, now, room, default, out SwarmReply swarm, out Refusal refusal))
            return Refuse(packet, request.Transaction, refusal.Reason, reply);
        service.Counters.UdpAnnounce();
        return UdpCodec.WriteAnnounceReply(reply, request.Transaction, service.NextInterval(), swarm.Counts) + swarm.SameFamily;
    }

    int Scrape(in UdpRequest request, Span<byte> reply)
    {
        service.Counters.UdpScrape();
        int at = UdpCodec.WriteScrapeReply(reply, request.Transaction);
        for (int i = 0; i < request.HashCount; i++)
        {
            service.TryScrape(request.Hash(i), out SwarmCounts counts); // rows have no names: one not served is a row of zeros
            at += UdpCodec.WriteScrapeRow(reply[at..], counts);
        }
        return at;
    }

    int Refuse(ReadOnlySpan<byte> packet, uint transaction, ReadOnlySpan<byte> text, Span<byte> reply)
    {
        service.Counters.UdpRefusal();
        int length = UdpCodec.WriteError(reply, transaction, text);
        return length <= packet.Length ? length : 0;
    }
}
