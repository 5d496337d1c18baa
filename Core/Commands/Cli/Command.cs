// One subcommand as data. Parsing, --help, the man page and shell completions all read the same table, so they cannot disagree.
namespace TinyTorrent.Commands;

/// <summary>What a finished command tells the shell. The same meaning for every subcommand.</summary>
enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,
    BadInput = 3,
    Incomplete = 4,
    NoPeer = 5,
    Disk = 6,
    Refused = 7,
    Interrupted = 130,
}

/// <param name="Name">Long form with its dashes: <c>--output</c>.</param>
/// <param name="Value">What follows, as shown in help (<c>DIR</c>), or null for a switch.</param>
sealed record Option(string Name, string? Value, string Help)
{
    /// <summary>Options every subcommand understands.</summary>
    public static readonly Option[] Common =
    [
        new("--help", null, "show this help and exit") { Short = 'h' },
        new("--quiet", null, "print results and errors only") { Short = 'q' },
        new("--verbose", null, "say more") { Short = 'v', Repeatable = true },
    ];

    /// <summary>One-letter form (<c>-o</c> is 'o'), or '\0'.</summary>
    public char Short { get; init; }

    public bool Repeatable { get; init; }

    /// <summary>The explanation as help, manual and completions show it.</summary>
    public string Explanation => Repeatable ? Help + " (may be repeated)" : Help;
}

/// <param name="Synopsis">Operands as shown after the name: <c>SOURCE [options]</c>.</param>
/// <param name="MaxOperands">More operands than this are a usage error.</param>
sealed record Command(string Name, string Synopsis, string Summary, int MaxOperands, Option[] Options, Func<Arguments, ExitCode> Run)
{
    /// <summary>Paragraphs for --help and the man page, below the options. May be empty.</summary>
    public string Details { get; init; } = "";

    /// <summary>True if an operand or an option's value may be a path.</summary>
    public bool TakesPaths =>
        Synopsis.Contains("PATH", StringComparison.Ordinal) || Synopsis.Contains("SOURCE", StringComparison.Ordinal)
        || Synopsis.Contains(".torrent", StringComparison.Ordinal) || Array.Exists(Options, option => option.Value is "DIR" or "FILE");
}

/// <summary>Ends a command with an exit code and one line on stderr: <c>tinytorrent: what failed: why</c>.</summary>
sealed class CommandException(ExitCode code, string message, Exception? cause = null) : Exception(message, cause)
{
    public ExitCode Code { get; } = code;

    /// <summary>A server could not be reached, or is in trouble: the same may work a moment later.</summary>
    public bool MayPass { get; init; }
}
