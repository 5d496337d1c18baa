using TinyTorrent.Metainfo;

namespace TinyTorrent.Tests.Metainfo;

public class FileMapTests
{
    [Fact]
    public void SlicesMatchANaiveModel()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var owners = new List<(int File, long Offset)>(); // one entry for each byte of the content
            var files = new FileEntry[random.Next(1, 12)];
            for (int i = 0; i < files.Length; i++)
            {
                int length = random.Next(3) == 0 ? 0 : random.Next(1, 9);
                files[i] = new FileEntry($"{i}", owners.Count, length, false);
                for (int b = 0; b < length; b++) owners.Add((i, b));
            }
            var map = new FileMap(files);
            Assert.Equal(owners.Count, map.TotalLength);
            for (int offset = 0; offset <= owners.Count; offset++)
            {
                if (offset < owners.Count) Assert.Equal(owners[offset].File, map.FileAt(offset));
                for (int length = 0; length <= owners.Count - offset; length++)
                {
                    var walked = new List<(int, long)>();
                    foreach (FileSlice slice in map.Slices(offset, length))
                    {
                        Assert.True(slice.Length > 0, $"seed {seed}");
                        for (long b = 0; b < slice.Length; b++) walked.Add((slice.File, slice.Offset + b));
                    }
                    Assert.True(owners.GetRange(offset, length).SequenceEqual(walked), $"seed {seed}, {length} at {offset}");
                }
            }
        }
    }

    [Fact]
    public void WalkingAllocatesNothing()
    {
        var map = new FileMap([new("a", 0, 5, false), new("b", 5, 0, false), new("c", 5, 7, false)]);
        long Run()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long sum = 0;
            for (int i = 0; i < 100; i++) foreach (FileSlice slice in map.Slices(1, 10)) sum += slice.Length;
            Assert.True(sum == 1000);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Run();
        Assert.Equal(0, Run());
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 13)]
    [InlineData(12, 1)]
    [InlineData(13, 0)]
    [InlineData(1, long.MaxValue)]
    [InlineData(0, -1)]
    public void RangesBeyondTheContentAreRefused(long offset, long length)
    {
        var map = new FileMap([new("a", 0, 5, false), new("b", 5, 7, false)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Slices(offset, length));
    }
}
