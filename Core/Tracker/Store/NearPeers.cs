// Which peers of a small swarm one that comes is told when it cannot be told of all: half by nearness, so that data takes a short
// way, and half at random, so that the swarm stays one and pieces get around. Near is the same host first, then the network
// that shares the longest prefix; who shares less than a quarter of it is not near. The scan is bounded and vectorised, and an
// announce allocates nothing. Pure; the shard's lock guards the peers.
using System.Runtime.CompilerServices;

namespace TinyTorrent.Tracker;

static class NearPeers
{
    /// <summary>Peers in one chunk at most.</summary>
    const int MaxPeers = 512;

    /// <summary>Peers looked at for one answer.</summary>
    const int MaxScan = 256;

    /// <summary>Marks who has been chosen, or may not be.</summary>
    const byte Taken = byte.MaxValue;

    const byte SameHost = 32;

    static ReadOnlySpan<byte> Steps => [SameHost, 28, 24, 20, 16, 12, 8];

    /// <param name="to">Is filled: there must be more peers than it has room for, without <paramref name="self"/>.</param>
    /// <param name="peers">Whom to choose from, <see cref="MaxPeers"/> at most.</param>
    /// <param name="self">The asker's place among them, or -1.</param>
    /// <param name="draw">32 random bits.</param>
    [SkipLocalsInit]
    public static void Copy<TEndpoint>(Span<TEndpoint> to, ReadOnlySpan<TEndpoint> peers, int self, in TEndpoint asker, uint draw)
        where TEndpoint : unmanaged, IEndpoint<TEndpoint>
    {
        Span<byte> marks = stackalloc byte[MaxPeers];
        marks = marks[..peers.Length];
        int start = (int)((ulong)draw * (uint)peers.Length >> 32), end = start + Math.Min(peers.Length, MaxScan);
        int straight = Math.Min(end, peers.Length), wrapped = end - straight;
        marks[wrapped..start].Clear();
        marks[straight..].Clear();
        for (int i = start; i < straight; i++) marks[i] = asker.NearnessTo(peers[i]);
        for (int i = 0; i < wrapped; i++) marks[i] = asker.NearnessTo(peers[i]);
        if (self >= 0) marks[self] = Taken;

        int copied = 0, near = to.Length / 2;
        foreach (byte step in Steps)
        {
            // From the random start on, once around.
            Take(start, straight, step, to[..near], peers, marks, ref copied);
            Take(0, wrapped, step, to[..near], peers, marks, ref copied);
            if (copied == near) break;
        }
        for (int i = (int)((ulong)(draw * 0x9e3779b9) * (uint)peers.Length >> 32); copied < to.Length; i = i + 1 == peers.Length ? 0 : i + 1)
            if (marks[i] != Taken) to[copied++] = peers[i];
    }

    /// <summary>Takes peers at least so near from a range, as long as there is room.</summary>
    static void Take<TEndpoint>(int from, int end, byte step, Span<TEndpoint> to, ReadOnlySpan<TEndpoint> peers, Span<byte> marks, ref int copied)
        where TEndpoint : unmanaged
    {
        while (copied < to.Length)
        {
            int next = marks[from..end].IndexOfAnyInRange(step, SameHost);
            if (next < 0) return;
            from += next;
            to[copied++] = peers[from];
            marks[from++] = Taken;
        }
    }
}
