// Names that are bytes to the system and not UTF-8, and values that are empty: nothing of another name is made. A shell
// passes them on, as a string of the tests could not.
using System.Diagnostics;
using TinyTorrent.Tests.Storage;
using static TinyTorrent.Tests.Commands.TheProgram;

namespace TinyTorrent.Tests.Commands;

public sealed class SystemNamesTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public SystemNamesTests() => File.WriteAllText(_folder["film"], "a film");

    public void Dispose() => _folder.Dispose();

    /// <summary>Runs a line of shell in the test's folder, where $TT is the program.</summary>
    (int Code, string Output, string Errors) Shell(string line) => Run(new ProcessStartInfo("sh", ["-c", line])
    {
        RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder.Path,
        Environment = { ["TT"] = $"dotnet {Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll")}" },
    });

    string[] Tree() => [.. Directory.GetFileSystemEntries(_folder.Path).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Theory]
    [InlineData("$TT get film.torrent -o \"$(printf 'out\\351')\"")]
    [InlineData("$TT seed film.torrent \"$(printf 'out\\351')\"")]
    [InlineData("$TT verify film.torrent \"$(printf 'out\\351')\"")]
    [InlineData("$TT create film -o \"$(printf 'out\\351')\"")]
    [InlineData("$TT share \"$(printf 'out\\351')\" --tracker http://127.0.0.1:1")]
    [InlineData("$TT serve-tracker --listen 127.0.0.1:0 --state \"$(printf 'out\\351')\"")]
    public void AnArgumentThatIsNotUtf8IsRefusedBeforeAnythingIsMade(string line)
    {
        if (OperatingSystem.IsWindows()) return; // names are UTF-16 there
        string[] before = Tree();
        (int code, string output, string errors) = Shell(line);
        Assert.True(code == 2, output + errors);
        Assert.Contains("is not UTF-8", errors, StringComparison.Ordinal);
        Assert.Equal(before, Tree());
    }

    [Fact]
    public void AReplacementCharacterThatWasTypedIsAnArgumentLikeAnother()
    {
        if (!OperatingSystem.IsLinux()) return; // elsewhere nothing tells what was typed
        Assert.Equal(0, Shell("$TT create film -q -o \"$(printf 'a\\357\\277\\275')\"").Code);
        Assert.Contains("a\uFFFD", Tree());
    }

    [Theory]
    [InlineData("$TT create ../film -o x.torrent")]
    [InlineData("$TT verify ../film.torrent")]
    public void ACurrentFolderThatIsNotUtf8IsRefusedBeforeAnythingIsMade(string line)
    {
        if (OperatingSystem.IsWindows()) return;
        string[] before = Tree();
        // the shell takes its folder away again: the tests could not name it
        (int code, string output, string errors) = Shell($"d=\"$(printf 'caf\\351')\"; mkdir \"$d\"; cd \"$d\"; {line}; c=$?; $TT version; ls -A; cd ..; rmdir \"$d\"; exit $c");
        Assert.Equal(6, code);
        Assert.Contains("not UTF-8", errors, StringComparison.Ordinal);
        Assert.StartsWith("tinytorrent ", output, StringComparison.Ordinal); // a command that takes no paths, and no file
        Assert.Single(output.Trim().Split('\n'));
        Assert.Equal(before, Tree());
    }

    [Theory]
    [InlineData("get film.torrent -o ''", "--output is empty")]
    [InlineData("create film -o ''", "--output is empty")]
    [InlineData("get film.torrent --peer=", "--peer is empty")]
    public void AnEmptyValueIsAUsageError(string arguments, string message)
    {
        (int code, _, string errors) = Shell("$TT " + arguments);
        Assert.Equal(2, code);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    [Fact]
    public void CreateKnowsBeforeHashingThatItCannotWriteThere()
    {
        if (!OperatingSystem.IsLinux()) return;
        (int code, _, string errors) = Shell("$TT create film -o /proc/x.torrent --json"); // root may write everywhere but there
        Assert.Equal(6, code);
        Assert.Contains("/proc/x.torrent", errors, StringComparison.Ordinal);
    }
}
