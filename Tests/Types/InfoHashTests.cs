using TinyTorrent.Types;

namespace TinyTorrent.Tests.Types;

public class InfoHashTests
{
    [Fact]
    public void HashesThatAgreeInMostOfTheirBytesAreSpreadInATable()
    {
        const int count = 10_000;
        for (int varied = 0; varied + 2 <= InfoHash.Size; varied++)
        {
            var codes = new HashSet<int>();
            byte[] name = new byte[InfoHash.Size];
            for (int i = 0; i < count; i++)
            {
                (name[varied], name[varied + 1]) = ((byte)i, (byte)(i >> 8));
                codes.Add(new InfoHash(name).GetHashCode());
            }
            Assert.InRange(codes.Count, count - 10, count);
        }
    }
}
