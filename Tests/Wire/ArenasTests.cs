using System.Runtime.InteropServices;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

public class ArenasTests
{
    const int Unit = 256;

    static ArraySegment<byte> Segment(Memory<byte> piece) => MemoryMarshal.TryGetArray(piece, out ArraySegment<byte> segment) ? segment : default;

    [Fact]
    public void WhatIsLentNeverOverlapsWhateverIsGivenBackBetween()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var arenas = new Arenas(Unit);
            var lent = new List<(Memory<byte> Piece, byte Mark)>();
            for (int i = 0; i < 2000; i++)
            {
                if (random.Next(2) == 0 && lent.Count > 0)
                {
                    int at = random.Next(lent.Count);
                    Assert.True(lent[at].Piece.Span.IndexOfAnyExcept(lent[at].Mark) < 0, $"seed {seed}, step {i}");
                    arenas.TakeBack(Segment(lent[at].Piece), keep: random.Next(2) * 4 * arenas.Length);
                    lent.RemoveAt(at);
                    continue;
                }
                int bytes = random.Next(1, random.Next(2, arenas.Length + 1));
                if (!arenas.TryLend(bytes, out Memory<byte> piece))
                {
                    arenas.Grow();
                    Assert.True(arenas.TryLend(bytes, out piece));
                }
                Assert.Equal((bytes + Unit - 1) / Unit * Unit, piece.Length);
                piece.Span.Fill((byte)i);
                lent.Add((piece, (byte)i));
            }
        }
    }

    [Fact]
    public void WhatManyShortPiecesHeldServesOneLongOne()
    {
        var arenas = new Arenas(Unit);
        arenas.Grow();
        var lent = new List<Memory<byte>>();
        while (arenas.TryLend(3 * Unit, out Memory<byte> piece)) lent.Add(piece);
        Assert.Equal(21, lent.Count);
        foreach (Memory<byte> piece in lent) arenas.TakeBack(Segment(piece), keep: arenas.Length);
        Assert.True(arenas.TryLend(arenas.Length, out _));
        Assert.False(arenas.TryLend(1, out _));
    }

    [Fact]
    public void AFreeArenaIsLetGoWhileMoreIsHeldThanIsToBeKept()
    {
        var arenas = new Arenas(Unit);
        var lent = new List<Memory<byte>>();
        for (int i = 0; i < 3; i++)
        {
            arenas.Grow();
            Assert.True(arenas.TryLend(arenas.Length, out Memory<byte> piece));
            lent.Add(piece);
        }
        foreach (Memory<byte> piece in lent) arenas.TakeBack(Segment(piece), keep: arenas.Length);
        Assert.Equal(arenas.Length, arenas.Held);
    }

    [Fact]
    public void BorrowingAndReturningAtTheBorderOfAnArenaMakesNone()
    {
        var arenas = new Arenas(Unit);
        for (int i = 0; i < 3; i++)
        {
            arenas.Grow();
            Assert.True(arenas.TryLend(arenas.Length, out _));
        }
        arenas.Grow();
        for (int i = 0; i < 100; i++)
        {
            Assert.True(arenas.TryLend(arenas.Length, out Memory<byte> last), $"round {i}");
            arenas.TakeBack(Segment(last), keep: arenas.Length);
        }
    }
}
