using System.Security.Cryptography;
using System.Text;
using TinyTorrent.Hashing;

namespace TinyTorrent.Tests.Hashing;

public class DigestTests
{
    [Fact]
    public void EveryLengthUpToFiveBlocksMatchesTheReference()
    {
        byte[] data = new byte[330];
        new Random(1).NextBytes(data);
        byte[] sha1 = new byte[Sha1.Size], sha256 = new byte[Sha256.Size];
        for (int length = 0; length <= data.Length; length++)
        {
            ReadOnlySpan<byte> message = data.AsSpan(0, length);
            Sha1.Hash(message, sha1);
            Sha256.Hash(message, sha256);
            Assert.Equal(SHA1.HashData(message), sha1);
            Assert.Equal(SHA256.HashData(message), sha256);
        }
    }

    [Fact]
    public void TheStandardsExampleHasItsDigests()
    {
        byte[] message = Encoding.ASCII.GetBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
        byte[] sha1 = new byte[Sha1.Size], sha256 = new byte[Sha256.Size];
        Sha1.Hash(message, sha1);
        Sha256.Hash(message, sha256);
        Assert.Equal("84983E441C3BD26EBAAE4AA1F95129E5E54670F1", Convert.ToHexString(sha1));
        Assert.Equal("248D6A61D20638B8E5C026930C3E6039A33CE45964FF2167F6ECEDD419DB06C1", Convert.ToHexString(sha256));
    }
}
