using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Net;

public sealed partial class FigurePagesTests : IDisposable
{
    readonly TrackerService _service = new(new TrackerOptions(), new byte[16]);

    public void Dispose() => _service.Dispose();

    (string Head, string Body) Get(string path)
    {
        var routes = new TrackerRoutes(_service, new Clock());
        var session = new HttpSession(routes.Answer, new HttpMemory(0));
        byte[] request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        request.CopyTo(session.ReceiveBuffer);
        session.Received(request.Length);
        session.Answer(out ReadOnlyMemory<byte> output);
        string[] parts = Encoding.UTF8.GetString(output.Span).Split("\r\n\r\n", 2);
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", parts[0], StringComparison.Ordinal);
        Assert.Contains("\r\nX-Content-Type-Options: nosniff", parts[0], StringComparison.Ordinal);
        Assert.Matches($"\r\nContent-Length: +{Encoding.UTF8.GetByteCount(parts[1])}$", parts[0]);
        return (parts[0], parts[1]);
    }

    void Fill()
    {
        for (int i = 1; i <= 3; i++) Announce(PeerAddress.From([198, 51, 100, 7]), i);
        Announce(PeerAddress.From([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), 1);
        for (int i = 0; i < 1234; i++) _service.Counters.UdpDrop();
        _service.Counters.HttpAnnounce();
    }

    void Announce(PeerAddress from, int port)
    {
        var announce = new Announce { InfoHash = new InfoHash("abcdefghijklmnopqrst"u8), PeerId = default, Port = (ushort)port, Left = 1 };
        Assert.True(_service.TryAnnounce(announce, from, TimeSpan.Zero, default, default, out _, out _));
    }

    [Fact]
    public void WhatIsNotSavedIsShownToPeopleAndScriptsAndNoReasonToBeStartedAgain()
    {
        Assert.Contains("\"unsaved\":0,\"save_failed\":0", Get("/stats.json").Body, StringComparison.Ordinal);
        _service.Saved.OnSwarms("the disk is full");
        _service.Saved.OnCatalogue("permission denied");
        Assert.Equal("ok, but the swarms are not saved: the disk is full\n", Body("/health"));
        Assert.Contains("tinytorrent_unsaved 1\n", Get("/metrics").Body, StringComparison.Ordinal);
        Assert.Contains("tinytorrent_save_failed_total 2\n", Get("/metrics").Body, StringComparison.Ordinal);
        _service.Saved.OnSwarms(null);
        Assert.Equal("ok, but the catalogue is not saved: permission denied\n", Body("/health"));
        _service.Saved.OnCatalogue(null);
        Assert.Equal("ok\n", Body("/health"));
        Assert.Contains("tinytorrent_unsaved 0\n", Get("/metrics").Body, StringComparison.Ordinal);
    }

    /// <summary>Of a page that is no figures.</summary>
    string Body(string path)
    {
        var session = new HttpSession(new TrackerRoutes(_service, new Clock()).Answer, new HttpMemory(0));
        byte[] request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        request.CopyTo(session.ReceiveBuffer);
        session.Received(request.Length);
        session.Answer(out ReadOnlyMemory<byte> output);
        string[] parts = Encoding.UTF8.GetString(output.Span).Split("\r\n\r\n", 2);
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", parts[0], StringComparison.Ordinal);
        return parts[1];
    }

    [Fact]
    public void PrometheusReadsEveryFigureWithItsHelpAndType()
    {
        Fill();
        (string head, string body) = Get("/metrics");
        Assert.Contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n", head, StringComparison.Ordinal);
        Assert.EndsWith("\n", body, StringComparison.Ordinal);
        Assert.Contains("# TYPE tinytorrent_peers gauge\ntinytorrent_peers{family=\"ipv4\"} 3\ntinytorrent_peers{family=\"ipv6\"} 1\n", body, StringComparison.Ordinal);
        Assert.Contains("# TYPE tinytorrent_udp_dropped_total counter\ntinytorrent_udp_dropped_total 1234\n", body, StringComparison.Ordinal);
        Assert.Matches(@"# TYPE tinytorrent_uptime_seconds gauge\ntinytorrent_uptime_seconds \d+\n", body);

        // The format's own rules: HELP and TYPE once for each name, in front of its samples; no sample twice.
        string current = "";
        var seen = new HashSet<string>();
        string[] lines = body.TrimEnd('\n').Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (Help().Match(lines[i]) is { Success: true } help)
            {
                current = help.Groups[1].Value;
                Assert.True(seen.Add(current), current);
                Assert.Matches($"^# TYPE {current} {(current.EndsWith("_total", StringComparison.Ordinal) ? "counter" : "gauge")}$", lines[++i]);
                continue;
            }
            Match sample = Sample().Match(lines[i]);
            Assert.True(sample.Success && sample.Groups[1].Value == current && seen.Add(sample.Groups[1].Value + sample.Groups[2].Value + " "), lines[i]);
        }
    }

    [Fact]
    public void TheThreePagesShowTheSameFigures()
    {
        Fill();
        Dictionary<string, long> json = JsonDocument.Parse(Get("/stats.json").Body).RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64());
        Assert.Equal((3, 1, 1234, 1), (json["peers_ipv4"], json["peers_ipv6"], json["udp_dropped"], json["http_announces"]));
        json.Remove("uptime");
        IEnumerable<long> metrics = Get("/metrics").Body.Split('\n').Where(l => l.Length > 0 && l[0] != '#' && !l.Contains("uptime", StringComparison.Ordinal))
            .Select(l => long.Parse(l.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(json.Values, metrics);
        IEnumerable<long> html = Cell().Matches(Get("/stats").Body).Skip(1).Select(m => long.Parse(m.Groups[1].Value.Replace(" ", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(json.Values, html);
    }

    [Fact]
    public void ABrowserFetchesAndRunsNothingAndUsesOnlyTheStyleThatIsNamed()
    {
        (string head, string body) = Get("/stats");
        Assert.Contains("\r\nContent-Type: text/html; charset=utf-8\r\n", head, StringComparison.Ordinal);
        string style = Styles().Match(body).Groups[1].Value;
        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        Assert.Contains($"\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-{hash}';", head, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", style, StringComparison.Ordinal);
        Assert.Contains("width=device-width", body, StringComparison.Ordinal);
        foreach (string outside in (string[])["<script", "<link", "<img", "@import", "url(", "http:", "https:", "style=\""])
            Assert.DoesNotContain(outside, body, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("href=\"stats.json\"", body, StringComparison.Ordinal);
        Assert.DoesNotContain("=\"/", body, StringComparison.Ordinal); // a proxy may have put the tracker beneath a path
    }

    [GeneratedRegex(@"^# HELP (tinytorrent_[a-z0-9_]+) \S.*$")]
    private static partial Regex Help();

    [GeneratedRegex("""^(tinytorrent_[a-z0-9_]+)(\{family="ipv[46]"\})? \d+$""")]
    private static partial Regex Sample();

    [GeneratedRegex("<td>([0-9 ]+)</td>")]
    private static partial Regex Cell();

    [GeneratedRegex("<style>(.*?)</style>", RegexOptions.Singleline)]
    private static partial Regex Styles();
}
