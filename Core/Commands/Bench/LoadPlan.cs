using System.Net;

using TinyTorrent.Net;
namespace TinyTorrent.Commands;

/// <summary>What a load test does to a tracker.</summary>
sealed record LoadPlan
{
    /// <summary>Where the tracker is.</summary>
    public required IPEndPoint Target { get; init; }

    /// <summary>Its announce URL.</summary>
    public required Uri Url { get; init; }

    public required LoadPopulation Population { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>Everybody announces once, and that is the end, whatever <see cref="Duration"/> is.</summary>
    public bool Once { get; init; }

    /// <summary>Announces a second, or null: as many as there are answers.</summary>
    public long? Rate { get; init; }

    /// <summary>Announces on their way at once.</summary>
    public int Window { get; init; } = 64;

    /// <summary>HTTP: a connection for each announce.</summary>
    public bool Close { get; init; }

    /// <summary>Peers wanted in an answer.</summary>
    public int Wanted { get; init; } = 50;

    public static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(2);

    /// <summary>How long an answer is waited for.</summary>
    public TimeSpan Patience { get; init; } = UsualPatience;

    /// <summary>The address of one's own host that a share of the population speaks from: loopback is a whole network of them on Linux. Null for the usual one.</summary>
    public IPAddress? Source(int address) => SpeaksFromMany ? new IPAddress([127, 1, (byte)(address >> 8), (byte)(1 + address)]) : null;

    /// <summary>Addresses that can be spoken from.</summary>
    public int Sources => HasManySources ? 200 : 1;

    bool SpeaksFromMany => HasManySources && Population.Addresses > 1;

    bool HasManySources => OperatingSystem.IsLinux() && Target.Address.GetAddressBytes() is [127, ..];
}
