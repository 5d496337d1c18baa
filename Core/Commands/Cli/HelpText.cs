// The command table as text for a terminal: 80 columns, options aligned. The man page is the same table in roff.
using System.Text;

namespace TinyTorrent.Commands;

static class HelpText
{
    const int Width = 80;
    const int MaxColumn = 30;

    public static readonly (string Code, string Meaning)[] ExitCodes =
    [
        ("0", "done; for verify: the content is whole"),
        ("1", "unexpected failure"),
        ("2", "wrong usage"),
        ("3", "bad .torrent, magnet link or catalogue answer"),
        ("4", "content incomplete or damaged"),
        ("5", "no peer or no tracker answered"),
        ("6", "disk: full, read-only, no permission, an I/O error, or a file that holds something else is in the way"),
        ("7", "refused by the tracker, or a token is missing"),
        ("130", "interrupted; state is saved and the trackers were told"),
        ("141", "the reader of standard output went away"),
    ];

    public static readonly (string Command, string Meaning)[] Examples =
    [
        ("tinytorrent get ubuntu.torrent", "download into the current folder"),
        ("tinytorrent create photos -a http://host:6969/announce", "make photos.torrent"),
        ("tinytorrent serve-tracker", "run a tracker on port 6969"),
        ("tinytorrent seed photos.torrent photos", "share the folder"),
    ];

    /// <summary>How to call the program and what it can do; the answer to a bare <c>tinytorrent</c>.</summary>
    public static string Usage()
    {
        var text = new StringBuilder("Usage: tinytorrent COMMAND [arguments]\n\nCommands:\n");
        int column = CommandTable.All.Max(command => command.Name.Length) + 4;
        foreach (Command command in CommandTable.All) Entry(text, "  " + command.Name, column, command.Summary);
        return text.Append("\n'tinytorrent help COMMAND' or 'tinytorrent COMMAND --help' explains one of them.\n").ToString();
    }

    public static string Overview()
    {
        var text = new StringBuilder("tinytorrent: BitTorrent client and tracker in one file\n\n").Append(Usage());
        text.Append("\nOptions of every command:\n");
        Append(text, Option.Common);
        text.Append("\nExamples:\n");
        foreach ((string command, string meaning) in Examples) text.Append($"  {command}\n      {meaning}\n");
        text.Append("\nExit codes:\n");
        foreach ((string code, string meaning) in ExitCodes) Entry(text, "  " + code, 8, meaning);
        return text.ToString();
    }

    public static string For(Command command)
    {
        var text = new StringBuilder();
        Entry(text, "", 0, $"Usage: tinytorrent {command.Name} {command.Synopsis}");
        text.Append('\n');
        Entry(text, "", 0, Sentence(command.Summary));
        text.Append("\nOptions:\n");
        Append(text, [.. command.Options, .. Option.Common]);
        foreach (string paragraph in Paragraphs(command.Details))
        {
            text.Append('\n');
            if (paragraph.StartsWith(' ')) text.Append(paragraph).Append('\n');
            else Entry(text, "", 0, paragraph);
        }
        return text.ToString();
    }

    /// <summary><see cref="Command.Details"/> in its paragraphs; one that starts with a space is an example, kept as it is.</summary>
    public static string[] Paragraphs(string details) =>
        details.ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

    public static string Sentence(string summary) => summary.Length == 0 ? "" : char.ToUpperInvariant(summary[0]) + summary[1..] + ".";

    static void Append(StringBuilder text, Option[] options)
    {
        int column = options.Select(option => Form(option).Length + 2).Where(width => width <= MaxColumn).Max();
        foreach (Option option in options) Entry(text, Form(option), column, option.Explanation);
    }

    static string Form(Option option)
    {
        string form = option.Short == '\0' ? $"      {option.Name}" : $"  -{option.Short}, {option.Name}";
        return option.Value is null ? form : $"{form} {option.Value}";
    }

    /// <summary>A term and its explanation beside it from <paramref name="column"/> on, or below when the term is too long.</summary>
    static void Entry(StringBuilder text, string term, int column, string explanation)
    {
        int at = term.Length;
        text.Append(term);
        if (at + 2 > column && column > 0)
        {
            text.Append('\n');
            at = 0;
        }
        text.Append(' ', column - at);
        at = column;
        foreach (string word in explanation.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (at > column && at + 1 + word.Length > Width)
            {
                text.Append('\n').Append(' ', column);
                at = column;
            }
            if (at > column)
            {
                text.Append(' ');
                at++;
            }
            text.Append(word);
            at += word.Length;
        }
        text.Append('\n');
    }
}
