using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class DiskResultTests
{
    [Theory]
    [InlineData(28, "Full")]
    [InlineData(122, "Full")]
    [InlineData(30, "ReadOnly")]
    [InlineData(13, "Permission")]
    [InlineData(1, "Permission")]
    [InlineData(2, "Missing")]
    [InlineData(5, "Io")]
    public void AnErrnoBecomesAFaultWithTheSystemsWords(int errno, string fault)
    {
        if (!OperatingSystem.IsLinux()) return;
        DiskResult result = DiskResult.FromErrno(errno, "/x");
        Assert.Equal(fault, result.Fault.ToString());
        Assert.False(string.IsNullOrEmpty(result.Reason));
        Assert.StartsWith("/x: ", result.ToString());
        // The BCL puts errno into HResult, so the same fault must come out of its exception.
        Assert.Equal(result.Fault, DiskResult.From(new IOException("words", errno), "/x").Fault);
    }

    [Fact]
    public void ExceptionsOfFileCallsBecomeFaults()
    {
        Assert.Equal(DiskFault.Missing, DiskResult.From(new FileNotFoundException()).Fault);
        Assert.Equal(DiskFault.Permission, DiskResult.From(new UnauthorizedAccessException("no")).Fault);
        Assert.Equal("no", DiskResult.From(new UnauthorizedAccessException("no")).Reason);
        Assert.False(DiskResult.IsDisk(new InvalidOperationException()));
        Assert.True(DiskResult.Ok.IsOk);
    }
}
