// --token: the secret a tracker's operator gives to those who may publish. Command lines are seen by every user of a machine,
// so it may come from the environment as well.
using System.Buffers;

namespace TinyTorrent.Commands;

static class AccessToken
{
    const string Variable = "TINYTORRENT_TOKEN";
    const int MaxLength = 256;

    /// <summary>What may stand in an Authorization header (RFC 6750).</summary>
    static readonly SearchValues<char> s_characters = SearchValues.Create("-._~+/=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    const string Name = "--token";

    /// <param name="summary">What it is good for.</param>
    public static Option Option(string summary) => new(Name, "SECRET", $"{summary} (better: the environment variable {Variable})");

    /// <summary>Null if there is none.</summary>
    public static string? Read(Arguments arguments)
    {
        string? token = arguments.Value(Name) ?? Environment.GetEnvironmentVariable(Variable);
        if (token is null) return null;
        if (token.Length is >= 1 and <= MaxLength && !token.AsSpan().ContainsAnyExcept(s_characters)) return token;
        // An empty one too: a secret that a script failed to fill in must not open what it was to close.
        throw Arguments.Usage($"{(arguments.Has(Name) ? Name : Variable)} takes 1 to {MaxLength} letters, digits and -._~+/={(token.Length == 0 ? ", and is empty" : "")}");
    }
}
