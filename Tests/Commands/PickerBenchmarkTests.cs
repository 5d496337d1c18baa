// The shape of what `bench picker` prints; the figures are the machine's business.
using System.Diagnostics;
using System.Text.Json;

namespace TinyTorrent.Tests.Commands;

public class PickerBenchmarkTests
{
    [Fact]
    public void JsonIsAnObjectForEachNumberOfPieces()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll");
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [program, "bench", "picker", "--json"]) { RedirectStandardOutput = true })!;
        string[] lines = process.StandardOutput.ReadToEnd().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        JsonElement[] rows = [.. lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
        Assert.Equal([1_000, 10_000, 100_000, 1_000_000, 2_000_000], rows.Select(row => row.GetProperty("pieces").GetInt32()));
        foreach (string figure in (string[])["request_nanoseconds", "have_nanoseconds"])
            Assert.All(rows, row => Assert.True(row.GetProperty(figure).GetDouble() > 0, figure));
    }
}
