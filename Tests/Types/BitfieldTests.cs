using TinyTorrent.Types;

namespace TinyTorrent.Tests.Types;

public class BitfieldTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(1001)]
    public void ItsWireFormRoundTripsAndSpareBitsAreRefused(int length)
    {
        var random = new Random(length);
        var bits = new Bitfield(length);
        for (int i = 0; i < length; i++) if (random.Next(3) == 0) Assert.True(bits.Set(i));

        var copy = new Bitfield(length);
        Assert.True(copy.TryLoad(bits.Bytes));
        Assert.Equal(bits.Count, copy.Count);
        for (int i = 0; i < length; i++) Assert.Equal(bits[i], copy[i]);

        Assert.False(copy.TryLoad(new byte[Bitfield.BytesFor(length) + 1]));
        if (length % 8 == 0) return;
        byte[] spare = bits.Bytes.ToArray();
        spare[^1] |= 1;
        Assert.False(copy.TryLoad(spare));
    }

    [Fact]
    public void SetAllCountsEveryPieceAndLeavesSpareBitsZero()
    {
        for (int length = 0; length < 40; length++)
        {
            var bits = new Bitfield(length);
            bits.SetAll();
            Assert.True(bits.IsFull);
            Assert.True(new Bitfield(length).TryLoad(bits.Bytes));
        }
    }

    [Fact]
    public void NextSetWalksEverySetPieceOnce()
    {
        var bits = new Bitfield(200);
        int[] set = [0, 1, 8, 63, 64, 130, 199];
        foreach (int piece in set) bits.Set(piece);
        var seen = new List<int>();
        for (int p = bits.NextSet(0); p >= 0; p = bits.NextSet(p + 1)) seen.Add(p);
        Assert.Equal(set, seen);
    }

    [Fact]
    public void WalkingAndCountingSharedPiecesAgreesWithLookingAtEachOne()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            int length = random.Next(1, 300), sparse = random.Next(1, 40);
            Bitfield a = new(length), b = new(length);
            for (int i = 0; i < length; i++)
            {
                if (random.Next(sparse) == 0) a.Set(i);
                if (random.Next(sparse) == 0) b.Set(i);
            }
            var seen = new List<int>();
            for (int p = a.NextShared(b, 0); p >= 0; p = a.NextShared(b, p + 1)) seen.Add(p);
            Assert.Equal(Enumerable.Range(0, length).Where(i => a[i] && b[i]), seen);
            Assert.Equal(seen.Count, a.CountShared(b));
        }
    }
}
