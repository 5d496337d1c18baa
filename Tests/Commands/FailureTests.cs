// Each kind of exception has one exit code, wherever it was thrown.
using TinyTorrent.Commands;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Types;

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

    /// <summary>The real exceptions of the framework, whose words are not for users and may repeat the path.</summary>
    [Fact]
    public void WhatTheFrameworkThrowsForTheDiskIsSaidInOurWords()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        string Said(Action open) => SystemMessage.Phrase(Assert.ThrowsAny<Exception>(open).Message);

        Assert.Equal("no such file", Said(() => File.ReadAllBytes(folder["none"])));
        Assert.Equal("no such file or folder", Said(() => File.ReadAllBytes(folder["none/x"])));
        Assert.Equal("no such file or folder", Said(() => Directory.GetFiles(folder["none"])));
        Assert.Equal("no such file or folder", SystemMessage.Phrase(new FileNotFoundException().Message));
        Assert.Equal("a file of this name is in the way", Said(() => Directory.CreateDirectory(folder["file"])));
        Assert.Equal("a file of this name is in the way", Said(() => File.Open(folder["file"], FileMode.CreateNew)));
        Assert.Equal("the name, or the whole path, is too long", Said(() => File.WriteAllText(folder[new string('x', 256)], "")));
        using var held = new FileStream(folder["file"], FileMode.Open, FileAccess.Write, FileShare.None);
        Assert.Equal("another process uses it", Said(() => File.ReadAllBytes(folder["file"])));
    }

    [Fact]
    public void ADiskFaultNamesThePathAndTheReason()
    {
        Assert.Equal("/x: no space left on device", Failure.Disk(new IOException("No space left on device : '/x'"), "/x").Message);
        Assert.Equal("/y: permission denied", Failure.Disk(new UnauthorizedAccessException("Access to the path '/y' is denied."), "/y").Message);
        Assert.Equal("/z: no such file", Failure.Disk(new FileNotFoundException("Could not find file '/z'."), "/z").Message);
        Assert.Equal("I/O error", Failure.Disk(new IOException("I/O error"), "").Message);
    }
}
