// Whom to dial: every address we were told of, what became of it, and when it may be tried again.
// Addresses come from anybody and most are dead, so the list is capped, a failure doubles the wait, and what failed most is
// forgotten first. A dual-stack socket's ::ffff:1.2.3.4 is the same peer as 1.2.3.4.
using System.Net;
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>Candidates for outgoing connections. Not thread-safe.</summary>
sealed class PeerList(Random random, int capacity = PeerList.DefaultCapacity)
{
    public const int DefaultCapacity = 2000;

    static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(15);
    static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(30);
    static readonly TimeSpan s_waitAfterUse = TimeSpan.FromSeconds(20);

    /// <summary>Peers the user named are few and wanted: the first wait, and the longest.</summary>
    static readonly TimeSpan s_firstWaitIfKept = TimeSpan.FromSeconds(2), s_longestWaitIfKept = TimeSpan.FromMinutes(1);

    enum State { Idle, Dialing, Connected }

    sealed class Candidate(IPEndPoint endPoint, bool keep)
    {
        public IPEndPoint EndPoint { get; } = endPoint;
        public bool Keep { get; set; } = keep;
        public State State { get; set; }
        public int Failures { get; set; }
        public bool WasUseful { get; set; }
        public TimeSpan NotBefore { get; set; }

        // Lower is better: proven peers, then untried ones, then by failures.
        public int Rank => Failures > 0 ? 1 + Failures : WasUseful ? 0 : 1;
    }

    readonly Dictionary<IPEndPoint, Candidate> _candidates = [];
    readonly HashSet<IPAddress> _banned = [];
    readonly HashSet<IPEndPoint> _never = [];

    /// <summary>Addresses known.</summary>
    public int Count => _candidates.Count;

    /// <summary>Adds an address. False if it is known, banned, our own, or nobody can be there, or the list is full of better ones.</summary>
    /// <param name="keep">Named by the user: never forgotten.</param>
    public bool Add(IPEndPoint endPoint, bool keep = false)
    {
        endPoint = Normal(endPoint);
        if (!IsDialable(endPoint) || _banned.Contains(endPoint.Address) || _never.Contains(endPoint)) return false;
        if (_candidates.TryGetValue(endPoint, out Candidate? known))
        {
            known.Keep |= keep;
            return false;
        }
        if (_candidates.Count >= capacity && !ForgetWorst() && !keep) return false;
        _candidates.Add(endPoint, new Candidate(endPoint, keep));
        return true;
    }

    /// <summary>The address to dial, taken as being dialed until <see cref="OnConnected"/>, <see cref="OnDialFailed"/> or
    /// <see cref="OnDialGivenUp"/>; null if none is due.</summary>
    public IPEndPoint? NextToDial(TimeSpan now)
    {
        Candidate? best = null;
        int equals = 0;
        foreach (Candidate candidate in _candidates.Values)
        {
            if (candidate.State != State.Idle || candidate.NotBefore > now) continue;
            if (best != null && candidate.Rank > best.Rank) continue;
            if (best == null || candidate.Rank < best.Rank) equals = 0;
            // Each of n equals ends up chosen with probability 1/n.
            if (random.Next(++equals) == 0) best = candidate;
        }
        if (best == null) return null;
        best.State = State.Dialing;
        return best.EndPoint;
    }

    /// <summary>Somebody is connected, being dialed, or was never tried.</summary>
    public bool HasUntried => _candidates.Values.Any(c => c.State != State.Idle || c.Failures == 0);

    /// <summary>When the next address is due, or null if none waits: how long <see cref="NextToDial"/> will say null.</summary>
    public TimeSpan? NextDue
    {
        get
        {
            TimeSpan? due = null;
            foreach (Candidate candidate in _candidates.Values)
                if (candidate.State == State.Idle && (due == null || candidate.NotBefore < due)) due = candidate.NotBefore;
            return due;
        }
    }

    /// <summary>There is a connection, ours or theirs, with the peer that listens here. False if there was one already.</summary>
    public bool OnConnected(IPEndPoint endPoint)
    {
        Add(endPoint);
        if (Find(endPoint) is not { } candidate) return true;
        bool first = candidate.State != State.Connected;
        candidate.State = State.Connected;
        return first;
    }

    /// <summary>The user has named a peer, which is being dialed.</summary>
    public void OnDialing(IPEndPoint endPoint)
    {
        Add(endPoint, keep: true);
        if (Find(endPoint) is { State: State.Idle } candidate) candidate.State = State.Dialing;
    }

