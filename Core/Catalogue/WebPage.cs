// The catalogue's page, complete in itself: its style and its script stand in it, and its headers forbid a browser to run
// anything but these two, by their hashes, or to ask any host but the one it came from. So a name that is markup could do
// nothing even if the script made it some. The sources are Page/page.html, .css and .js. Pure; immutable.
using System.Text;
using TinyTorrent.Hashing;

namespace TinyTorrent.Catalogue;

/// <summary>Who serves the page.</summary>
enum PageMode
{
    /// <summary>A tracker, to everybody: there is a list to look at.</summary>
    Tracker,

    /// <summary>`browse`, to its user: there are downloads, too.</summary>
    Client,
}

static class WebPage
{
    static readonly string s_style = Source("page.css"), s_script = Source("page.js");

    public const string ContentType = "text/html; charset=utf-8";

    /// <summary>The value of Content-Security-Policy.</summary>
    public static string Policy { get; } =
        $"default-src 'none'; script-src 'sha256-{HashOf(s_script)}'; style-src 'sha256-{HashOf(s_style)}'; connect-src 'self'; "
        + "media-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <param name="kind">The one that is shown first; null for all.</param>
    /// <returns>UTF-8.</returns>
    public static byte[] Write(PageMode mode, ContentKind? kind) => Encoding.UTF8.GetBytes(Source("page.html")
        .Replace("{mode}", mode == PageMode.Client ? "client" : "tracker", StringComparison.Ordinal)
        .Replace("{kind}", kind is { } one ? ContentKinds.NameOf(one) : "", StringComparison.Ordinal)
        .Replace("{style}", s_style, StringComparison.Ordinal)
        .Replace("{script}", s_script, StringComparison.Ordinal));

    static string Source(string name)
    {
        using Stream source = typeof(WebPage).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(source);
        return reader.ReadToEnd();
    }

    /// <summary>How a Content-Security-Policy names a style or script that stands in the page.</summary>
    public static string HashOf(string text)
    {
        Span<byte> digest = stackalloc byte[Sha256.Size];
        Sha256.Hash(Encoding.UTF8.GetBytes(text), digest);
        return Convert.ToBase64String(digest);
    }
}
