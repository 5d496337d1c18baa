namespace TinyTorrent.Net;

/// <summary>How long trackers are waited for. Tests shorten them.</summary>
sealed record TrackerTimeouts
{
    /// <summary>For a TCP connection, all addresses of a name together.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For an HTTP request from the look-up of its name to the last byte, redirects included.</summary>
    public TimeSpan Http { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Before a UDP packet is sent again; doubles each time (BEP 15).</summary>
    public TimeSpan UdpFirst { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The same for a "stopped": it is sent when the program is about to end and waits two seconds at most.</summary>
    public TimeSpan UdpFirstStopped { get; init; } = TimeSpan.FromMilliseconds(500);
}
