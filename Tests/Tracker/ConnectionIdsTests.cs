using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class ConnectionIdsTests
{
    static readonly PeerAddress Here = PeerAddress.From([1, 2, 3, 4]);
    static readonly PeerAddress There = PeerAddress.From([1, 2, 3, 5]);
    static readonly byte[] Secret = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    static readonly byte[] Another = [16, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

    static TimeSpan At(double seconds) => TimeSpan.FromSeconds(1000 + seconds);

    [Fact]
    public void AnIdIsGoodForTwoMinutesAndNotMuchLonger()
    {
        var ids = new ConnectionIds(Secret, ConnectionIds.StandardLifetime);
        for (int offset = 0; offset < 120; offset++)
        {
            ulong id = ids.Issue(Here, At(offset));
            for (int age = 0; age <= 120; age++) Assert.True(ids.IsValid(id, Here, At(offset + age)));
            for (int age = 180; age <= 600; age++) Assert.False(ids.IsValid(id, Here, At(offset + age)), $"{age} s after {offset}");
        }
    }

    [Fact]
    public void AnIdIsWorthNothingFromAnotherAddress()
    {
        var ids = new ConnectionIds(Secret, ConnectionIds.StandardLifetime);
        ulong id = ids.Issue(Here, At(0));
        Assert.False(ids.IsValid(id, There, At(0)));
        Assert.False(ids.IsValid(id, PeerAddress.From([1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), At(0)));
    }

    [Fact]
    public void TheIdOfAnAddressChangesWithTime()
    {
        var ids = new ConnectionIds(Secret, ConnectionIds.StandardLifetime);
        Assert.NotEqual(ids.Issue(Here, At(0)), ids.Issue(Here, At(240)));
        Assert.NotEqual(ids.Issue(Here, At(0)) >> 3, ids.Issue(Here, At(240)) >> 3);
    }

    [Fact]
    public void NoBitOfAnIdMayBeChangedAndKnownConstantsAreRefused()
    {
        var ids = new ConnectionIds(Secret, ConnectionIds.StandardLifetime);
        ulong id = ids.Issue(Here, At(0));
        for (int bit = 0; bit < 64; bit++) Assert.False(ids.IsValid(id ^ (1ul << bit), Here, At(0)), $"bit {bit}");
        foreach (ulong guess in (ulong[])[0, 1, 2, 3, 0x41727101980, ulong.MaxValue]) Assert.False(ids.IsValid(guess, Here, At(0)));
    }

    [Fact]
    public void AnotherSecretMakesOtherIds()
    {
        ulong id = new ConnectionIds(Secret, ConnectionIds.StandardLifetime).Issue(Here, At(0));
        Assert.False(new ConnectionIds(Another, ConnectionIds.StandardLifetime).IsValid(id, Here, At(0)));
    }

    [Fact]
    public void RotationKeepsTheIdsOfTheSecretBeforeAndEndsOlderOnes()
    {
        var ids = new ConnectionIds(Secret, ConnectionIds.StandardLifetime);
        ulong first = ids.Issue(Here, At(0));
        ids.Rotate(Another);
        ulong second = ids.Issue(Here, At(0));
        Assert.NotEqual(first, second);
        Assert.True(ids.IsValid(first, Here, At(0)));
        Assert.True(ids.IsValid(second, Here, At(0)));
        ids.Rotate([.. Secret.Reverse()]);
        Assert.False(ids.IsValid(first, Here, At(0)));
        Assert.True(ids.IsValid(second, Here, At(0)));
    }

    [Fact]
    public void TheFirstSecondsOfAServerNeedNoEpochBeforeZero()
    {
        var ids = new ConnectionIds(Secret, ConnectionIds.StandardLifetime);
        ulong id = ids.Issue(Here, TimeSpan.Zero);
        Assert.True(ids.IsValid(id, Here, TimeSpan.FromSeconds(1)));
        Assert.False(ids.IsValid(id ^ 3, Here, TimeSpan.FromSeconds(1)));
    }
}
