// A tracker's figures as three pages: JSON for scripts, Prometheus' text format 0.0.4, and HTML for people.
// The HTML is complete in itself and its headers forbid a browser to fetch or run anything: all it may use is the style
// whose hash they name. Pure; any thread may call.
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using TinyTorrent.Catalogue;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

static class FigurePages
{
    const string Style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--line:#d8dee4;--soft:#57606a}
        @media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--line:#30363d;--soft:#9198a1}}
        body{margin:0 auto;max-width:40rem;padding:1rem;font:1rem/1.4 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
        h1{font-size:1.25rem}
        table{width:100%;border-collapse:collapse}
        th,td{padding:.5rem 0;border-bottom:1px solid var(--line);vertical-align:baseline}
        th{font-weight:400;text-align:left}
        td{padding-left:1rem;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        p,small{color:var(--soft)}
        a{color:inherit}
        """;

    const string CommonHeaders = "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store";

    static readonly string HtmlHeaders = CommonHeaders
        + $"\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-{WebPage.HashOf(Style)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        + "\r\nReferrer-Policy: no-referrer";

    public static void WriteJson(ReadOnlySpan<TrackerFigure> figures, HttpResponse response)
    {
        (response.ContentType, response.Headers) = ("application/json", CommonHeaders);
        using var json = new Utf8JsonWriter(response);
        json.WriteStartObject();
        foreach (TrackerFigure figure in figures) json.WriteNumber(figure.FullName, figure.Value);
        json.WriteEndObject();
    }

    public static void WritePrometheus(ReadOnlySpan<TrackerFigure> figures, HttpResponse response)
    {
        (response.ContentType, response.Headers) = ("text/plain; version=0.0.4; charset=utf-8", CommonHeaders);
        var text = new StringBuilder();
        string before = "";
        foreach (TrackerFigure figure in figures)
        {
            string metric = $"tinytorrent_{figure.Name}{figure.Suffix}";
            if (metric != before)
                text.Append($"# HELP {metric} {figure.Help}.\n# TYPE {metric} {(figure.IsCounter ? "counter" : "gauge")}\n");
            before = metric;
            string label = figure.Family is null ? "" : $"{{family=\"{figure.Family}\"}}";
            text.Append(CultureInfo.InvariantCulture, $"{metric}{label} {figure.Value}\n");
        }
        Write(text, response);
    }

    public static void WriteHtml(ReadOnlySpan<TrackerFigure> figures, HttpResponse response)
    {
        (response.ContentType, response.Headers) = ("text/html; charset=utf-8", HtmlHeaders);
        var text = new StringBuilder("""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>tinytorrent tracker</title>

            """);
        text.Append("<style>").Append(Style).Append("</style>\n</head>\n<body>\n<h1>tinytorrent tracker</h1>\n<table>\n");
        foreach (TrackerFigure figure in figures)
        {
            string family = figure.Family switch { "ipv4" => " <small>IPv4</small>", "ipv6" => " <small>IPv6</small>", _ => "" };
            // Spaces between thousands, which need no language.
            string value = figure.Value.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', ' ');
            text.Append($"<tr><th scope=\"row\">{WebUtility.HtmlEncode(figure.Help)}{family}</th><td>{value}</td></tr>\n");
        }
        text.Append("</table>\n<p>The same as <a href=\"stats.json\">JSON</a> and <a href=\"metrics\">for Prometheus</a>.</p>\n</body>\n</html>\n");
        Write(text, response);
    }

    static void Write(StringBuilder text, HttpResponse response)
    {
        foreach (ReadOnlyMemory<char> chunk in text.GetChunks())
            response.Advance(Encoding.UTF8.GetBytes(chunk.Span, response.GetSpan(Encoding.UTF8.GetMaxByteCount(chunk.Length))));
    }
}
