// argv -> values (GNU habits: --name=value, --name value, -n value, -nvalue, -abc, -- ends options).
// Every wrong argument becomes a CommandException with ExitCode.Usage that names it.
using System.Globalization;

namespace TinyTorrent.Commands;

/// <summary>The parsed arguments of one subcommand. Immutable.</summary>
sealed class Arguments
{
    readonly Dictionary<string, List<string>> _values = [];
    readonly List<string> _operands = [];

    Arguments() { }

    /// <summary>What is not an option, in order, none of it empty. A lone <c>-</c> (stdin or stdout) is an operand.</summary>
    public IReadOnlyList<string> Operands => _operands;

    public bool Has(string option) => _values.ContainsKey(option);

    /// <summary>How often a switch was given: -vv is 2.</summary>
    public int Count(string option) => _values.TryGetValue(option, out List<string>? given) ? given.Count : 0;

    /// <summary>The last value given, or null.</summary>
    public string? Value(string option) => _values.TryGetValue(option, out List<string>? given) ? given[^1] : null;

    public IReadOnlyList<string> Values(string option) => _values.TryGetValue(option, out List<string>? given) ? given : [];

    /// <summary>The operand at <paramref name="index"/>; a usage error naming <paramref name="name"/> if it is not there.</summary>
    public string Operand(int index, string name) =>
        index < _operands.Count ? _operands[index] : throw Usage($"the argument {name} is missing");

    public long Integer(string option, long otherwise, long min, long max)
    {
        if (Value(option) is not { } text) return otherwise;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max) return value;
        throw Usage($"{option} takes a whole number from {min} to {max}, not '{text}'");
    }

    /// <summary>Zero or more.</summary>
    public double Number(string option, double otherwise)
    {
        if (Value(option) is not { } text) return otherwise;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)) return value;
        throw Usage($"{option} takes a number, not '{text}'");
    }

    /// <summary>Bytes, or bytes per second: <c>500k</c>, <c>2M</c>, <c>1.5GiB</c>, in steps of 1024.</summary>
    public long? Bytes(string option)
    {
        if (Value(option) is not { } text) return null;
        string number = text.EndsWith("iB", StringComparison.OrdinalIgnoreCase) ? text[..^2] : text;
        double bytes = Scaled(number, "kmgt", [1L << 10, 1L << 20, 1L << 30, 1L << 40]);
        return bytes is >= 1 and < long.MaxValue ? (long)bytes : throw Usage($"{option} takes a size such as 500k or 2M, not '{text}'");
    }

    /// <summary>A time: <c>90</c> or <c>90s</c>, <c>5m</c>, <c>2h</c>, <c>1d</c>.</summary>
    public TimeSpan? Duration(string option)
    {
        if (Value(option) is not { } text) return null;
        double seconds = Scaled(text, "smhd", [1, 60, 3600, 86400]);
        return seconds is >= 0 and < 1e10 ? TimeSpan.FromSeconds(seconds) : throw Usage($"{option} takes a time such as 90s or 5m, not '{text}'");
    }

    /// <summary>A number with an optional unit letter; NaN if it is not one.</summary>
    static double Scaled(string text, string letters, ReadOnlySpan<long> units)
    {
        int unit = text.Length == 0 ? -1 : letters.IndexOf(char.ToLowerInvariant(text[^1]), StringComparison.Ordinal);
        ReadOnlySpan<char> digits = unit < 0 ? text : text.AsSpan(0, text.Length - 1);
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)) return double.NaN;
        return unit < 0 ? value : value * units[unit];
    }

    public static CommandException Usage(string message) => new(ExitCode.Usage, message);

    /// <summary>True if --help or -h stands anywhere before <c>--</c>, however wrong the rest may be.</summary>
    public static bool AskForHelp(ReadOnlySpan<string> argv)
    {
        int end = argv.IndexOf("--");
        ReadOnlySpan<string> words = end < 0 ? argv : argv[..end];
        return words.Contains("--help") || words.Contains("-h");
    }

    public static Arguments Parse(Command command, ReadOnlySpan<string> argv)
    {
        var parsed = new Arguments();
        for (int i = 0; i < argv.Length; i++)
        {
            string word = argv[i];
            if (word == "--")
            {
                parsed._operands.AddRange(argv[(i + 1)..]);
                break;
            }
            if (word.StartsWith("--", StringComparison.Ordinal)) parsed.TakeLong(command, argv, ref i);
            else if (word.Length > 1 && word[0] == '-') parsed.TakeShort(command, argv, ref i);
            else parsed._operands.Add(word);
        }
        if (parsed._operands.Count > command.MaxOperands && !parsed.Has("--help"))
            throw Usage($"unexpected argument '{parsed._operands[command.MaxOperands]}'");
        if (parsed._operands.Contains("")) throw Usage($"an argument is empty ({command.Name} {command.Synopsis})");
        return parsed;
    }

    void TakeLong(Command command, ReadOnlySpan<string> argv, ref int i)
    {
        string word = argv[i];
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? word : word[..equals];
        Option option = Find(command, o => o.Name == name) ?? throw Unknown(command, name);
        if (option.Value is null && equals >= 0) throw Usage($"{name} takes no value");
        Add(option, option.Value is null ? "" : equals >= 0 ? word[(equals + 1)..] : Next(option, argv, ref i));
    }

    static CommandException Unknown(Command command, string name) => Usage($"unknown option '{name}'"
        + Suggestion.For(name, command.Options.Concat(Option.Common).Select(option => option.Name)));

    void TakeShort(Command command, ReadOnlySpan<string> argv, ref int i)
    {
        string word = argv[i];
        for (int at = 1; at < word.Length; at++)
        {
            char letter = word[at];
            Option option = Find(command, o => o.Short == letter) ?? throw Usage($"unknown option '-{letter}'");
            if (option.Value is null) Add(option, "");
            else
            {
                Add(option, at + 1 < word.Length ? word[(at + 1)..] : Next(option, argv, ref i));
                return;
            }
        }
    }

    void Add(Option option, string value)
    {
        // A variable that was not set.
        if (option.Value is not null && value.Length == 0) throw Usage($"{option.Name} is empty; it takes {option.Value}");
        if (!_values.TryGetValue(option.Name, out List<string>? given)) _values[option.Name] = given = [];
        if (given.Count > 0 && !option.Repeatable && option.Value is not null) throw Usage($"{option.Name} was given twice");
        given.Add(value);
    }

    static string Next(Option option, ReadOnlySpan<string> argv, ref int i) =>
        ++i < argv.Length ? argv[i] : throw Usage($"{option.Name} needs a value ({option.Value})");

    static Option? Find(Command command, Predicate<Option> match) =>
        Array.Find(command.Options, match) ?? Array.Find(Option.Common, match);
}
