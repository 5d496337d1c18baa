using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

public class SlabsTests
{
    [Fact]
    public void ManyThatWishForLargeBuffersGetSmallerOnesAndTheSumStaysBounded()
    {
        var slabs = new Slabs();
        var lent = new List<Memory<byte>>();
        for (int i = 0; i < 200; i++) lent.Add(slabs.Rent(Slabs.Largest, Slabs.Smallest));
        Assert.Equal(Slabs.Largest, lent[0].Length);
        Assert.Equal(Slabs.Smallest, lent[^1].Length);
        Assert.Equal(lent.Sum(b => (long)b.Length), slabs.Lent);
        Assert.True(slabs.Lent < Slabs.Budget + 200 * Slabs.Smallest);
        foreach (Memory<byte> buffer in lent) slabs.Return(buffer);
        Assert.Equal(0, slabs.Lent);
        Assert.Equal(Slabs.Largest, slabs.Rent(Slabs.Largest, Slabs.Smallest).Length);
    }

    [Fact]
    public void WhatIsNeededIsGivenHoweverMuchIsLent()
    {
        var slabs = new Slabs();
        while (slabs.Lent < 2 * Slabs.Budget) slabs.Rent(Slabs.Largest, Slabs.Smallest);
        foreach (int needed in (int[])[1, 100, Slabs.Smallest, Slabs.Smallest + 1, 200_000, Slabs.Largest, Slabs.Largest + 1, 2 << 20])
            Assert.True(slabs.Rent(needed, needed).Length >= needed);
    }

    /// <summary>Otherwise what is held would grow with every peer that returns its buffer out of turn.</summary>
    [Fact]
    public void WhereFreeMemoryIsInFragmentsAWishGetsAFragment()
    {
        var slabs = new Slabs();
        Memory<byte>[] lent = [.. Enumerable.Range(0, Slabs.Budget / Slabs.Smallest).Select(_ => slabs.Rent(Slabs.Smallest, Slabs.Smallest))];
        for (int i = 0; i < lent.Length; i += 2) slabs.Return(lent[i]);
        Assert.Equal(Slabs.Smallest, slabs.Rent(Slabs.Largest, Slabs.Smallest).Length);
    }

    [Fact]
    public void ABufferIsLentAgainWithoutAnAllocation()
    {
        var slabs = new Slabs();
        slabs.Return(slabs.Rent(100_000, Slabs.Smallest));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) slabs.Return(slabs.Rent(100_000, Slabs.Smallest));
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void EveryKindOfBufferIsGivenBackForAnyOther()
    {
        var slabs = new Slabs();
        var lent = new List<Memory<byte>>();
        foreach (int length in (int[])[1, 300, 10_000, 16 * 1024, 16 * 1024 + 1, 50_000, Slabs.Largest, Slabs.Largest + 1])
            lent.Add(slabs.Rent(length, length));
        foreach (Memory<byte> buffer in lent) slabs.Return(buffer);
        slabs.Return(default);
        Assert.Equal(0, slabs.Lent);
    }
}
