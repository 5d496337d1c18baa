// The tracker over HTTP: a query in, a bencoded body out (BEP 3, 7, 21, 23, 24, 31, 48). Keys stand in byte order.
// Peers are told as packed addresses unless asked otherwise; the dictionaries of BEP 3 carry address and port but no
// peer ids, which swarms of 8 bytes a peer do not keep. Any thread may call.
using System.Buffers;
using System.Buffers.Binary;
using TinyTorrent.Bencode;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

sealed class HttpTracker(TrackerService service)
{
    /// <param name="query">What follows the question mark, as it came.</param>
    public void Announce(ReadOnlySpan<byte> query, in PeerAddress from, TimeSpan now, IBufferWriter<byte> body)
    {
        if (!HttpTrackerCodec.TryReadAnnounce(query, out HttpAnnounce request, out ReadOnlySpan<byte> failure))
        {
            Refuse(new Refusal(failure), body);
            return;
        }
        Announce announce = request.Announce;
        PeerAddress address = service.AddressOf(announce, from);
        int peers = service.PeersFor(announce.NumWant);
        Span<byte> packed4 = stackalloc byte[peers * CompactPeers.Size4], packed6 = stackalloc byte[peers * CompactPeers.Size6];
        bool six = address.IsIPv6;
        if (!service.TryAnnounce(announce, address, now, six ? packed6 : packed4, six ? packed4 : packed6, out SwarmReply reply, out Refusal refusal))
        {
            Refuse(refusal, body);
            return;
        }
        service.Counters.HttpAnnounce();
        // The announcer's own family first; the other one fills up what is wanted.
        int same = six ? reply.SameFamily / CompactPeers.Size6 : reply.SameFamily / CompactPeers.Size4;
        int other = Math.Min(peers - same, reply.OtherFamily / (six ? CompactPeers.Size4 : CompactPeers.Size6));
        packed4 = packed4[..((six ? other : same) * CompactPeers.Size4)];
        packed6 = packed6[..((six ? same : other) * CompactPeers.Size6)];

        var bencode = new BencodeWriter(body);
        bencode.BeginDictionary();
        WriteCounts(bencode, reply.Counts, from, scraped: false);
        bencode.Key("interval"u8);
        bencode.Integer(service.NextInterval());
        bencode.Key("min interval"u8);
        bencode.Integer(service.MinInterval);
        bencode.Key("peers"u8);
        if (request.Compact)
        {
            bencode.Bytes(packed4);
            if (!packed6.IsEmpty)
            {
                bencode.Key("peers6"u8);
                bencode.Bytes(packed6);
            }
        }
        else
        {
            bencode.BeginList();
            WritePeers(bencode, packed4, CompactPeers.Size4);
            WritePeers(bencode, packed6, CompactPeers.Size6);
            bencode.End();
        }
        bencode.End();
    }

    public void Scrape(ReadOnlySpan<byte> query, TimeSpan now, IBufferWriter<byte> body)
    {
        Span<InfoHash> asked = stackalloc InfoHash[HttpTrackerCodec.MaxScrapeHashes];
        if (!HttpTrackerCodec.TryReadScrape(query, asked, out int count, out ReadOnlySpan<byte> failure))
        {
            Refuse(new Refusal(failure), body);
            return;
        }
        if (count > 0) WriteFiles(asked[..count], body);
        else if (service.TryListAll(now, out InfoHash[] all, out Refusal refusal)) WriteFiles(all.AsSpan(0, HttpTrackerCodec.SortDistinct(all)), body);
        else Refuse(refusal, body);
    }

    void WriteFiles(ReadOnlySpan<InfoHash> names, IBufferWriter<byte> body)
    {
        service.Counters.HttpScrape();
        var bencode = new BencodeWriter(body);
        bencode.BeginDictionary();
        bencode.Key("files"u8);
        bencode.BeginDictionary();
        foreach (ref readonly InfoHash name in names)
        {
            if (!service.TryScrape(name, out SwarmCounts counts)) continue;
            bencode.Key(name.Bytes);
            bencode.BeginDictionary();
            WriteCounts(bencode, counts, default, scraped: true);
            bencode.End();
        }
        bencode.End();
        bencode.End();
    }

    /// <summary>Answers with a failure reason.</summary>
    public void Refuse(Refusal refusal, IBufferWriter<byte> body)
    {
        service.Counters.HttpRefusal();
        var bencode = new BencodeWriter(body);
        bencode.BeginDictionary();
        bencode.Key("failure reason"u8);
        bencode.Bytes(refusal.Reason);
        if (refusal.RetryIn > 0)
        {
            bencode.Key("retry in"u8);
            bencode.Integer(refusal.RetryIn);
        }
        bencode.End();
    }

    /// <param name="external">What the peer's address looks like from here (BEP 24), or none.</param>
    /// <param name="scraped">With the downloaders of BEP 21, which only a scrape counts.</param>
    static void WriteCounts(BencodeWriter bencode, SwarmCounts counts, in PeerAddress external, bool scraped)
    {
        bencode.Key("complete"u8);
        bencode.Integer(counts.Seeders);
        bencode.Key("downloaded"u8);
        bencode.Integer(counts.Completed);
        if (scraped)
        {
            bencode.Key("downloaders"u8);
            bencode.Integer(counts.Leechers - counts.PartialSeeds);
        }
        if (!external.IsNone)
        {
            bencode.Key("external ip"u8);
            bencode.Bytes(external.Bytes);
        }
        bencode.Key("incomplete"u8);
        bencode.Integer(counts.Leechers);
    }

    static void WritePeers(BencodeWriter bencode, ReadOnlySpan<byte> packed, int size)
    {
        Span<byte> text = stackalloc byte[64];
        for (; packed.Length >= size; packed = packed[size..])
        {
            PeerAddress.From(packed[..(size - 2)]).TryFormat(text, out int length);
            bencode.BeginDictionary();
            bencode.Key("ip"u8);
            bencode.Bytes(text[..length]);
            bencode.Key("port"u8);
            bencode.Integer(BinaryPrimitives.ReadUInt16BigEndian(packed[(size - 2)..]));
            bencode.End();
        }
    }
}
