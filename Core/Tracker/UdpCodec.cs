// The UDP tracker protocol (BEP 15) with its options (BEP 41), both directions, as functions over spans.
// Readers answer false to anything malformed and never throw; writers return the length and need a buffer of
// MaxPacketSize bytes (or the size they name). All numbers are big-endian.
//
//   connect   id 8 = 0x41727101980, action 4, transaction 4           -> action, transaction, id 8
//   announce  id, action, transaction, hash 20, peer id 20, downloaded 8, left 8, uploaded 8, event 4,
//             ip 4, key 4, numwant 4, port 2, options                 -> action, transaction, interval 4, leechers 4, seeders 4, peers
//   scrape    id, action, transaction, hashes 20 n                    -> action, transaction, (seeders 4, completed 4, leechers 4) n
//   error                                                             -> action, transaction, text
using System.Buffers.Binary;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

static class UdpCodec
{
    /// <summary>Bytes: larger than any packet that is read or written here.</summary>
    public const int MaxPacketSize = 2048;

    public const int ConnectSize = 16;
    public const int AnnounceSize = 98;

    /// <summary>Bytes of an announce reply in front of its peers.</summary>
    public const int AnnounceReplySize = 20;

    public const int ScrapeRowSize = 12;

    /// <summary>BEP 15: "up to about 74 torrents can be scraped at once".</summary>
    public const int MaxScrapeHashes = 74;

    const ulong ProtocolId = 0x41727101980;
    const int RequestHeader = 16, ReplyHeader = 8;
    const byte OptionEnd = 0, OptionNop = 1, OptionUrlData = 2;

    public static bool TryReadRequest(ReadOnlySpan<byte> packet, out UdpRequest request)
    {
        request = default;
        if (packet.Length < RequestHeader) return false;
        ulong id = BinaryPrimitives.ReadUInt64BigEndian(packet);
        var action = (UdpAction)BinaryPrimitives.ReadUInt32BigEndian(packet[8..]);
        uint transaction = BinaryPrimitives.ReadUInt32BigEndian(packet[12..]);
        switch (action)
        {
            case UdpAction.Connect when id == ProtocolId:
                request = new UdpRequest { Action = action, ConnectionId = id, Transaction = transaction };
                return true;
            case UdpAction.Announce when packet.Length >= AnnounceSize:
                request = new UdpRequest
                {
                    Action = action, ConnectionId = id, Transaction = transaction,
                    Announce = ReadAnnounce(packet), Options = packet[AnnounceSize..],
                };
                return true;
            case UdpAction.Scrape when packet.Length >= RequestHeader + InfoHash.Size:
                int hashes = Math.Min((packet.Length - RequestHeader) / InfoHash.Size, MaxScrapeHashes);
                request = new UdpRequest
                {
                    Action = action, ConnectionId = id, Transaction = transaction,
                    Hashes = packet.Slice(RequestHeader, hashes * InfoHash.Size),
                };
                return true;
            default:
                return false;
        }
    }

    static Announce ReadAnnounce(ReadOnlySpan<byte> packet)
    {
        uint happened = BinaryPrimitives.ReadUInt32BigEndian(packet[80..]);
        ReadOnlySpan<byte> ip = packet.Slice(84, 4);
        return new Announce
        {
            InfoHash = new InfoHash(packet.Slice(16, InfoHash.Size)),
            PeerId = new PeerId(packet.Slice(36, PeerId.Size)),
            Downloaded = BinaryPrimitives.ReadInt64BigEndian(packet[56..]),
            Left = BinaryPrimitives.ReadInt64BigEndian(packet[64..]),
            Uploaded = BinaryPrimitives.ReadInt64BigEndian(packet[72..]),
            // An event from a later protocol is a sign of life like any other.
            Event = happened <= (uint)AnnounceEvent.Paused ? (AnnounceEvent)happened : AnnounceEvent.None,
            Address = ip.ContainsAnyExcept((byte)0) ? PeerAddress.From(ip) : default,
            Key = BinaryPrimitives.ReadUInt32BigEndian(packet[88..]),
            NumWant = BinaryPrimitives.ReadInt32BigEndian(packet[92..]),
            Port = BinaryPrimitives.ReadUInt16BigEndian(packet[96..]),
        };
    }

    public static int WriteConnect(Span<byte> to, uint transaction) => WriteRequestHeader(to, ProtocolId, UdpAction.Connect, transaction);

    /// <param name="urlData">Path and query of the tracker's URL (BEP 41) up to 1,024 bytes, or empty. Longer data is left out whole.</param>
    public static int WriteAnnounce(Span<byte> to, ulong connectionId, uint transaction, in Announce announce, ReadOnlySpan<byte> urlData)
    {
        WriteRequestHeader(to, connectionId, UdpAction.Announce, transaction);
        announce.InfoHash.Bytes.CopyTo(to[16..]);
        announce.PeerId.Bytes.CopyTo(to[36..]);
        BinaryPrimitives.WriteInt64BigEndian(to[56..], announce.Downloaded);
        BinaryPrimitives.WriteInt64BigEndian(to[64..], announce.Left);
        BinaryPrimitives.WriteInt64BigEndian(to[72..], announce.Uploaded);
        BinaryPrimitives.WriteUInt32BigEndian(to[80..], (uint)announce.Event);
        to.Slice(84, 4).Clear();
        if (announce.Address.Bytes.Length == 4) announce.Address.Bytes.CopyTo(to[84..]);
        BinaryPrimitives.WriteUInt32BigEndian(to[88..], announce.Key);
        BinaryPrimitives.WriteInt32BigEndian(to[92..], announce.NumWant);
        BinaryPrimitives.WriteUInt16BigEndian(to[96..], announce.Port);
        return AnnounceSize + WriteUrlData(to[AnnounceSize..], urlData);
    }

