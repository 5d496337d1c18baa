using TinyTorrent.Net;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Net;

/// <summary>Outbox and signal under real threads: whatever is queued and flushed is taken, without a further push.</summary>
public class WakeUpTests
{
    const int Rounds = 20_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task NothingThatWasFlushedIsLeftLying(int seed)
    {
        var outbox = new Outbox(new Slabs());
        var wake = new AsyncSignal();
        outbox.Attach(wake.Set, () => { });
        using var taken = new SemaphoreSlim(0);
        Task writer = WriteAsync(outbox, wake, taken);
        var random = new Random(seed);
        await Task.Run(async () =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                int count = random.Next(1, 4);
                for (int b = 0; b < count; b++) Assert.True(outbox.QueueBlock(new BlockRef(i, b, 1)));
                Thread.SpinWait(random.Next(200));
                outbox.Flush();
                if (random.Next(2) == 0) await Task.Yield();
                for (int b = 0; b < count; b++) Assert.True(await taken.WaitAsync(TimeSpan.FromSeconds(30)), $"round {i} of seed {seed} was forgotten");
            }
        });
        outbox.Finish();
        await writer.WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>As the asynchronous driver writes.</summary>
    static async Task WriteAsync(Outbox outbox, AsyncSignal wake, SemaphoreSlim taken)
    {
        await Task.Yield();
        var blocks = new BlockRef[15];
        while (!outbox.IsClosed)
        {
            bool any = outbox.TryTake(blocks, out _, out _, out int count);
            if (!any && !outbox.IsClosed) await wake.WaitAsync();
            if (count > 0) taken.Release(count);
        }
    }
}
