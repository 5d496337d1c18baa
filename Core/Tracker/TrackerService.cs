// What a tracker decides, whatever the transport: who is let in, under which address, how many peers it is told and when
// it shall come again. UdpTracker and HttpTracker translate; the swarms do the rest. Any thread may call all but Tick.
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

sealed record TrackerOptions
{
    /// <summary>Time between two announces of a peer. Each answer is a random tenth more or less, so that peers spread out.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Peers in an answer to who does not say.</summary>
    public int DefaultPeers { get; init; } = 50;

    /// <summary>Peers in an answer at most, <see cref="PeerLimit"/> or less.</summary>
    public int MaxPeers { get; init; } = 200;

    /// <summary>Torrents held at most, or null. Beyond it a peer of a torrent nobody is in is refused.</summary>
    public long? MaxTorrents { get; init; }

    /// <summary>Peers held at most, in all torrents, or null. Beyond it a peer that is not known is refused.</summary>
    public long? MaxTotalPeers { get; init; }

    /// <summary>Bytes that torrents and peers may take together, or null. Beyond it newcomers are refused.</summary>
    public long? MaxSwarmBytes { get; init; }

    /// <summary>Requests a second that one address (of IPv6, one /64) may go on with, or null. Up to <see cref="RequestLimiter.MaxRate"/>.</summary>
    public double? MaxRate { get; init; }

    /// <summary>Answer a scrape that names no torrent with all of them.</summary>
    public bool FullScrape { get; init; }

    /// <summary>The torrents that are served at first.</summary>
    public AccessList Access { get; init; } = AccessList.Everything;

    /// <summary>The keys one of which everybody needs at first, or null: everybody is served.</summary>
    public Passkeys? Keys { get; init; }

    /// <summary>The proxies that are believed about where a request comes from.</summary>
    public TrustedProxies Proxies { get; init; } = TrustedProxies.None;

    /// <summary>Believe the address that an announce names, whoever sends it.</summary>
    public bool TrustIp { get; init; }

    /// <summary>How long a UDP connection id is good for.</summary>
    public TimeSpan ConnectionLifetime { get; init; } = ConnectionIds.StandardLifetime;

    /// <summary>The largest <see cref="MaxPeers"/>.</summary>
    public const int PeerLimit = 1000;
}

/// <summary>The tracker without its transports.</summary>
sealed class TrackerService : IDisposable
{
    /// <summary>Between two lists of everything: each is megabytes that wait to be fetched.</summary>
    static readonly TimeSpan s_listGap = TimeSpan.FromSeconds(10);

    readonly TrackerOptions _options;
    readonly SwarmStore _swarms;
    readonly TimeSpan _lifetime;
    readonly RequestLimiter? _limiter;
    volatile AccessList _access;
    volatile Passkeys? _keys;
    TimeSpan _expiredUntil;
    ulong _draws;
    long _listedTicks = long.MinValue;

    /// <param name="secret">16 bytes nobody else knows, made new at every start.</param>
    public TrackerService(TrackerOptions options, ReadOnlySpan<byte> secret)
    {
        _options = options;
        (_access, _keys) = (options.Access, options.Keys);
        // Half an interval more than the longest a well-behaved peer is silent for: one lost packet costs nobody his place.
        _lifetime = options.Interval * 1.5;
        bool limited = options.MaxTorrents is not null || options.MaxTotalPeers is not null || options.MaxSwarmBytes is not null;
        _swarms = new SwarmStore(_lifetime, secret, limited
            ? new SwarmQuota(options.MaxTorrents ?? long.MaxValue, options.MaxTotalPeers ?? long.MaxValue, options.MaxSwarmBytes ?? long.MaxValue) : null);
        ConnectionIds = new ConnectionIds(secret, options.ConnectionLifetime);
        if (options.MaxRate is { } rate) _limiter = new RequestLimiter(rate, secret);
    }

    public ConnectionIds ConnectionIds { get; }

    public TrustedProxies Proxies => _options.Proxies;

    public TrackerCounters Counters { get; } = new();

    public SavedState Saved { get; } = new();

    public SwarmStore Swarms => _swarms;

    public AccessList Access
    {
        get => _access;
        set => _access = value;
    }

    /// <summary>Null: everybody is served. The transports ask, because each carries the key in its own way.</summary>
    public Passkeys? Keys
    {
        get => _keys;
        set => _keys = value;
    }

    public (int IPv4, int IPv6) Torrents => _swarms.Torrents;
    public (long IPv4, long IPv6) Peers => _swarms.Peers;

    /// <summary>Seconds to the peer's next announce.</summary>
    public int NextInterval()
    {
        double spread = 0.9 + 0.2 * (Draw() >> 11) / (1ul << 53);
        return (int)Math.Max(1, Math.Round(_options.Interval.TotalSeconds * spread));
    }

    /// <summary>Seconds a peer must wait before it may ask again.</summary>
    public int MinInterval => (int)Math.Max(1, _options.Interval.TotalSeconds / 2);

