using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class HashCacheTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A hash that was believed would be published: what others downloaded under it could never be whole.</summary>
    [Fact]
    public void AFileThatWasTouchedIsAsGoodAsNone()
    {
        byte[] key = new byte[32], hashes = new byte[60];
        new Random(1).NextBytes(key);
        new Random(2).NextBytes(hashes);
        var cache = new HashCache(_folder["hashes"]);
        Assert.Null(cache.Find("/content", key, hashes.Length));
        Assert.True(cache.Save("/content", key, hashes).IsOk);
        Assert.Equal(hashes, cache.Find("/content", key, hashes.Length));
        Assert.Null(cache.Find("/other", key, hashes.Length));
        Assert.Null(cache.Find("/content", hashes.AsSpan(0, 32), hashes.Length));
        Assert.Null(cache.Find("/content", key, hashes.Length - 20));

        string file = Assert.Single(Directory.GetFiles(_folder["hashes"]));
        byte[] good = File.ReadAllBytes(file);
        for (int at = 0; at < good.Length; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= 1;
            File.WriteAllBytes(file, bad);
            Assert.Null(cache.Find("/content", key, hashes.Length));
            File.WriteAllBytes(file, good[..at]);
            Assert.Null(cache.Find("/content", key, hashes.Length));
        }
        File.WriteAllBytes(file, [.. good, 0]);
        Assert.Null(cache.Find("/content", key, hashes.Length));
    }
}
