// The built program as a script sees it: exit code, one line on stderr, nothing where nothing belongs.
using System.Diagnostics;
using static TinyTorrent.Tests.Commands.TheProgram;

namespace TinyTorrent.Tests.Commands;

public class ProgramTests
{
    [Theory]
    [InlineData("versoin", "tinytorrent: unknown command 'versoin'; did you mean 'version'? (see 'tinytorrent help')")]
    [InlineData("-q version", "tinytorrent: '-q' is not a command; options come after the command (see 'tinytorrent help')")]
    [InlineData("version --quite", "tinytorrent: version: unknown option '--quite'; did you mean '--quiet'? (see 'tinytorrent help version')")]
    [InlineData("version more", "tinytorrent: version: unexpected argument 'more' (see 'tinytorrent help version')")]
    [InlineData("completions tcsh", "tinytorrent: completions: no completions for 'tcsh'; there are bash, zsh and fish (see 'tinytorrent help completions')")]
    [InlineData("list --tracker localhost:1", "tinytorrent: list: --tracker localhost:1: only http, https and udp trackers are supported (http://localhost:1?) (see 'tinytorrent help list')")]
    [InlineData("list --tracker udp://x:1", "tinytorrent: list: --tracker udp://x:1: a catalogue is reached over http or https (see 'tinytorrent help list')")]
    [InlineData("help \u001b[2J", "tinytorrent: help: unknown command '\uFFFD[2J' (see 'tinytorrent help help')")]
    public void AWrongUsageIsOneLineOnStderrAndExit2(string line, string message)
    {
        (int code, string output, string errors) = Run(line.Split(' '));
        Assert.Equal((2, "", message + Environment.NewLine), (code, output, errors));
    }

    [Theory]
    [InlineData("get no-such-film.mkv", "no-such-film.mkv: no such file (--tracker URL looks the name up in a catalogue)")]
    [InlineData("get no/such/film.mkv", "no/such/film.mkv: no such folder")]
    [InlineData("get film.torrent", "film.torrent: no such file")]
    public void AFileThatIsNotThereIsADiskFaultThatSaysWhatElseANameMayBe(string line, string message)
    {
        (int code, string output, string errors) = Run(line.Split(' '));
        Assert.Equal((6, "", $"tinytorrent: {message}{Environment.NewLine}"), (code, output, errors));
    }

    [Fact]
    public void WhatCannotBeReadFromStdinIsNamed()
    {
        if (OperatingSystem.IsWindows()) return;
        ProcessStartInfo program = With("info", "-");
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", "exec \"$@\" < /", "sh", program.FileName, .. program.ArgumentList]) { RedirectStandardError = true })!;
        Assert.Equal($"tinytorrent: stdin: is a directory{Environment.NewLine}", shell.StandardError.ReadToEnd());
        shell.WaitForExit();
        Assert.Equal(6, shell.ExitCode);
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
