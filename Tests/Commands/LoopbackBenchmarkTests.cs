// The shape of what `bench loopback` prints, and that it leaves nothing behind; the figures are the machine's business.
using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public sealed partial class LoopbackBenchmarkTests : IDisposable
{
    const string Size = "300000"; // 19 pieces, the last one short

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Runs the built program with a folder for temporary files of its own: what it prints, line by line.</summary>
    string[] Bench(params string[] options)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll");
        var start = new ProcessStartInfo("dotnet", [program, "bench", "loopback", .. options]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[OperatingSystem.IsWindows() ? "TMP" : "TMPDIR"] = _folder.Path;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal((0, ""), (process.ExitCode, errors.Result));
        Assert.Empty(Directory.GetDirectories(_folder.Path, "tinytorrent-*"));
        return output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public void TheTableHasARowForEachEngine()
    {
        string[] lines = Bench("--size", Size);
        Assert.Equal(3, lines.Length);
        Assert.Contains("both ends in one process", lines[0], StringComparison.Ordinal);
        Assert.Equal(["async", "sync"], lines[1..].Select(line => Row().Match(line).Groups[1].Value));
    }

    [Fact]
    public void JsonIsOneObjectForTheEngineAskedFor()
    {
        JsonElement row = JsonSerializer.Deserialize<JsonElement>(Assert.Single(Bench("--json", "--engine", "sync", "--size", Size)));
        Assert.Equal(("loopback", "sync", Size), (row.GetProperty("event").GetString(), row.GetProperty("engine").GetString(), row.GetProperty("length").GetRawText()));
        foreach (string figure in (string[])["seconds", "cpu_seconds", "rate", "bytes_per_cpu_second"])
            Assert.True(row.GetProperty(figure).GetDouble() > 0, figure);
    }

    [GeneratedRegex(@"^  (\w+) +\d+ +\d+\.\d\d +\d+$")]
    private static partial Regex Row();
}
