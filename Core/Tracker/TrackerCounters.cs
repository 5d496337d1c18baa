namespace TinyTorrent.Tracker;

/// <summary>What a tracker has answered since its start. Any thread may count and read.</summary>
sealed class TrackerCounters
{
    long _udpConnects, _udpAnnounces, _udpScrapes, _udpRefused, _udpDropped, _httpAnnounces, _httpScrapes, _httpRefused, _fullRefused, _keyRefused, _rateRefused;
    long _httpMalformed, _httpTurnedAway, _httpLate, _faults;

    public long UdpConnects => Volatile.Read(ref _udpConnects);
    public long UdpAnnounces => Volatile.Read(ref _udpAnnounces);
    public long UdpScrapes => Volatile.Read(ref _udpScrapes);

    /// <summary>Requests answered with an error: no valid connection id, a torrent not served, a bad port.</summary>
    public long UdpRefused => Volatile.Read(ref _udpRefused);

    /// <summary>Packets that were no request and got no answer.</summary>
    public long UdpDropped => Volatile.Read(ref _udpDropped);

    public long HttpAnnounces => Volatile.Read(ref _httpAnnounces);
    public long HttpScrapes => Volatile.Read(ref _httpScrapes);
    public long HttpRefused => Volatile.Read(ref _httpRefused);

    /// <summary>Announces refused because the tracker holds as much as it may; they are among the refused of their transport too.</summary>
    public long FullRefused => Volatile.Read(ref _fullRefused);

    /// <summary>Requests refused for want of a passkey; they are among the refused of their transport too.</summary>
    public long KeyRefused => Volatile.Read(ref _keyRefused);

    /// <summary>Requests refused because their address asks too often; they are among the refused of their transport too.</summary>
    public long RateRefused => Volatile.Read(ref _rateRefused);

    /// <summary>Requests that were no HTTP, and greetings that were no TLS.</summary>
    public long HttpMalformed => Volatile.Read(ref _httpMalformed);

    /// <summary>Connections closed at once because there were too many.</summary>
    public long HttpTurnedAway => Volatile.Read(ref _httpTurnedAway);

    /// <summary>Connections closed because a request did not come, or an answer was not taken, in time.</summary>
    public long HttpLate => Volatile.Read(ref _httpLate);

    /// <summary>Requests that a fault of this program has kept from being answered.</summary>
    public long Faults => Volatile.Read(ref _faults);

    public void UdpConnect() => Interlocked.Increment(ref _udpConnects);
    public void UdpAnnounce() => Interlocked.Increment(ref _udpAnnounces);
    public void UdpScrape() => Interlocked.Increment(ref _udpScrapes);
    public void UdpRefusal() => Interlocked.Increment(ref _udpRefused);
    public void UdpDrop() => Interlocked.Increment(ref _udpDropped);
    public void HttpAnnounce() => Interlocked.Increment(ref _httpAnnounces);
    public void HttpScrape() => Interlocked.Increment(ref _httpScrapes);
    public void HttpRefusal() => Interlocked.Increment(ref _httpRefused);
    public void FullRefusal() => Interlocked.Increment(ref _fullRefused);
    public void KeyRefusal() => Interlocked.Increment(ref _keyRefused);
    public void RateRefusal() => Interlocked.Increment(ref _rateRefused);
    public void HttpMalformedRequest() => Interlocked.Increment(ref _httpMalformed);
    public void HttpTurnAway() => Interlocked.Increment(ref _httpTurnedAway);
    public void Fault() => Interlocked.Increment(ref _faults);
    public void HttpLateness() => Interlocked.Increment(ref _httpLate);
}
