// Completion scripts for three shells, generated from the command table. What an operand or a value is (a file, a folder,
// one of a few words) follows from its name in the synopsis, so a new command completes without a line here.
using System.Text;

namespace TinyTorrent.Commands;

static class CompletionsCommand
{
    public static readonly Command Command = new("completions", "bash|zsh|fish", "print a completion script for a shell", MaxOperands: 1, [], Run)
    {
        Details = """
            Where shells look for it (zsh: any folder of $fpath):

              cd ~/.local/share/bash-completion/completions
              tinytorrent completions bash > tinytorrent

              cd ~/.zfunc
              tinytorrent completions zsh > _tinytorrent

              cd ~/.config/fish/completions
              tinytorrent completions fish > tinytorrent.fish
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        Console.Out.Write(arguments.Operand(0, "bash|zsh|fish") switch
        {
            "bash" => Bash(),
            "zsh" => Zsh(),
            "fish" => Fish(),
            var other => throw Arguments.Usage($"no completions for '{other}'; there are bash, zsh and fish"),
        });
        return ExitCode.Done;
    }

    enum Kind { None, File, Folder, Words }

    /// <summary>What to offer for a value or operand named like this in help: <c>DIR</c>, <c>x.torrent</c>, <c>async|sync</c>.</summary>
    static (Kind Kind, string[] Words) Offer(string name)
    {
        if (name == "[COMMAND]") return (Kind.Words, [.. CommandTable.All.Select(command => command.Name)]);
        string[] words = name.Split(' ')[0].Trim('[', ']').Split('|');
        if (words.Length > 1 && Array.TrueForAll(words, word => Array.TrueForAll(word.ToCharArray(), char.IsAsciiLetterLower))) return (Kind.Words, words);
        if (words.Contains("DIR")) return (Kind.Folder, []);
        return words.Any(word => word is "FILE" or "PATH" or "SOURCE" || word.EndsWith(".torrent", StringComparison.Ordinal)) ? (Kind.File, []) : (Kind.None, []);
    }

    static IEnumerable<Option> OptionsOf(Command command) => command.Options.Concat(Option.Common);

    static IEnumerable<string> NamesOf(Option option) => option.Short == '\0' ? [option.Name] : [$"-{option.Short}", option.Name];

    public static string Bash()
    {
        var script = new StringBuilder("""
            # bash completion for tinytorrent
            _tinytorrent() {
                local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" options=
                # readline cuts --option=value into three words
                if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi
                COMPREPLY=()
                if (( COMP_CWORD == 1 )); then

            """);
        script.Append($"        COMPREPLY=($(compgen -W '{string.Join(' ', CommandTable.All.Select(command => command.Name))} --help --version' -- \"$current\"))\n        return\n    fi\n");
        script.Append("    case \"${COMP_WORDS[1]}\" in\n");
        foreach (Command command in CommandTable.All)
        {
            script.Append($"    {command.Name})\n        case \"$previous\" in\n");
            foreach (Option option in OptionsOf(command).Where(option => option.Value is not null))
                script.Append($"        {string.Join('|', NamesOf(option))}) {BashReply(Offer(option.Value!))}; return ;;\n");
            script.Append($"        esac\n        options='{string.Join(' ', OptionsOf(command).SelectMany(NamesOf))}'\n");
            script.Append($"        [[ $current == -* ]] || {BashReply(Offer(command.Synopsis))} ;;\n");
        }
        return script.Append("""
                esac
                [[ $current != -* ]] || COMPREPLY=($(compgen -W "$options" -- "$current"))
            }
            complete -F _tinytorrent tinytorrent

            """).ToString();
    }

    static string BashReply((Kind Kind, string[] Words) offer) => offer.Kind switch
    {
        Kind.File => "{ compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); }",
        Kind.Folder => "{ compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); }",
        Kind.Words => $"COMPREPLY=($(compgen -W '{string.Join(' ', offer.Words)}' -- \"$current\"))",
        _ => ":",
    };

    public static string Zsh()
    {
        var script = new StringBuilder("""
            #compdef tinytorrent
            _tinytorrent() {
                local curcontext="$curcontext" state line
                local -a commands
                commands=(

            """);
        foreach (Command command in CommandTable.All) script.Append($"        '{ZshText(command.Name)}:{ZshText(command.Summary)}'\n");
        script.Append("""
                )
                _arguments -C '1:command:->command' '*::argument:->argument'
                if [[ $state == command ]]; then
                    _describe command commands
                    return
                fi
                case $words[1] in

            """);
        foreach (Command command in CommandTable.All)
        {
            script.Append($"    {command.Name})\n        _arguments -s -S");
            foreach (Option option in OptionsOf(command)) script.Append($" \\\n            {ZshOption(option)}");
            if (command.MaxOperands > 0) script.Append($" \\\n            '*:{ZshText(command.Synopsis.Split(' ')[0])}:{ZshAction(Offer(command.Synopsis))}'");
            script.Append(" ;;\n");
        }
        return script.Append("""
                esac
            }
            if [[ $funcstack[1] == _tinytorrent ]]; then _tinytorrent "$@"; else compdef _tinytorrent tinytorrent; fi

            """).ToString();
    }

    static string ZshOption(Option option)
    {
        string excluded = option.Repeatable ? "'*'" : $"'({string.Join(' ', NamesOf(option))})'";
        IEnumerable<string> forms = NamesOf(option).Select(name => option.Value is null ? name : name.StartsWith("--", StringComparison.Ordinal) ? name + "=" : name + "+");
        string names = option.Short == '\0' ? forms.Single() : "{" + string.Join(',', forms) + "}";
        string value = option.Value is null ? "" : $":{ZshText(option.Value)}:{ZshAction(Offer(option.Value))}";
        return $"{excluded}{names}'[{ZshText(option.Explanation)}]{value}'";
    }

    static string ZshAction((Kind Kind, string[] Words) offer) => offer.Kind switch
    {
        Kind.File => "_files",
        Kind.Folder => "_files -/",
        Kind.Words => $"({string.Join(' ', offer.Words)})",
        _ => " ",
    };

    /// <summary>Inside single quotes, within a specification that ends at ':' or ']'.</summary>
    static string ZshText(string text) => text
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "'\\''", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal)
        .Replace("[", "\\[", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal);

    public static string Fish()
    {
        var script = new StringBuilder("""
            # fish completion for tinytorrent
            function __tinytorrent_is
                set -l words (commandline -opc)
                test (count $words) -gt 1; and test $words[2] = $argv[1]
            end
            complete -c tinytorrent -f
            complete -c tinytorrent -n 'test (count (commandline -opc)) -eq 1' -l version -d 'print the version'

            """);
        foreach (Command command in CommandTable.All)
        {
            script.Append($"complete -c tinytorrent -n 'test (count (commandline -opc)) -eq 1' -a {command.Name} -d {FishText(command.Summary)}\n");
            string line = $"complete -c tinytorrent -n '__tinytorrent_is {command.Name}'";
            if (Offer(command.Synopsis).Kind != Kind.None) script.Append($"{line} {FishOffer(Offer(command.Synopsis))}\n");
            foreach (Option option in OptionsOf(command))
            {
                string letter = option.Short == '\0' ? "" : $" -s {option.Short}";
                string value = option.Value is null ? "" : $" -r {FishOffer(Offer(option.Value))}";
                script.Append($"{line}{letter} -l {option.Name[2..]}{value} -d {FishText(option.Explanation)}\n");
            }
        }
        return script.ToString();
    }

    static string FishOffer((Kind Kind, string[] Words) offer) => offer.Kind switch
    {
        Kind.File => "-F",
        Kind.Folder => "-a '(__fish_complete_directories)'",
        Kind.Words => $"-a '{string.Join(' ', offer.Words)}'",
        _ => "-f",
    };

    static string FishText(string text) =>
        "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";
}
