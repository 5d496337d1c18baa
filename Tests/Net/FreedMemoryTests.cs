using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public class FreedMemoryTests
{
    [Fact]
    public void MemoryIsGivenBackOnceWhenMostOfManyPeersHaveGone()
    {
        if (!OperatingSystem.IsLinux()) return;
        var freed = new FreedMemory();
        Assert.Equal(
            [false, false, false, true, false, false, true],
            new long[] { 0, 1_000_000, 600_000, 450_000, 440_000, 420_000, 1000 }.Select(freed.OnPeers));
        Assert.Equal([false, false], new long[] { 40_000, 0 }.Select(freed.OnPeers));
    }
}