    /// <summary>Peers to answer with.</summary>
    /// <param name="wanted">The peer's numwant; below zero if it has no wish.</param>
    public int PeersFor(int wanted) => Math.Min(wanted < 0 ? _options.DefaultPeers : wanted, _options.MaxPeers);

    /// <summary>
    /// The address a peer is listed under: where its request came from. A peer could name a victim, and the whole swarm would
    /// dial that, so the address it names counts only if the operator has said so.
    /// </summary>
    public PeerAddress AddressOf(in Announce announce, in PeerAddress source) =>
        _options.TrustIp && announce.Address.IsDialable ? announce.Address : source;

    /// <summary>Notes an announce and draws peers for the answer.</summary>
    /// <param name="address"><see cref="AddressOf"/>.</param>
    /// <param name="same">Room for packed peers of the address's family.</param>
    /// <param name="other">Room for packed peers of the other family, or empty.</param>
    /// <param name="refusal">When the result is false.</param>
    public bool TryAnnounce(
        scoped in Announce announce, scoped in PeerAddress address, TimeSpan now, scoped Span<byte> same, scoped Span<byte> other,
        out SwarmReply reply, out Refusal refusal)
    {
        reply = default;
        refusal = default;
        if (announce.Port == 0) refusal = new Refusal("port is not a number from 1 to 65535"u8);
        else if (!_access.Serves(announce.InfoHash)) refusal = new Refusal("this torrent is not served here"u8);
        if (!refusal.Reason.IsEmpty) return false;
        reply = _swarms.Announce(announce, address, now, same, other);
        if (reply.Full == SwarmLimit.None) return true;
        Counters.FullRefusal();
        ReadOnlySpan<byte> reason = reply.Full switch
        {
            SwarmLimit.Torrents => "this tracker is full: it takes no more torrents"u8,
            SwarmLimit.Peers => "this tracker is full: it takes no more peers"u8,
            _ => "this tracker is full: it has no memory for more"u8,
        };
        refusal = new Refusal(reason, (int)Math.Ceiling(_options.Interval.TotalMinutes));
        return false;
    }

    /// <summary>
    /// False for an address that asks too often. The transports ask before anything else, but not before the address is
    /// proven: a stranger could use up what somebody else may ask.
    /// </summary>
    public bool MayAsk(in PeerAddress from, TimeSpan now, out Refusal refusal)
    {
        refusal = default;
        if (_limiter is null || _limiter.TryTake(from, now, out TimeSpan wait)) return true;
        Counters.RateRefusal();
        refusal = new Refusal("too many requests from this address"u8, Math.Max(1, (int)Math.Ceiling(wait.TotalMinutes)));
        return false;
    }

    /// <summary>For who came without one of the <see cref="Keys"/>.</summary>
    public Refusal RefuseWithoutKey()
    {
        Counters.KeyRefusal();
        return new Refusal("a passkey is needed"u8);
    }

    /// <summary>False if the torrent is not served here. One nobody is in has counts of zero.</summary>
    public bool TryScrape(in InfoHash name, out SwarmCounts counts)
    {
        bool served = _access.Serves(name);
        counts = served ? _swarms.Scrape(name) : default;
        return served;
    }

    /// <summary>The torrents somebody is in, in no order; one with peers of both families is there twice.</summary>
    public bool TryListAll(TimeSpan now, out InfoHash[] names, out Refusal refusal)
    {
        names = [];
        refusal = new Refusal("info_hash is missing: scrapes of everything are not answered"u8);
        if (!_options.FullScrape) return false;
        long last = Volatile.Read(ref _listedTicks);
        bool first = last == long.MinValue;
        if ((!first && now.Ticks - last < s_listGap.Ticks) || Interlocked.CompareExchange(ref _listedTicks, now.Ticks, last) != last)
        {
            refusal = new Refusal("everything was listed a moment ago: once in ten seconds is the limit"u8, 1);
            return false;
        }
        names = _swarms.Names();
        refusal = default;
        return true;
    }

    /// <summary>Forgets silent peers, a little at a time: all are looked at sixteen times in a lifetime. Call it about once a second, from one thread.</summary>
    public void Tick(TimeSpan now)
    {
        double share = Math.Min(1, (now - _expiredUntil).Ticks / (double)_lifetime.Ticks * 16);
        _expiredUntil = now;
        (int torrents4, int torrents6) = Torrents;
        (long peers4, long peers6) = Peers;
        // A table has at most three places for a torrent; a lone peer is as much to look at as its place.
        double everything = 4096 + 3.0 * (torrents4 + torrents6) + peers4 + peers6;
        _swarms.Expire(now, (int)Math.Min(int.MaxValue, 1 + everything * share));
    }

    public void Dispose() => _swarms.Dispose();

    /// <summary>64 bits for spreading, not for secrets: a counter through a mixer (SplitMix64), so threads share it without a lock.</summary>
    ulong Draw()
    {
        ulong z = Interlocked.Add(ref _draws, 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
