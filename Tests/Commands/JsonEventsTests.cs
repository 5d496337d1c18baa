// Scripts read --json line by line: each line must parse on its own, whoever else is writing.
using System.Text;
using System.Text.Json;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class JsonEventsTests
{
    [Fact]
    public void LinesStayWholeWhenManyThreadsWrite()
    {
        var output = new MemoryStream();
        var events = new JsonEvents(output);
        Parallel.For(0, 2000, i => events.Write("progress", w => w.WriteNumber("done", i)));

        string[] lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var seen = new HashSet<int>();
        foreach (string line in lines)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.Equal("progress", json.RootElement.GetProperty("event").GetString());
            Assert.Equal(1, json.RootElement.GetProperty("schema").GetInt32());
            Assert.True(seen.Add(json.RootElement.GetProperty("done").GetInt32()));
        }
        Assert.Equal(2000, seen.Count);
    }

    [Fact]
    public void AHostileNameBecomesPlainAsciiAndOneLine()
    {
        var output = new MemoryStream();
        new JsonEvents(output).Write("started", w => w.WriteString("name", "a\x1b[2J\u202e\n日\ud83d"));
        byte[] line = output.ToArray();
        Assert.All(line[..^1], b => Assert.InRange(b, 0x20, 0x7e));
        using JsonDocument json = JsonDocument.Parse(line);
        Assert.Equal("a\x1b[2J\u202e\n日\ufffd", json.RootElement.GetProperty("name").GetString());
    }

    [Fact]
    public void AFaultInOneEventLeavesTheNextWhole()
    {
        var output = new MemoryStream();
        var events = new JsonEvents(output);
        Assert.Throws<InvalidOperationException>(() => events.Write("broken", _ => throw new InvalidOperationException()));
        events.Write("completed");
        Assert.Equal("""{"event":"completed","schema":1}""" + "\n", Encoding.UTF8.GetString(output.ToArray()));
    }
}
