// The file in which a tracker's swarms survive a restart. All numbers are little-endian.
//
//   magic 8, version 4, saved 8 (Unix milliseconds), age unit 8 (ticks), check 8
//   blocks: length 4 (not 0), records, check 8; at the end a block of length 0
//   record: family 1 (4 or 6), info-hash 20, completed 4, peers 2, seeds 2, endpoints 6 or 18 each (seeds first), ages 1 each
//     (the top bit of an age: a partial seed)
//
// A check is a SipHash whose key is the time of saving and the block's number, so no block passes in another place or
// file. It is a guard against damage, not against forgers: every field is checked again. A large swarm has several
// records. Pure functions over spans.
using System.Buffers;
using System.Buffers.Binary;
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <param name="SavedAt">Wall-clock time, Unix milliseconds.</param>
/// <param name="AgeUnit">What ages count in.</param>
readonly record struct SnapshotHeader(long SavedAt, TimeSpan AgeUnit);

/// <summary>Peers of one torrent and family, as a view into a block.</summary>
readonly ref struct SwarmRecord
{
    public InfoHash Name { get; init; }
    public bool IsIPv6 { get; init; }
    public int Completed { get; init; }
    public int Peers { get; init; }

    /// <summary>The first so many peers are seeds.</summary>
    public int Seeds { get; init; }

    /// <summary>Packed as in compact answers.</summary>
    public ReadOnlySpan<byte> Endpoints { get; init; }

    /// <summary>One for each peer.</summary>
    public ReadOnlySpan<byte> Ages { get; init; }

    public ReadOnlySpan<byte> Endpoint(int index) => Endpoints.Slice(index * SwarmSnapshot.EndpointSize(IsIPv6), SwarmSnapshot.EndpointSize(IsIPv6));
}

static class SwarmSnapshot
{
    public const int HeaderSize = 36;

    /// <summary>Bytes in front of a block's records and behind them.</summary>
    public const int LengthSize = 4, CheckSize = 8;

    /// <summary>Bytes of records in a block at most.</summary>
    public const int MaxBlock = 4 << 20;

    const int Version = 1, RecordHeader = 29;

    static ReadOnlySpan<byte> Magic => "TTswarms"u8;

    public static int EndpointSize(bool six) => six ? CompactPeers.Size6 : CompactPeers.Size4;

    public static void WriteHeader(Span<byte> to, SnapshotHeader header)
    {
        Magic.CopyTo(to);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(to[12..], header.SavedAt);
        BinaryPrimitives.WriteInt64LittleEndian(to[20..], header.AgeUnit.Ticks);
        BinaryPrimitives.WriteUInt64LittleEndian(to[28..], Check(header.SavedAt, -1, to[..28]));
    }

    /// <param name="bytes"><see cref="HeaderSize"/> of them.</param>
    /// <param name="reason">Why it is none, or null.</param>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, out SnapshotHeader header, out string? reason)
    {
        long saved = BinaryPrimitives.ReadInt64LittleEndian(bytes[12..]), unit = BinaryPrimitives.ReadInt64LittleEndian(bytes[20..]);
        header = new SnapshotHeader(saved, new TimeSpan(unit));
        if (!bytes.StartsWith(Magic)) reason = "it is no file of swarms";
        else if (BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) != Version) reason = "it has another version";
        else if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[28..]) != Check(saved, -1, bytes[..28])) reason = "its header is damaged";
        else if (unit < 1 || unit > TimeSpan.TicksPerDay) reason = "its unit of age is out of range";
        else reason = null;
        return reason is null;
    }

    /// <param name="block">Number of the block, from 0; its records are <paramref name="records"/>.</param>
    public static ulong Check(long savedAt, int block, ReadOnlySpan<byte> records)
    {
        Span<byte> key = stackalloc byte[SipHash.KeySize];
        BinaryPrimitives.WriteInt64LittleEndian(key, savedAt);
        BinaryPrimitives.WriteInt64LittleEndian(key[8..], block);
        return new SipHash(key).Hash(records);
    }

    /// <summary>Appends the chunk of a swarm.</summary>
    public static unsafe void WriteRecord<TEndpoint>(IBufferWriter<byte> to, in InfoHash name, int completed, PeerChunk<TEndpoint>* chunk, byte now)
        where TEndpoint : unmanaged, IEndpoint<TEndpoint>
    {
        int endpoints = chunk->Count * sizeof(TEndpoint), length = RecordHeader + endpoints + chunk->Count;
        Span<byte> record = to.GetSpan(length);
        record[0] = (byte)(sizeof(TEndpoint) == CompactPeers.Size6 ? 6 : 4);
        name.Bytes.CopyTo(record[1..]);
        BinaryPrimitives.WriteInt32LittleEndian(record[21..], completed);
        BinaryPrimitives.WriteUInt16LittleEndian(record[25..], (ushort)chunk->Count);
        BinaryPrimitives.WriteUInt16LittleEndian(record[27..], (ushort)chunk->Seeds);
        chunk->CopyAll(record[RecordHeader..], record[(RecordHeader + endpoints)..], now);
        to.Advance(length);
    }

    /// <summary>Takes the first record off a block that is not empty. False if what is there is none.</summary>
    public static bool TryReadRecord(ref ReadOnlySpan<byte> records, out SwarmRecord record)
    {
        record = default;
        if (records.Length < RecordHeader || records[0] is not (4 or 6)) return false;
        bool six = records[0] == 6;
        int completed = BinaryPrimitives.ReadInt32LittleEndian(records[21..]);
        int peers = BinaryPrimitives.ReadUInt16LittleEndian(records[25..]), seeds = BinaryPrimitives.ReadUInt16LittleEndian(records[27..]);
        int endpoints = peers * EndpointSize(six), length = RecordHeader + endpoints + peers;
        if (completed < 0 || peers == 0 || seeds > peers || records.Length < length) return false;
        record = new SwarmRecord
        {
            Name = new InfoHash(records.Slice(1, InfoHash.Size)), IsIPv6 = six, Completed = completed, Peers = peers, Seeds = seeds,
            Endpoints = records.Slice(RecordHeader, endpoints), Ages = records.Slice(RecordHeader + endpoints, peers),
        };
        records = records[length..];
        return true;
    }
}
