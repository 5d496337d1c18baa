// Every subcommand, in the order help shows them.
namespace TinyTorrent.Commands;

static class CommandTable
{
    /// <summary>Options every subcommand understands.</summary>
    public static readonly Option[] CommonOptions =
    [
        new("--help", null, "show this help and exit") { Short = 'h' },
        new("--quiet", null, "print results and errors only") { Short = 'q' },
        new("--verbose", null, "say more; may be repeated") { Short = 'v', Repeatable = true },
    ];

    public static readonly Command[] All =
    [
        VersionCommand.Command,
    ];
}
