namespace TinyTorrent.Types;

/// <summary>Why something failed, in the words of the operating system and the framework.</summary>
static class SystemMessage
{
    // How the framework's messages begin that are not the system's, or hold the path that the sentence begins with.
    static readonly (string Start, string Phrase)[] s_framework =
    [
        ("Access to the path", "permission denied"),
        ("Could not find file", "no such file"),
        ("Could not find a part of the path", "no such file or folder"),
        ("Unable to find the specified file", "no such file or folder"),
        ("The path '", "the name, or the whole path, is too long"),
        ("The file '", "a file of this name is in the way"),
        ("The process cannot access the file", "another process uses it"),
        ("Specified file length was too large", "too large a file for this file system"),
    ];

    /// <summary>The system's message as the second half of a sentence: <c>No space left on device : '/x'</c> without its path.</summary>
    public static string Phrase(string message)
    {
        foreach ((string start, string phrase) in s_framework)
            if (message.StartsWith(start, StringComparison.Ordinal)) return phrase;
        int path = message.IndexOf(" : '", StringComparison.Ordinal);
        string reason = (path < 0 ? message : message[..path]).TrimEnd('.');
        return reason.Length > 1 && char.IsLower(reason[1]) ? char.ToLowerInvariant(reason[0]) + reason[1..] : reason;
    }
}
