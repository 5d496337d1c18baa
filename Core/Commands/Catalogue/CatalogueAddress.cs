// --tracker URL as share, list and get NAME understand it: the tracker's announce URL, or the address in front of it. One gives
// the other: http://host:6969 <-> http://host:6969/announce, and a passkey stays where it is.
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Tracker;

namespace TinyTorrent.Commands;

/// <param name="Announce">The announce URL.</param>
/// <param name="Root">What the catalogue's paths are relative to; ends with a slash.</param>
/// <param name="Display">For people, without passkeys.</param>
sealed record CatalogueAddress(string Announce, Uri Root, string Display)
{
    const string Leaf = "announce";

    public static readonly Option Option = new("--tracker", "URL", "the tracker with the catalogue: http://HOST:PORT, or its announce URL");

    /// <summary>Who announces there is known by an address of this machine alone. Many systems give their own name such an address.</summary>
    public bool IsThisMachineOnly()
    {
        try
        {
            return Dns.GetHostAddresses(Root.IdnHost) is { Length: > 0 } found && found.All(IPAddress.IsLoopback);
        }
        catch (SocketException)
        {
            return false; // what asks the tracker next says what is wrong
        }
    }

    /// <summary>Of --tracker, which must be there.</summary>
    public static CatalogueAddress Read(Arguments arguments)
    {
        string text = arguments.Value("--tracker") ?? throw Arguments.Usage("--tracker URL is missing: where is the catalogue?");
        if (TryParse(text, out CatalogueAddress? address, out string problem)) return address;
        string hint = !text.Contains("://", StringComparison.Ordinal) && TryParse("http://" + text, out _, out _) ? $" (http://{text}?)" : "";
        throw Arguments.Usage($"--tracker {text}: {problem}{hint}");
    }

    public static bool TryParse(string text, [NotNullWhen(true)] out CatalogueAddress? address, out string problem)
    {
        address = null;
        if (!TrackerUrl.TryParse(text, out TrackerUrl? url, out string? why))
        {
            problem = why;
            return false;
        }
        if (url.Scheme == TrackerScheme.Udp)
        {
            problem = "a catalogue is reached over http or https";
            return false;
        }
        problem = "";
        string host = url.Uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped), path = url.Uri.AbsolutePath;
        bool isAnnounce = path.EndsWith('/' + Leaf, StringComparison.Ordinal);
        string root = isAnnounce ? path[..^Leaf.Length] : path.TrimEnd('/') + '/';
        address = new CatalogueAddress(isAnnounce ? url.Text : host + root + Leaf + url.Uri.Query, new Uri(host + root), url.Display);
        return true;
    }

    /// <summary>A tracker's URL as it was given, completed if it is the address of a host and no more.</summary>
    public static string AnnounceOf(string url) =>
        TryParse(url, out CatalogueAddress? address, out _) && address.Root.AbsolutePath == "/" ? address.Announce : url;
}
