using System.Security.Cryptography;
using TinyTorrent.Hashing;

namespace TinyTorrent.Tests.Hashing;

public class Sha1Tests
{
    [Fact]
    public void EveryLengthUpToThreeBlocksMatchesTheReference()
    {
        byte[] data = new byte[200];
        new Random(1).NextBytes(data);
        byte[] digest = new byte[Sha1.Size];
        for (int length = 0; length <= data.Length; length++)
        {
            Sha1.Hash(data.AsSpan(0, length), digest);
            Assert.Equal(SHA1.HashData(data.AsSpan(0, length)), digest);
        }
    }
}
