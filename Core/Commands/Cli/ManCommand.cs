// The manual page in roff, from the same table as --help. Install it with: tinytorrent man > …/man1/tinytorrent.1
using System.Text;

namespace TinyTorrent.Commands;

static class ManCommand
{
    public static readonly Command Command = new("man", "", "print the manual page", MaxOperands: 0, [], Run)
    {
        Details = """
            To read it, or to install it:

              tinytorrent man | man -l -
              tinytorrent man > /usr/local/share/man/man1/tinytorrent.1
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        Console.Out.Write(Page());
        return ExitCode.Done;
    }

    public static string Page()
    {
        var page = new StringBuilder();
        page.Append($".TH TINYTORRENT 1 \"\" \"tinytorrent {VersionCommand.Version}\" \"User Commands\"\n");
        page.Append(".SH NAME\ntinytorrent \\- BitTorrent client and tracker in one file\n");
        page.Append(".SH SYNOPSIS\n.B tinytorrent\n.I COMMAND\n[arguments]\n");
        page.Append(".SH COMMANDS\n");
        foreach (Command command in CommandTable.All) Append(page, command);
        page.Append(".SH OPTIONS OF EVERY COMMAND\n");
        foreach (Option option in Option.Common) Append(page, option);
        page.Append(".SH EXIT STATUS\n");
        foreach ((string code, string meaning) in HelpText.ExitCodes) page.Append($".TP\n.B {code}\n{Text(meaning)}\n");
        page.Append(".SH EXAMPLES\n");
        foreach ((string command, string meaning) in HelpText.Examples) page.Append($".TP\n.B {Text(command)}\n{Text(meaning)}\n");
        return page.ToString();
    }

    static void Append(StringBuilder page, Command command)
    {
        page.Append($".SS \"{Text($"{command.Name} {command.Synopsis}".TrimEnd())}\"\n{Text(HelpText.Sentence(command.Summary))}\n");
        foreach (Option option in command.Options) Append(page, option);
        foreach (string paragraph in HelpText.Paragraphs(command.Details))
            page.Append(paragraph.StartsWith(' ') ? $".PP\n.EX\n{Lines(paragraph)}\n.EE\n" : $".PP\n{Lines(paragraph)}\n");
    }

    static void Append(StringBuilder page, Option option)
    {
        string names = option.Short == '\0' ? option.Name : $"-{option.Short}, {option.Name}";
        string value = option.Value is null ? "" : $" \\fI{Text(option.Value)}\\fR";
        page.Append($".TP\n\\fB{Text(names)}\\fR{value}\n{Text(option.Explanation)}\n");
    }

    static string Lines(string paragraph) => string.Join('\n', paragraph.Split('\n').Select(Text));

    /// <summary>A plain hyphen, backslash or leading dot means something else to roff.</summary>
    static string Text(string line)
    {
        string escaped = line.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal);
        return escaped.StartsWith('.') || escaped.StartsWith('\'') ? "\\&" + escaped : escaped;
    }
}
