using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>What one server grants its clients.</summary>
sealed record HttpLimits
{
    public int Connections { get; init; } = 8192;

    /// <summary>Which addresses are local. <see cref="Strangers"/> does not count their connections.</summary>
    public Func<PeerAddress, bool> IsLocal { get; init; } = address => AddressRules.IsLocal(address);

    /// <summary>True for an address that many clients may share: a local one, or a proxy's.</summary>
    public bool IsExempt(PeerAddress address) => IsLocal(address) || Proxies.Contains(address);

    /// <summary>The proxies that are believed about where a request comes from.</summary>
    public TrustedProxies Proxies { get; init; } = TrustedProxies.None;

    /// <summary>For a request from its first byte (or from the connection's start) to its last, and for an answer to be taken.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two requests of a connection.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a server that stops goes on sending answers to clients that have asked before.</summary>
    public TimeSpan Farewell { get; init; } = TimeSpan.FromSeconds(0.4);

    /// <summary>True when a connection's time is up. When more than three quarters of the connections are in use, an idle one has a second.</summary>
    /// <param name="idle">It is between two requests, and <paramref name="deadline"/> is that of <see cref="Idle"/>.</param>
    /// <param name="connections">How many are open.</param>
    public bool IsOver(TimeSpan deadline, bool idle, int connections, TimeSpan now) =>
        deadline < now || (idle && connections > Connections / 4 * 3 && deadline - Idle + TimeSpan.FromSeconds(1) < now);

    /// <summary>Bytes a second at which a body must come on the whole.</summary>
    public int BodyRate { get; init; } = 32 * 1024;

    /// <summary>Bytes a second at which an answer must be taken on the whole, after the time of <see cref="Request"/>.</summary>
    public int AnswerRate { get; init; } = 16 * 1024;

    /// <summary>Bytes thrown away behind the last answer of a connection, so that the client reads it before its connection is reset.</summary>
    public int Discarded { get; init; } = 16 * 1024 * 1024;

    /// <summary>For the bodies and answers that are large, of all connections together.</summary>
    public HttpMemory Memory { get; init; } = HttpMemory.Fitting;

    public TimeSpan ForAnswer(long length) => Request + TimeSpan.FromSeconds((double)length / AnswerRate);

    public TimeSpan ForBody(int length) => Request + TimeSpan.FromSeconds((double)length / BodyRate);
}
