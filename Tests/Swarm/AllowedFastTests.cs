using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Swarm;

public class AllowedFastTests
{
    static readonly InfoHash s_infoHash = new([.. Enumerable.Repeat((byte)0xAA, InfoHash.Size)]);

    [Theory]
    [InlineData(7, new[] { 1059, 431, 808, 1217, 287, 376, 1188 })]
    [InlineData(9, new[] { 1059, 431, 808, 1217, 287, 376, 1188, 353, 508 })]
    public void ThePiecesAreThoseOfTheSpecification(int count, int[] pieces) =>
        Assert.Equal(pieces, AllowedFast.Pieces(IPAddress.Parse("80.4.4.200"), s_infoHash, 1313, count));

    [Fact]
    public void AMappedAddressIsTheSameAddressAndIPv6IsGrantedNothing()
    {
        Assert.Equal(10, AllowedFast.Pieces(IPAddress.Parse("::ffff:80.4.4.200"), s_infoHash, 1313).Length);
        Assert.Empty(AllowedFast.Pieces(IPAddress.Parse("2001:db8::1"), s_infoHash, 1313));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9)]
    public void ASmallTorrentIsGrantedWhole(int pieceCount) =>
        Assert.Equal(Enumerable.Range(0, pieceCount), AllowedFast.Pieces(IPAddress.Loopback, s_infoHash, pieceCount).Order());
}
