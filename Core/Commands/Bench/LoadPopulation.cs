// Who announces in a load test: a fixed population of torrents and peers, the same in every run with the same numbers.
// Peer n is in torrent n modulo their count, behind port 1,024 and up; where a torrent has more peers than an address has
// ports, the next ones come from further addresses. Every second peer is a seed.
using System.Buffers.Binary;
using System.Text;
using TinyTorrent.Hashing;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class LoadPopulation
{
    const int FirstPort = 1024, PortsPerAddress = 60_000;

    readonly InfoHash[] _names;

    public LoadPopulation(int torrents, int peers)
    {
        Peers = peers;
        _names = new InfoHash[torrents];
        Span<byte> digest = stackalloc byte[Sha1.Size];
        for (int i = 0; i < torrents; i++)
        {
            Sha1.Hash(Encoding.ASCII.GetBytes(NameOf(i)), digest);
            _names[i] = new InfoHash(digest);
        }
    }

    public int Torrents => _names.Length;
    public int Peers { get; }

    /// <summary>Addresses the peers come from.</summary>
    public int Addresses => (Peers - 1) / _names.Length / PortsPerAddress + 1;

    /// <summary>The text whose SHA-1 is the info-hash of a torrent, so that it can be put on a list.</summary>
    public static string NameOf(int torrent) => $"tinytorrent bench {torrent}";

    /// <summary>The peers behind an address: from First up to, not including, End.</summary>
    public (int First, int End) BehindAddress(int address)
    {
        long each = (long)PortsPerAddress * _names.Length;
        return ((int)Math.Min(address * each, Peers), (int)Math.Min((address + 1) * each, Peers));
    }

    public Announce Announce(int peer, AnnounceEvent happened, int wanted)
    {
        Span<byte> id = stackalloc byte[PeerId.Size];
        "-TBnch0-"u8.CopyTo(id);
        BinaryPrimitives.WriteInt32BigEndian(id[8..], peer);
        int torrent = peer % _names.Length, place = peer / _names.Length;
        return new Announce
        {
            InfoHash = _names[torrent], PeerId = new PeerId(id), Port = (ushort)(FirstPort + place % PortsPerAddress),
            Left = (place & 1) == 0 || happened == AnnounceEvent.Completed ? 0 : 1 << 20, Event = happened, NumWant = wanted,
        };
    }
}

/// <summary>The part of a population that speaks through one socket at a time.</summary>
/// <param name="address">Number of the address it speaks from.</param>
/// <param name="lane">Number of this one among those with the same address; they take every <paramref name="lanes"/>th peer.</param>
/// <param name="once">Everybody once, in order; otherwise at random, without end.</param>
sealed class LoadShare(LoadPopulation population, int address, int lane, int lanes, bool once, int wanted)
{
    const int StartedPercent = 5, CompletedPercent = 2, StoppedPercent = 3;

    readonly (int First, int End) _range = population.BehindAddress(address);
    readonly Random _random = new(address * 1000 + lane); // the same in every run
    long _next = lane;

    /// <summary>False when everybody has had a turn.</summary>
    public bool TryNext(out Announce announce)
    {
        announce = default;
        if (once)
        {
            long peer = _range.First + _next;
            _next += lanes;
            if (peer >= _range.End) return false;
            announce = population.Announce((int)peer, AnnounceEvent.Started, wanted);
            return true;
        }
        AnnounceEvent happened = _random.Next(100) switch
        {
            < StartedPercent => AnnounceEvent.Started,
            < StartedPercent + CompletedPercent => AnnounceEvent.Completed,
            < StartedPercent + CompletedPercent + StoppedPercent => AnnounceEvent.Stopped,
            _ => AnnounceEvent.None,
        };
        announce = population.Announce(_random.Next(_range.First, _range.End), happened, wanted);
        return true;
    }
}
