using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

static class SessionOutput
{
    /// <summary>What a writer without a rate limit sends next; empty if nothing waits.</summary>
    public static ReadOnlyMemory<byte> NextOutput(this PeerSession session) =>
        session.TakenBlocks > 0 || session.Take() > 0 ? session.TakeOutput() : default;
}