    /// <summary>It was not reached, or did not want us. Nothing changes if the peer has connected to us meanwhile.</summary>
    public void OnDialFailed(IPEndPoint endPoint, TimeSpan now)
    {
        if (Find(endPoint) is not { } candidate || candidate.State == State.Connected) return;
        candidate.State = State.Idle;
        candidate.Failures++;
        Postpone(candidate, now);
    }

    /// <summary>The dial ended for a reason of ours, such as no room for another connection: no failure of the peer's.</summary>
    public void OnDialGivenUp(IPEndPoint endPoint, TimeSpan now)
    {
        if (Find(endPoint) is not { } candidate || candidate.State == State.Connected) return;
        candidate.State = State.Idle;
        Postpone(candidate, now);
    }

    /// <summary>The connection ended.</summary>
    /// <param name="useful">Blocks went either way: worth coming back to soon.</param>
    public void OnClosed(IPEndPoint endPoint, bool useful, TimeSpan now)
    {
        if (Find(endPoint) is not { } candidate) return;
        candidate.State = State.Idle;
        candidate.WasUseful |= useful;
        candidate.Failures = useful ? 0 : candidate.Failures + 1;
        Postpone(candidate, now);
    }

    /// <summary>Never to be dialed or listened to again, on any port; on loopback, where a whole swarm may live, on this one.</summary>
    public void Ban(IPEndPoint endPoint)
    {
        endPoint = Normal(endPoint);
        if (IPAddress.IsLoopback(endPoint.Address))
        {
            Forget(endPoint);
            return;
        }
        if (!_banned.Add(endPoint.Address)) return;
        foreach (IPEndPoint other in _candidates.Keys.Where(e => e.Address.Equals(endPoint.Address)).ToArray()) _candidates.Remove(other);
    }

    public bool IsBanned(IPEndPoint endPoint)
    {
        endPoint = Normal(endPoint);
        return _banned.Contains(endPoint.Address) || _never.Contains(endPoint);
    }

    /// <summary>The address that answers for what a connection brings, whatever the port; on loopback this endpoint. This is what
    /// <see cref="Ban"/> bans.</summary>
    public static IPEndPoint OriginOf(IPEndPoint endPoint)
    {
        endPoint = Normal(endPoint);
        return IPAddress.IsLoopback(endPoint.Address) ? endPoint : new IPEndPoint(endPoint.Address, 0);
    }

    /// <summary>That is ourselves: our own peer id answered there.</summary>
    public void OnOwnAddress(IPEndPoint endPoint) => Forget(Normal(endPoint));

    void Forget(IPEndPoint endPoint)
    {
        _never.Add(endPoint);
        _candidates.Remove(endPoint);
    }

    Candidate? Find(IPEndPoint endPoint) => _candidates.GetValueOrDefault(Normal(endPoint));

    // A quarter up or down, so that the peers of a swarm do not come back to a restarted seeder in one wave.
    void Postpone(Candidate candidate, TimeSpan now)
    {
        (TimeSpan first, TimeSpan longest) = candidate.Keep ? (s_firstWaitIfKept, s_longestWaitIfKept) : (s_firstWait, s_longestWait);
        TimeSpan wait = candidate.Failures > 0 ? first * Math.Pow(2, Math.Min(candidate.Failures - 1, 10)) : candidate.Keep ? first : s_waitAfterUse;
        candidate.NotBefore = now + (wait < longest ? wait : longest) * (0.75 + random.NextDouble() / 2);
    }

    bool ForgetWorst()
    {
        Candidate? worst = null;
        foreach (Candidate candidate in _candidates.Values)
        {
            if (candidate.Keep || candidate.State != State.Idle || candidate.Failures == 0) continue;
            if (worst == null || candidate.Failures > worst.Failures) worst = candidate;
        }
        return worst != null && _candidates.Remove(worst.EndPoint);
    }

    static IPEndPoint Normal(IPEndPoint endPoint)
    {
        IPAddress address = CompactPeers.Unmap(endPoint.Address);
        return ReferenceEquals(address, endPoint.Address) ? endPoint : new IPEndPoint(address, endPoint.Port);
    }

    static bool IsDialable(IPEndPoint endPoint)
    {
        Span<byte> address = stackalloc byte[16];
        if (endPoint.Port == 0 || !endPoint.Address.TryWriteBytes(address, out int length)) return false;
        if (length == 16) return !endPoint.Address.IsIPv6Multicast && !endPoint.Address.Equals(IPAddress.IPv6Any);
        // 224.0.0.0 and up: multicast, reserved, broadcast.
        return address[0] is > 0 and < 224;
    }
}
