// The built program as a script sees it: exit code, one line on stderr, nothing where nothing belongs.
using System.Diagnostics;

namespace TinyTorrent.Tests.Commands;

public class ProgramTests
{
    static (int Code, string Output, string Errors) Run(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll");
        var start = new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    [Theory]
    [InlineData("versoin", "tinytorrent: unknown command 'versoin'; did you mean 'version'? (see 'tinytorrent help')")]
    [InlineData("-q version", "tinytorrent: '-q' is not a command; options come after the command (see 'tinytorrent help')")]
    [InlineData("version --quite", "tinytorrent: version: unknown option '--quite'; did you mean '--quiet'? (see 'tinytorrent help version')")]
    [InlineData("version more", "tinytorrent: version: unexpected argument 'more' (see 'tinytorrent help version')")]
    [InlineData("completions tcsh", "tinytorrent: completions: no completions for 'tcsh'; there are bash, zsh and fish (see 'tinytorrent help completions')")]
    [InlineData("help \u001b[2J", "tinytorrent: help: unknown command '\uFFFD[2J' (see 'tinytorrent help help')")]
    public void AWrongUsageIsOneLineOnStderrAndExit2(string line, string message)
    {
        (int code, string output, string errors) = Run(line.Split(' '));
        Assert.Equal((2, "", message + Environment.NewLine), (code, output, errors));
    }

    [Fact]
    public void NoArgumentsAtAllShowTheUsageOnStderr()
    {
        (int code, string output, string errors) = Run();
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("Usage: tinytorrent COMMAND", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("help", "tinytorrent: ")]
    [InlineData("--help", "tinytorrent: ")]
    [InlineData("-h version", "Usage: tinytorrent version")]
    [InlineData("help version", "Usage: tinytorrent version")]
    [InlineData("version x y --bogus --help", "Usage: tinytorrent version")]
    [InlineData("version -qh", "Usage: tinytorrent version")]
    [InlineData("--version", "tinytorrent ")]
    [InlineData("version", "tinytorrent ")]
    public void HelpAndVersionGoToStdoutAndExit0(string line, string start)
    {
        (int code, string output, string errors) = Run(line.Split(' '));
        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith(start, output, StringComparison.Ordinal);
    }
}
