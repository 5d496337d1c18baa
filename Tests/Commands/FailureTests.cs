// Each kind of exception has one exit code, wherever it was thrown.
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class FailureTests
{
    public static TheoryData<Exception, int> Exceptions => new()
    {
        { new CommandException(ExitCode.Refused, "no"), 7 },
        { new FormatException("byte 3: no end"), 3 },
        { new IOException("No space left on device : '/x'"), 6 },
        { new UnauthorizedAccessException("Access to the path '/x' is denied."), 6 },
        { new OperationCanceledException(), 130 },
        { new TaskCanceledException("late", new TimeoutException()), 1 },
        { new InvalidOperationException("a bug"), 1 },
        { new AggregateException(new FormatException("inside")), 3 },
        { new TypeInitializationException("SomeType", new AggregateException(new FormatException("inside"))), 3 },
        { new InsufficientMemoryException(), 1 },
        { new OutputException(closed: true, "Broken pipe"), 141 },
        { new OutputException(closed: false, "No space left on device"), 6 },
    };

    [Theory]
    [MemberData(nameof(Exceptions))]
    public void AnExceptionBecomesItsExitCode(Exception exception, int code) => Assert.Equal(code, (int)Failure.Report(exception));

    [Fact]
    public void ADiskFaultNamesThePathAndTheReason()
    {
        Assert.Equal("/x: no space left on device", Failure.Disk(new IOException("No space left on device : '/x'"), "/x").Message);
        Assert.Equal("/y: permission denied", Failure.Disk(new UnauthorizedAccessException("Access to the path '/y' is denied."), "/y").Message);
        Assert.Equal("/z: no such file", Failure.Disk(new FileNotFoundException("Could not find file '/z'."), "/z").Message);
        Assert.Equal("I/O error", Failure.Disk(new IOException("I/O error"), "").Message);
    }
}
