// Every subcommand, in the order help shows them.
namespace TinyTorrent.Commands;

static class CommandTable
{
    public static readonly Command[] All =
    [
        CreateCommand.Command,
        GetCommand.Async,
        GetCommand.Sync,
        SeedCommand.Async,
        SeedCommand.Sync,
        InfoCommand.Command,
        VerifyCommand.Command,
        PeersCommand.Command,
        ScrapeCommand.Command,
        ShareCommand.Command,
        UnshareCommand.Command,
        ListCommand.Command,
        BrowseCommand.Command,
        ServeTrackerCommand.Command,
        HealthcheckCommand.Command,
        BenchCommand.Command,
        CompletionsCommand.Command,
        ManCommand.Command,
        VersionCommand.Command,
        HelpCommand.Command,
    ];

    /// <summary>The command of that name; a usage error with the nearest one if there is none.</summary>
    public static Command Find(string name)
    {
        if (Array.Find(All, command => command.Name == name) is { } found) return found;
        throw Arguments.Usage(name.StartsWith('-')
            ? $"'{name}' is not a command; options come after the command"
            : $"unknown command '{name}'{Suggestion.For(name, All.Select(command => command.Name))}");
    }
}
