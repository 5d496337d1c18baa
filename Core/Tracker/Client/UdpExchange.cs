// One request to a UDP tracker (BEP 15): connect for a connection id, then announce or scrape, each repeated after
// 15·2ⁿ seconds until something comes; n counts what stayed unanswered in a row, 0 to 8, and after that the tracker is given up
// (two hours; TrackerClient goes on to other trackers long before). Datagrams in, datagrams out: no socket, no clock.
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

sealed class UdpExchange
{
    /// <summary>Seconds a connection id may be used for.</summary>
    static readonly TimeSpan IdLife = TimeSpan.FromMinutes(1);

    const int LastAttempt = 8;

    readonly TrackerRequest _request;
    readonly List<IPEndPoint> _addresses;
    readonly UdpConnections _connections;
    readonly Func<uint> _draw;
    readonly TimeSpan _firstTimeout;

    uint _transaction;
    UdpAction _asked;
    int _unanswered;
    bool _connected; // the id in use was given to this exchange, so an error is about the request, not about an old id

    /// <param name="addresses">At least one. After a silence the next one is tried.</param>
    /// <param name="draw">Numbers for transactions. Who guesses one can answer in the tracker's name: a source address is easily forged.</param>
    /// <param name="firstTimeout">15 s, but a client that is about to exit has less.</param>
    public UdpExchange(TrackerRequest request, IEnumerable<IPEndPoint> addresses, UdpConnections connections, Func<uint> draw, TimeSpan firstTimeout)
    {
        (_request, _addresses, _connections, _draw, _firstTimeout) = (request, [.. addresses], connections, draw, firstTimeout);
        Target = _addresses[0];
    }

    /// <summary>Where the next datagram goes, and the only source a reply is taken from.</summary>
    public IPEndPoint Target { get; private set; }

    /// <summary>When to call <see cref="Write"/> next.</summary>
    public TimeSpan DueAt { get; private set; }

    /// <summary>Null while it goes on.</summary>
    public TrackerReply? Outcome { get; private set; }

    /// <summary>Writes the datagram that is due and returns its length; 0 when there is an <see cref="Outcome"/>.</summary>
    /// <param name="to"><see cref="UdpCodec.MaxPacketSize"/> bytes.</param>
    public int Write(Span<byte> to, TimeSpan now)
    {
        if (_unanswered > LastAttempt) Outcome ??= TrackerReply.Failed(TrackerFailure.Unreachable, "no answer");
        if (Outcome is not null) return 0;
        Target = _addresses[_unanswered % _addresses.Count];

        UdpAction ask = UdpAction.Connect;
        if (_connections.TryGet(Target, now - IdLife, out ulong id)) ask = _request.IsScrape ? UdpAction.Scrape : UdpAction.Announce;
        // A repeated datagram keeps its number, so that the answer to either is understood.
        if (ask != _asked || _unanswered == 0) _transaction = _draw();
        _asked = ask;
        DueAt = now + _firstTimeout * (1 << _unanswered++);
        return ask switch
        {
            UdpAction.Connect => UdpCodec.WriteConnect(to, _transaction),
            UdpAction.Scrape => UdpCodec.WriteScrape(to, id, _transaction, [_request.InfoHash]),
            _ => UdpCodec.WriteAnnounce(to, id, _transaction, _request.Announce, UrlData()),
        };
    }

    /// <summary>Takes a datagram. False if it is not the answer to what was sent: then nothing has changed.</summary>
    public bool OnDatagram(ReadOnlySpan<byte> packet, IPEndPoint source, TimeSpan now)
    {
        if (Outcome is not null || _unanswered == 0 || !source.Equals(Target)) return false;
        if (IsBareHeader(packet))
        {
            Outcome = TrackerReply.Failed(TrackerFailure.Refused, "the tracker does not serve this torrent");
            return true;
        }
        if (!UdpCodec.TryReadReply(packet, out UdpReply reply) || reply.Transaction != _transaction) return false;
        if (reply.Action == UdpAction.Error) OnError(reply, now);
        else if (reply.Action != _asked) return false;
        else if (reply.Action == UdpAction.Connect)
        {
            _connections.Add(Target, reply.ConnectionId, now, now - IdLife);
            _connected = true;
            _unanswered--;
            DueAt = now;
        }
        else Outcome = reply.Action == UdpAction.Scrape ? ReadScrape(reply) : ReadAnnounce(reply);
        return true;
    }

