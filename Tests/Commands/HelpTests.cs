// Help, manual and completions come from one table; nothing in the table may be missing from any of them.
using System.Diagnostics;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class HelpTests
{
    static IEnumerable<(Command Command, Option Option)> EveryOption =>
        CommandTable.All.SelectMany(command => command.Options.Concat(Option.Common).Select(option => (command, option)));

    [Fact]
    public void EveryCommandIsInTheOverviewTheManualAndEachCompletion()
    {
        foreach (string text in (string[])[HelpText.Usage(), HelpText.Overview(), ManCommand.Page(), CompletionsCommand.Bash(), CompletionsCommand.Zsh(), CompletionsCommand.Fish()])
            Assert.All(CommandTable.All, command => Assert.Contains(command.Name.Replace("-", text[0] == '.' ? "\\-" : "-", StringComparison.Ordinal), text, StringComparison.Ordinal));
    }

    [Fact]
    public void EveryOptionIsInItsHelpTheManualAndEachCompletion()
    {
        string man = ManCommand.Page(), bash = CompletionsCommand.Bash(), zsh = CompletionsCommand.Zsh(), fish = CompletionsCommand.Fish();
        Assert.All(EveryOption, pair =>
        {
            string name = pair.Option.Name;
            Assert.Contains(name, HelpText.For(pair.Command), StringComparison.Ordinal);
            Assert.Contains(name.Replace("-", "\\-", StringComparison.Ordinal), man, StringComparison.Ordinal);
            Assert.Contains(name, bash, StringComparison.Ordinal);
            Assert.Contains(name, zsh, StringComparison.Ordinal);
            Assert.Contains($"-l {name[2..]} ", fish, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void HelpFitsIn80Columns()
    {
        foreach (string text in CommandTable.All.Select(HelpText.For).Append(HelpText.Overview()).Append(HelpText.Usage()))
            Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void NoTwoOptionsOfACommandShareAName() => Assert.All(CommandTable.All, command =>
    {
        Option[] options = [.. command.Options, .. Option.Common];
        Assert.Distinct(options.Select(option => option.Name));
        Assert.Distinct(options.Select(option => option.Short).Where(letter => letter != '\0'));
    });

    [Fact]
    public void EveryTextIsWrittenTheSameWay()
    {
        // A summary or an option's help is a phrase: no capital at the start, no full stop at the end.
        Assert.All(CommandTable.All.Select(command => command.Summary).Concat(EveryOption.Select(pair => pair.Option.Help)), phrase =>
            Assert.True(phrase.Length > 0 && phrase[^1] != '.' && (!char.IsUpper(phrase[0]) || (phrase.Length > 1 && char.IsUpper(phrase[1]))), phrase));
        Assert.Distinct(CommandTable.All.Select(command => command.Name));
    }

    [ToolFact("man")]
    public void TheManualHasNoRoffWarnings()
    {
        (int code, string output, string errors) = RunTool("man", ["--warnings", "-l", "-"], ManCommand.Page());
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("EXIT STATUS", output, StringComparison.Ordinal);
    }

    [ToolFact("bash")]
    public void BashCompletesCommandsOptionsAndWords()
    {
        Assert.Contains("version", Bash("versi"), StringComparison.Ordinal);
        Assert.Equal("--quiet", Bash("version", "--qui"));
        Assert.Equal("fish", Bash("completions", "f"));
        Assert.Equal("", Bash("version", "x"));
    }

    static string Bash(params string[] words)
    {
        string script = CompletionsCommand.Bash()
            + $"COMP_WORDS=(tinytorrent {string.Join(' ', words)}); COMP_CWORD={words.Length}; _tinytorrent; echo \"${{COMPREPLY[*]}}\"\n";
        (int code, string output, string errors) = RunTool("bash", ["--norc", "-s"], script);
        Assert.Equal((0, ""), (code, errors));
        return output.Trim();
    }

    [ToolFact("fish")]
    public void FishCompletesCommandsOptionsAndWords()
    {
        string script = CompletionsCommand.Fish() + "complete -C 'tinytorrent versi'\ncomplete -C 'tinytorrent version --qui'\ncomplete -C 'tinytorrent completions f'\n";
        (int code, string output, string errors) = RunTool("fish", ["--no-config"], script);
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(["version", "--quiet", "fish"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]));
    }

    [ToolFact("zsh")]
    public void ZshReadsItsCompletion()
    {
        // _arguments works inside the line editor only; a stand-in shows what each command hands to it.
        string script = "autoload -U compinit; compinit -D\n" + CompletionsCommand.Zsh()
            + "_arguments() { [[ $1 == -C ]] || print -rl -- \"$@\" }\nwords=(completions); _tinytorrent\n";
        (int code, string output, string errors) = RunTool("zsh", ["-f", "-s"], script);
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("*:bash|zsh|fish:(bash zsh fish)", output.Split('\n'));
        Assert.Contains("(-q --quiet)--quiet[print results and errors only]", output.Split('\n'));
    }

    static (int Code, string Output, string Errors) RunTool(string tool, string[] arguments, string input)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.Result, errors.Result);
    }

    sealed class ToolFactAttribute : FactAttribute
    {
        public ToolFactAttribute(string tool)
        {
            string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
            if (!folders.Any(folder => File.Exists(Path.Combine(folder, tool)))) Skip = $"{tool} is not installed";
        }
    }
}
