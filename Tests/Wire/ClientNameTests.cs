using System.Text;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

public class ClientNameTests
{
    [Theory]
    [InlineData("-TR4060-abcdefghijkl", "Transmission 4.0.6")]
    [InlineData("-qB4650-abcdefghijkl", "qBittorrent 4.6.5")]
    [InlineData("-lt0D80-abcdefghijkl", "rTorrent 0.13.8")]
    [InlineData("-ZZ1234-abcdefghijkl", "ZZ 1.2.3.4")]
    [InlineData("A2-1-36-0-abcdefghij", "aria2 1.36.0")]
    [InlineData("A2-xxxxxxxxxxxxxxxxx", "aria2 ")]
    [InlineData("-TR4\u001b60-abcdefghijkl", null)]
    [InlineData("-\u001b[2000-abcdefghijkl", null)]
    [InlineData("M7-9-2--abcdefghijkl", null)]
    public void APeerIdNamesItsProgram(string id, string? expected) =>
        Assert.Equal(expected, ClientName.From(new PeerId(Encoding.Latin1.GetBytes(id))));

    [Fact]
    public void NoIdMakesItThrow()
    {
        byte[] bytes = new byte[PeerId.Size];
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            random.NextBytes(bytes);
            if (random.Next(2) == 0) (bytes[0], bytes[7]) = ((byte)'-', (byte)'-');
            else "A2-"u8.CopyTo(bytes);
            Exception? thrown = Record.Exception(() => ClientName.From(new PeerId(bytes)));
            Assert.True(thrown is null, $"seed {seed}: {thrown}");
        }
    }
}