    /// <param name="hashes">1 to 74.</param>
    public static int WriteScrape(Span<byte> to, ulong connectionId, uint transaction, ReadOnlySpan<InfoHash> hashes)
    {
        int at = WriteRequestHeader(to, connectionId, UdpAction.Scrape, transaction);
        foreach (ref readonly InfoHash hash in hashes)
        {
            hash.Bytes.CopyTo(to[at..]);
            at += InfoHash.Size;
        }
        return at;
    }

    public static bool TryReadReply(ReadOnlySpan<byte> packet, out UdpReply reply)
    {
        reply = default;
        if (packet.Length < ReplyHeader) return false;
        var action = (UdpAction)BinaryPrimitives.ReadUInt32BigEndian(packet);
        uint transaction = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);
        switch (action)
        {
            case UdpAction.Connect when packet.Length >= ConnectSize:
                reply = new UdpReply { Action = action, Transaction = transaction, ConnectionId = BinaryPrimitives.ReadUInt64BigEndian(packet[8..]) };
                return true;
            case UdpAction.Announce when packet.Length >= AnnounceReplySize:
                reply = new UdpReply
                {
                    Action = action, Transaction = transaction, Interval = ReadCount(packet[8..]),
                    Counts = new SwarmCounts(ReadCount(packet[16..]), ReadCount(packet[12..]), 0), Body = packet[AnnounceReplySize..],
                };
                return true;
            case UdpAction.Scrape or UdpAction.Error:
                reply = new UdpReply { Action = action, Transaction = transaction, Body = packet[ReplyHeader..] };
                return true;
            default:
                return false;
        }
    }

    public static int WriteConnectReply(Span<byte> to, uint transaction, ulong connectionId)
    {
        int at = WriteReplyHeader(to, UdpAction.Connect, transaction);
        BinaryPrimitives.WriteUInt64BigEndian(to[at..], connectionId);
        return ConnectSize;
    }

    /// <summary>Writes the first <see cref="AnnounceReplySize"/> bytes; the packed peers follow them.</summary>
    /// <param name="interval">Seconds.</param>
    public static int WriteAnnounceReply(Span<byte> to, uint transaction, int interval, SwarmCounts counts)
    {
        WriteReplyHeader(to, UdpAction.Announce, transaction);
        BinaryPrimitives.WriteInt32BigEndian(to[8..], interval);
        BinaryPrimitives.WriteInt32BigEndian(to[12..], counts.Leechers);
        BinaryPrimitives.WriteInt32BigEndian(to[16..], counts.Seeders);
        return AnnounceReplySize;
    }

    /// <summary>Writes the first 8 bytes; a row for each hash follows, in the request's order.</summary>
    public static int WriteScrapeReply(Span<byte> to, uint transaction) => WriteReplyHeader(to, UdpAction.Scrape, transaction);

    public static int WriteScrapeRow(Span<byte> to, SwarmCounts counts)
    {
        BinaryPrimitives.WriteInt32BigEndian(to, counts.Seeders);
        BinaryPrimitives.WriteInt32BigEndian(to[4..], counts.Completed);
        BinaryPrimitives.WriteInt32BigEndian(to[8..], counts.Leechers);
        return ScrapeRowSize;
    }

    public static int WriteError(Span<byte> to, uint transaction, ReadOnlySpan<byte> text)
    {
        int at = WriteReplyHeader(to, UdpAction.Error, transaction);
        text.CopyTo(to[at..]);
        return at + text.Length;
    }

    /// <summary>Joins the URL data of an announce's options (BEP 41), which may come in several pieces.</summary>
    /// <param name="length">Bytes written; 0 if there was none.</param>
    /// <returns>False if an option is cut off or the data does not fit: then nothing of it can be trusted.</returns>
    public static bool TryReadUrlData(ReadOnlySpan<byte> options, Span<byte> to, out int length)
    {
        length = 0;
        while (options.Length > 0 && options[0] != OptionEnd)
        {
            if (options[0] == OptionNop)
            {
                options = options[1..];
                continue;
            }
            if (options.Length < 2 || options.Length < 2 + options[1]) return false;
            ReadOnlySpan<byte> data = options.Slice(2, options[1]);
            if (options[0] == OptionUrlData && !data.TryCopyTo(to[length..])) return false;
            if (options[0] == OptionUrlData) length += data.Length;
            options = options[(2 + data.Length)..];
        }
        return true;
    }

    static int WriteUrlData(Span<byte> to, ReadOnlySpan<byte> data)
    {
        if (data.Length > 1024) return 0;
        int at = 0;
        while (data.Length > 0)
        {
            ReadOnlySpan<byte> piece = data[..Math.Min(data.Length, byte.MaxValue)];
            to[at++] = OptionUrlData;
            to[at++] = (byte)piece.Length;
            piece.CopyTo(to[at..]);
            at += piece.Length;
            data = data[piece.Length..];
        }
        if (at > 0) to[at++] = OptionEnd;
        return at;
    }

    /// <summary>A count from a reply; one with the top bit set is nobody's and reads as 0.</summary>
    public static int ReadCount(ReadOnlySpan<byte> at) => Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(at));

    static int WriteRequestHeader(Span<byte> to, ulong connectionId, UdpAction action, uint transaction)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, connectionId);
        BinaryPrimitives.WriteUInt32BigEndian(to[8..], (uint)action);
        BinaryPrimitives.WriteUInt32BigEndian(to[12..], transaction);
        return RequestHeader;
    }

    static int WriteReplyHeader(Span<byte> to, UdpAction action, uint transaction)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to, (uint)action);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], transaction);
        return ReplyHeader;
    }
}
