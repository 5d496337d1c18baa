using TinyTorrent.Browse;

namespace TinyTorrent.Tests.Browse;

public sealed class ByteRangeTests
{
    [Theory]
    [InlineData("bytes=0-", 0, 1000)]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=200-299", 200, 100)]
    [InlineData("bytes=999-", 999, 1)]
    [InlineData("bytes=990-5000", 990, 10)]
    [InlineData("bytes=-10", 990, 10)]
    [InlineData("bytes=-5000", 0, 1000)]
    [InlineData("Bytes=1-2", 1, 2)]
    public void OneRangeIsAnsweredWithThatPart(string header, long from, long length)
    {
        Assert.True(ByteRange.TryRead(header, 1000, out ByteRange range, out bool isPartial));
        Assert.True(isPartial);
        Assert.Equal(new ByteRange(from, length), range);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("bytes")]
    [InlineData("bytes=")]
    [InlineData("bytes=-")]
    [InlineData("bytes=a-b")]
    [InlineData("bytes=5-a")]
    [InlineData("bytes=--5")]
    [InlineData("bytes=5-4")]
    [InlineData("bytes=0-1,5-6")]
    [InlineData("lines=0-1")]
    [InlineData("bytes=99999999999999999999-")]
    public void WhatIsNotUnderstoodIsIgnored(string? header)
    {
        Assert.True(ByteRange.TryRead(header, 1000, out ByteRange range, out bool isPartial));
        Assert.False(isPartial);
        Assert.Equal(new ByteRange(0, 1000), range);
    }

    [Theory]
    [InlineData("bytes=1000-", 1000)]
    [InlineData("bytes=5000-6000", 1000)]
    [InlineData("bytes=-0", 1000)]
    [InlineData("bytes=0-", 0)]
    public void ARangeBeyondTheEndIsRefused(string header, long size) =>
        Assert.False(ByteRange.TryRead(header, size, out _, out _));
}
