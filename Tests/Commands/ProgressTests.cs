// The status line shares a terminal with everything else: it never wraps, and it is gone before a line is printed.
using System.Text;
using System.Text.Json;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class ProgressTests
{
    [Fact]
    public void TheLineNeverExceedsTheWidth()
    {
        const int seed = 7;
        var random = new Random(seed);
        for (int round = 0; round < 20_000; round++)
        {
            var status = new TransferStatus("downloading", random.NextInt64() >> random.Next(63), random.NextInt64() >> random.Next(63))
            {
                Rate = Math.Pow(10, random.Next(-3, 20)) * random.NextDouble(),
                UpRate = random.Next(2) == 0 ? null : random.NextDouble() * 1e9,
                Uploaded = random.NextInt64(),
                Peers = random.Next(2) == 0 ? null : random.Next(),
                Waiting = random.Next(4) == 0 ? "no peers: \u0645 a tracker's w\u00f6rds" : null,
            };
            int width = random.Next(0, 200);
            string line = status.ToLine(width);
            Assert.True(line.Length <= width && line.All(c => c is >= ' ' and <= '~'), $"seed {seed}, round {round}, width {width}: {line}");
        }
    }

    [Theory]
    [InlineData(120, "downloading  42.0%  1.3 GiB of 3.0 GiB  5.0 MiB/s down  14 peers  120.0 KiB/s up  5m 56s left")]
    [InlineData(80, "downloading  42.0%  1.3 GiB of 3.0 GiB  5.0 MiB/s down  14 peers  5m 56s left")]
    [InlineData(60, "downloading  42.0%  5.0 MiB/s down  14 peers  5m 56s left")]
    [InlineData(40, "downloading  42.0%  5.0 MiB/s down")]
    [InlineData(20, "downloading  42.0%")]
    [InlineData(8, "42.0%")]
    [InlineData(3, "42.")]
    [InlineData(0, "")]
    public void TheLeastImportantIsLeftOutFirst(int width, string line)
    {
        const long gib = 1 << 30;
        var status = new TransferStatus("downloading", (long)(1.2601 * gib), 3 * gib) { Rate = 5 << 20, UpRate = 120 << 10, Peers = 14 };
        Assert.Equal(line, status.ToLine(width));
    }

    [Fact]
    public void ASeedShowsWhatItSent() => Assert.Equal(
        "seeding  1 peer  0 B/s up  1.5 KiB sent, ratio 1.50",
        new TransferStatus("seeding", 1024, 1024) { UpRate = 0, Peers = 1, Uploaded = 1536 }.ToLine(79));

    [Fact]
    public void NoTimeIsForetoldWhileNothingComesAndTheReasonTakesThePlaceOfTheFigures()
    {
        var status = new TransferStatus("downloading", 6, 96) { Rate = 1000, UpRate = 0, Peers = 1 };
        Assert.NotNull(status.TimeLeft);
        status = status with { IsStalled = true };
        Assert.Null(status.TimeLeft);
        Assert.Equal("downloading  6.2%  6 B of 96 B  1000 B/s down  1 peer  0 B/s up", status.ToLine(79));
        status = status with { Waiting = "no peers: http://h/announce: verb\u00e4rgert \u001b[2J" };
        Assert.Equal("downloading  6.2%  no peers: http://h/announce: verb?rgert ?[2J", status.ToLine(79));
        Assert.Equal("downloading  6.2%  no pe", status.ToLine(24));
    }

    [Fact]
    public void TheStatusIsErasedBeforeALineAndDrawnAgainAfterIt()
    {
        var screen = new Screen();
        using (var progress = new Progress(screen, () => 80))
        {
            progress.Show(new TransferStatus("checking", 1, 2));
            Assert.Equal("checking  50.0%  1 B of 2 B  0 B/s", screen.LastLine);
            progress.Line("tracker: \e[31mdown");
            Assert.Equal("tracker: \uFFFD[31mdown", screen.Lines[^2]);
            Assert.Equal("checking  50.0%  1 B of 2 B  0 B/s", screen.LastLine);
        }
        Assert.Equal("", screen.LastLine);
    }

    [Fact]
    public void DrawingIsLimitedButAChangeOfPhaseIsShownAtOnce()
    {
        var screen = new Screen();
        using var progress = new Progress(screen, () => 80);
        for (int i = 0; i < 1000; i++) progress.Show(new TransferStatus("checking", i, 1000));
        Assert.InRange(screen.Writes, 1, 20);
        progress.Show(new TransferStatus("downloading", 5, 1000));
        Assert.StartsWith("downloading", screen.LastLine, StringComparison.Ordinal);
    }

    [Fact]
    public void AfterTheEndNothingIsDrawn()
    {
        var screen = new Screen();
        var progress = new Progress(screen, () => 80);
        progress.Dispose();
        progress.Show(new TransferStatus("checking", 1, 2));
        Assert.Equal(0, screen.Writes);
    }

    [Fact]
    public void QuietKeepsWarningsOnly()
    {
        var screen = new Screen();
        using var progress = new Progress(screen, width: null, quiet: true);
        progress.Show(new TransferStatus("checking", 1, 2));
        progress.Line("a note");
        progress.Detail("a detail");
        progress.Warning("tracker x: timed out");
        Assert.Equal("tinytorrent: tracker x: timed out\n", screen.Raw.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void ATroubleOfManyIsSaidOnceUntilItIsMended()
    {
        var screen = new Screen();
        using var progress = new Progress(screen, width: null);
        for (int i = 0; i < 100; i++)
        {
            progress.Trouble($"torrent {i % 10}", "x: timed out");
            progress.Trouble($"torrent {i % 10}", "x: refused");
            progress.Trouble("a torrent", "y: timed out");
        }
        Assert.Equal(["x: timed out", "x: refused", "y: timed out"], Said());
        progress.Mended("torrent 1"); // it was not the one to say it
        progress.Trouble("torrent 2", "x: timed out");
        progress.Mended("torrent 0");
        progress.Trouble("torrent 2", "x: timed out");
        progress.Trouble("a torrent", "y: timed out");
        Assert.Equal(["x: timed out", "x: refused", "y: timed out", "x: timed out"], Said());

        IEnumerable<string> Said() => screen.Lines[..^1].Select(line => line["tinytorrent: ".Length..]);
    }

    [Fact]
    public void ASourceThatFindsNewWordsEachTimeIsSoonLeftOut()
    {
        var screen = new Screen();
        using var progress = new Progress(screen, width: null);
        for (int i = 0; i < 100; i++) progress.Trouble("a torrent", $"x: come back in {i} s");
        Assert.Equal(["x: come back in 0 s", "x: come back in 1 s", "x: come back in 2 s"], screen.Lines[..^1].Select(line => line["tinytorrent: ".Length..]));
    }

    [Fact]
    public void JsonGetsOneEventPerSecondAndPhase()
    {
        var output = new MemoryStream();
        using var progress = new Progress(TextWriter.Null, null, events: new JsonEvents(output));
        for (int i = 0; i < 1000; i++) progress.Show(new TransferStatus("checking", i, 1000) { Rate = 10 });
        string[] lines = Encoding.UTF8.GetString(output.ToArray()).TrimEnd().Split('\n');
        Assert.InRange(lines.Length, 1, 5);
        using JsonDocument json = JsonDocument.Parse(lines[0]);
        Assert.Equal("progress", json.RootElement.GetProperty("event").GetString());
        Assert.Equal(1000, json.RootElement.GetProperty("total").GetInt64());
        Assert.Equal(100, json.RootElement.GetProperty("time_left").GetInt64());
    }

    /// <summary>A terminal that knows the carriage return and "erase to the right".</summary>
    sealed class Screen : StringWriter
    {
        public int Writes { get; private set; }
        public string Raw => ToString();
        public string[] Lines => [.. Raw.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n').Select(line => line.Split("\r\e[K")[^1])];
        public string LastLine => Lines[^1];

        public override void Write(string? value)
        {
            Writes++;
            base.Write(value);
        }
    }
}
