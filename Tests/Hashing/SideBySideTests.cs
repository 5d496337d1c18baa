using System.Security.Cryptography;
using TinyTorrent.Hashing;

namespace TinyTorrent.Tests.Hashing;

public unsafe class SideBySideTests
{
    public static TheoryData<int> Widths => [.. SideBySide.Widths];

    [Theory]
    [MemberData(nameof(Widths))]
    public void AnyNumberOfStreamsHasTheReferencesSha1(int width) => Check<Sha1>(width, SHA1.HashData);

    [Theory]
    [MemberData(nameof(Widths))]
    public void AnyNumberOfStreamsHasTheReferencesSha256(int width) => Check<Sha256>(width, SHA256.HashData);

    [Fact]
    public void OneStreamAndFourLanesAreAlwaysThere()
    {
        Assert.Equal([1, 4], SideBySide.Widths.Intersect([1, 4]));
        Assert.Contains(SideBySide.Width, SideBySide.Widths);
    }

    static void Check<THash>(int width, Func<byte[], byte[]> reference) where THash : IBlockHash
    {
        var random = new Random(width);
        for (int count = 1; count <= 40; count++)
        {
            // All with as many blocks once they are padded, but with lengths of their own.
            int blocks = random.Next(1, 8);
            byte[][] messages = [.. Enumerable.Range(0, count).Select(_ => Message(random, 64 * (blocks - 1) + random.Next(56)))];
            byte[][] digests = Digests<THash>(messages, width, random.Next(1, blocks + 1));
            for (int i = 0; i < count; i++)
                Assert.True(reference(messages[i]).AsSpan().SequenceEqual(digests[i]), $"width {width}, {count} streams of {blocks} blocks: stream {i}");
        }
    }

    static byte[] Message(Random random, int length)
    {
        byte[] message = new byte[length];
        random.NextBytes(message);
        return message;
    }

    /// <param name="split">Blocks taken in a first call; the rest in a second.</param>
    static byte[][] Digests<THash>(byte[][] messages, int width, int split) where THash : IBlockHash
    {
        int blocks = (messages[0].Length + 8) / 64 + 1;
        int words = THash.InitialState.Length;
        byte[] padded = GC.AllocateArray<byte>(messages.Length * (blocks * 64 + 1), pinned: true); // nothing is aligned
        uint[] state = GC.AllocateArray<uint>(messages.Length * words, pinned: true);
        byte** streams = stackalloc byte*[messages.Length];
        uint** states = stackalloc uint*[messages.Length];
        fixed (byte* firstByte = padded)
        fixed (uint* firstWord = state)
        {
            for (int i = 0; i < messages.Length; i++)
            {
                int at = i * (blocks * 64 + 1);
                messages[i].CopyTo(padded, at);
                Assert.Equal(blocks * 64, messages[i].Length + BlockHash.Pad(padded.AsSpan(at + messages[i].Length), messages[i].Length));
                THash.InitialState.CopyTo(state.AsSpan(i * words));
                streams[i] = firstByte + at;
                states[i] = firstWord + i * words;
            }
            SideBySide.Compress<THash>(states, streams, messages.Length, split, width);
            for (int i = 0; i < messages.Length; i++) streams[i] += split * 64;
            SideBySide.Compress<THash>(states, streams, messages.Length, blocks - split, width);
        }

        byte[][] digests = new byte[messages.Length][];
        for (int i = 0; i < messages.Length; i++)
        {
            digests[i] = new byte[words * 4];
            BlockHash.WriteDigest(state.AsSpan(i * words, words), digests[i]);
        }
        return digests;
    }
}