    /// <summary>An announce reply without a body: what opentracker sends for a torrent that is not on its list.</summary>
    bool IsBareHeader(ReadOnlySpan<byte> packet) =>
        packet.Length == 8 && _asked == UdpAction.Announce
        && BinaryPrimitives.ReadUInt32BigEndian(packet) == (uint)UdpAction.Announce && BinaryPrimitives.ReadUInt32BigEndian(packet[4..]) == _transaction;

    /// <summary>The system cannot send to <see cref="Target"/>, for example an IPv6 address without IPv6: goes to the next address.</summary>
    public void OnSendFailed(string why, TimeSpan now)
    {
        _addresses.Remove(Target);
        if (_addresses.Count == 0)
        {
            Outcome = TrackerReply.Failed(TrackerFailure.Unreachable, why);
            return;
        }
        _unanswered = Math.Max(0, _unanswered - 1);
        Target = _addresses[_unanswered % _addresses.Count];
        DueAt = now;
    }

    void OnError(in UdpReply reply, TimeSpan now)
    {
        if (_asked != UdpAction.Connect && !_connected)
        {
            // An id from an earlier request may have died with a restart of the tracker: worth one fresh connect.
            _connections.Remove(Target);
            _unanswered--;
            _connected = true;
            DueAt = now;
            return;
        }
        Outcome = TrackerReply.Failed(TrackerFailure.Refused, TrackerReply.ReasonText(reply.Body.TrimEnd((byte)0)));
    }

    TrackerReply ReadAnnounce(in UdpReply reply)
    {
        var peers = new List<IPEndPoint>();
        CompactPeers.Read(reply.Body, Target.AddressFamily == AddressFamily.InterNetworkV6 ? CompactPeers.Size6 : CompactPeers.Size4, peers);
        return new TrackerReply
        {
            Interval = TimeSpan.FromSeconds(reply.Interval), Seeders = reply.Counts.Seeders, Leechers = reply.Counts.Leechers, Peers = peers,
        };
    }

    static TrackerReply ReadScrape(in UdpReply reply)
    {
        if (reply.RowCount == 0) return TrackerReply.Failed(TrackerFailure.BadAnswer, "a scrape answer without counts");
        SwarmCounts counts = reply.Row(0);
        return new TrackerReply { Seeders = counts.Seeders, Leechers = counts.Leechers, Completed = counts.Completed };
    }

    // BEP 41: the rest of the URL, which may hold a passkey.
    byte[] UrlData() => _request.Tracker.Uri.PathAndQuery is var path and not "/" ? Encoding.ASCII.GetBytes(path) : [];
}

/// <summary>Connection ids by tracker address, shared by the requests to it. Not thread-safe.</summary>
sealed class UdpConnections
{
    readonly Dictionary<IPEndPoint, (ulong Id, TimeSpan Since)> _ids = [];

    /// <summary>False if there is none from after <paramref name="oldest"/>.</summary>
    public bool TryGet(IPEndPoint tracker, TimeSpan oldest, out ulong id)
    {
        bool found = _ids.TryGetValue(tracker, out (ulong Id, TimeSpan Since) known) && known.Since > oldest;
        id = known.Id;
        return found;
    }

    /// <summary>Adds one, and drops those from before <paramref name="oldest"/>: they are of no more use.</summary>
    public void Add(IPEndPoint tracker, ulong id, TimeSpan now, TimeSpan oldest)
    {
        foreach ((IPEndPoint known, (_, TimeSpan since)) in _ids)
            if (since <= oldest) _ids.Remove(known);
        _ids[tracker] = (id, now);
    }

    /// <summary>Ids held.</summary>
    public int Count => _ids.Count;

    public void Remove(IPEndPoint tracker) => _ids.Remove(tracker);
}
