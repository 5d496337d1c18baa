using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

public class BlockQueueTests
{
    static BlockRef Block(int n) => new(n, n % 3, 16384);

    /// <summary>Against a plain list, in which a cancel removes the first block of its kind.</summary>
    [Fact]
    public void WhateverIsCancelledTheOthersComeInOrder()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var queue = new BlockQueue();
            var model = new List<BlockRef>();
            int kinds = random.Next(1, 300), busy = random.Next(1, 10);
            for (int step = 0; step < 2000; step++)
            {
                BlockRef block = Block(random.Next(kinds));
                switch (random.Next(12))
                {
                    case 0:
                        Assert.Equal(model.Count > 0, queue.TryDequeue(out BlockRef next));
                        if (model.Count == 0) break;
                        Assert.True(model[0] == next, $"out of order, seed {seed} step {step}");
                        model.RemoveAt(0);
                        break;
                    case 1 when random.Next(200) == 0:
                        queue.Clear();
                        model.Clear();
                        break;
                    case int n when n <= busy:
                        queue.Enqueue(block);
                        model.Add(block);
                        break;
                    default:
                        Assert.True(model.Remove(block) == queue.Cancel(block), $"a cancel, seed {seed} step {step}");
                        break;
                }
                Assert.Equal(model.Count, queue.Count);
            }
            while (queue.TryDequeue(out BlockRef rest))
            {
                Assert.Equal(model[0], rest);
                model.RemoveAt(0);
            }
            Assert.Empty(model);
        }
    }

    [Fact]
    public void BlocksThatAreAskedForAndCancelledOverAndOverTakeNoMemory()
    {
        var queue = new BlockQueue();
        for (int i = 0; i < 100; i++) queue.Enqueue(Block(i));
        long before = 0;
        for (int i = 0; i < 1_000_000; i++)
        {
            if (i == 10_000) before = GC.GetAllocatedBytesForCurrentThread();
            queue.Enqueue(Block(1000 + i));
            Assert.True(queue.Cancel(Block(1000 + i)));
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Equal(100, queue.Count);
    }
}
