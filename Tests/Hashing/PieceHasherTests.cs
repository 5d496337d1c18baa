using System.Security.Cryptography;
using TinyTorrent.Hashing;

namespace TinyTorrent.Tests.Hashing;

public class PieceHasherTests
{
    public static TheoryData<int> Widths => [.. SideBySide.Widths];

    [Theory]
    [MemberData(nameof(Widths))]
    public void PiecesOfAnyLengthHaveTheReferencesDigest(int width)
    {
        var hasher = new PieceHasher(width);
        for (int seed = 0; seed < 25; seed++)
        {
            var random = new Random(seed);
            var content = new Memory(random, random.Next(1, 400_000));
            PieceToHash[] pieces = [.. Enumerable.Range(0, random.Next(1, 41)).Select(_ => content.RandomPiece(random))];
            (byte[] digests, bool[] wasRead) = Hash(hasher, pieces);
            for (int i = 0; i < pieces.Length; i++)
            {
                Assert.True(wasRead[i]);
                Assert.True(content.Digest(pieces[i]).AsSpan().SequenceEqual(digests.AsSpan(20 * i, 20)), $"width {width}, seed {seed}, {pieces[i]}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void LengthsAroundBlocksAndBuffersAreRight(int width)
    {
        var content = new Memory(new Random(3), 3 * PieceHasher.ReadLength);
        int[] lengths = [.. Enumerable.Range(1, 300), .. Around(PieceHasher.ReadLength), .. Around(2 * PieceHasher.ReadLength)];
        PieceToHash[] pieces = [.. lengths.Select((length, i) => new PieceToHash(content, i, length))];
        (byte[] digests, _) = Hash(new PieceHasher(width), pieces);
        for (int i = 0; i < pieces.Length; i++)
            Assert.True(content.Digest(pieces[i]).AsSpan().SequenceEqual(digests.AsSpan(20 * i, 20)), $"width {width}, length {lengths[i]}");
    }

    static IEnumerable<int> Around(int length) => [length - 65, length - 64, length - 9, length - 8, length - 1, length, length + 1, length + 55, length + 56, length + 64];

    [Theory]
    [MemberData(nameof(Widths))]
    public void APieceThatCannotBeReadFailsAloneAtWhateverByte(int width)
    {
        var hasher = new PieceHasher(width);
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var content = new Memory(random, 400_000);
            PieceToHash[] pieces = [.. Enumerable.Range(0, random.Next(1, 41)).Select(_ => content.RandomPiece(random))];
            PieceToHash broken = pieces[random.Next(pieces.Length)];
            content.Fault = broken.Offset + random.Next(broken.Length);
            (byte[] digests, bool[] wasRead) = Hash(hasher, pieces);
            for (int i = 0; i < pieces.Length; i++)
            {
                Assert.True(content.CanRead(pieces[i].Offset, pieces[i].Length) == wasRead[i], $"width {width}, seed {seed}, {pieces[i]}");
                if (wasRead[i]) Assert.Equal(content.Digest(pieces[i]), digests[(20 * i)..(20 * i + 20)]);
            }
        }
    }

    [Fact]
    public void NothingIsAllocatedWhileHashing()
    {
        var hasher = new PieceHasher();
        var content = new Memory(new Random(4), 1 << 20);
        PieceToHash[] pieces = [.. Enumerable.Range(0, 40).Select(i => new PieceToHash(content, i, 1 << 17))];
        byte[] digests = new byte[20 * pieces.Length];
        bool[] wasRead = new bool[pieces.Length];
        hasher.Hash(pieces, digests, wasRead);
        long before = GC.GetAllocatedBytesForCurrentThread();
        hasher.Hash(pieces, digests, wasRead);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    static (byte[] Digests, bool[] WasRead) Hash(PieceHasher hasher, PieceToHash[] pieces)
    {
        byte[] digests = new byte[20 * pieces.Length];
        bool[] wasRead = new bool[pieces.Length];
        Random.Shared.NextBytes(digests);
        hasher.Hash(pieces, digests, wasRead);
        return (digests, wasRead);
    }

    sealed class Memory : IPieceReader
    {
        readonly byte[] _bytes;

        public Memory(Random random, int length) => random.NextBytes(_bytes = new byte[length]);

        /// <summary>A byte that cannot be read.</summary>
        public long Fault { get; set; } = -1;

        public bool CanRead(long offset, int length) => Fault < offset || Fault >= offset + length;

        public bool TryRead(long offset, Span<byte> into)
        {
            if (!CanRead(offset, into.Length)) return false;
            _bytes.AsSpan((int)offset, into.Length).CopyTo(into);
            return true;
        }

        public PieceToHash RandomPiece(Random random)
        {
            int offset = random.Next(_bytes.Length);
            int most = random.Next(3) == 0 ? 300 : _bytes.Length;
            return new PieceToHash(this, offset, random.Next(1, Math.Min(most, _bytes.Length - offset) + 1));
        }

        public byte[] Digest(PieceToHash piece) => SHA1.HashData(_bytes.AsSpan((int)piece.Offset, piece.Length));
    }
}
