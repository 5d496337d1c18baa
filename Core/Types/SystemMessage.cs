namespace TinyTorrent.Types;

/// <summary>Why something failed, in the words of the operating system and the framework.</summary>
static class SystemMessage
{
    /// <summary>The system's message as the second half of a sentence: <c>No space left on device : '/x'</c> without its path.</summary>
    public static string Phrase(string message)
    {
        if (message.StartsWith("Access to the path", StringComparison.Ordinal)) return "permission denied";
        if (message.StartsWith("Could not find", StringComparison.Ordinal)) return "no such file";
        int path = message.IndexOf(" : '", StringComparison.Ordinal);
        string reason = (path < 0 ? message : message[..path]).TrimEnd('.');
        return reason.Length > 1 && char.IsLower(reason[1]) ? char.ToLowerInvariant(reason[0]) + reason[1..] : reason;
    }
}
