using System.Buffers.Binary;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Tracker;

public class NameKeyTests
{
    /// <summary>Strangers choose info-hashes. Those that agree in all bytes but a few must not meet in a shard or at a place of its table.</summary>
    [Theory]
    [InlineData(0x0123456789abcdefUL, 0xfedcba9876543210UL)]
    [InlineData(0x94d049bb133111ebUL, 0xbf58476d1ce4e5b9UL)]
    [InlineData(0xd1342543de82ef95UL, 0x2545f4914f6cdd1dUL)]
    public void NamesThatAgreeInMostOfTheirBytesAreSpread(ulong k0, ulong k1)
    {
        const int count = 65_536, shards = 256, most = 32; // of as many places; at random it would be 9
        var key = new NameKey(k0, k1);
        int[] inShard = new int[shards], atPlace = new int[count];
        for (int varied = 0; varied + 4 <= InfoHash.Size; varied++)
        {
            for (int step = 1; step <= 0x10000; step *= 256)
            {
                Array.Clear(inShard);
                Array.Clear(atPlace);
                byte[] name = new byte[InfoHash.Size];
                for (uint i = 0; i < count; i++)
                {
                    BinaryPrimitives.WriteUInt32BigEndian(name.AsSpan(varied), i * (uint)step);
                    ulong mixed = key.Mix(new InfoHash(name));
                    inShard[(byte)mixed]++;
                    atPlace[mixed >> 48]++;
                }
                Assert.True(inShard.Max() < 2 * count / shards, $"bytes {varied} on: {inShard.Max()} of {count} names in one shard");
                Assert.True(atPlace.Max() <= most, $"bytes {varied} on: {atPlace.Max()} of {count} names at one place");
            }
        }
    }
}
