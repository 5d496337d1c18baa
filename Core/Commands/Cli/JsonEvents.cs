// --json: one object per line on stdout, {"event":"progress","schema":1,…}. Numbers are bytes and seconds.
// The encoder escapes everything that is not plain ASCII, so a hostile name cannot drive a terminal through here either.
// Any thread may write; a line reaches the reader whole and at once.
using System.Buffers;
using System.Text.Json;

namespace TinyTorrent.Commands;

sealed class JsonEvents(Stream output)
{
    /// <summary>Grows when a field changes its meaning or goes away; new fields and events leave it alone.</summary>
    public const int Schema = 1;

    public static readonly Option Option = new("--json", null, "print JSON, one object a line, instead of text");

    readonly ArrayBufferWriter<byte> _line = new();
    readonly Lock _lock = new();

    /// <summary>The events of a command on stdout, or null unless it was given <c>--json</c>.</summary>
    public static JsonEvents? Create(Arguments arguments) => arguments.Has("--json") ? new JsonEvents(StandardStreams.Output) : null;

    /// <summary>Writes one line. <paramref name="fields"/> runs under the lock and must only write.</summary>
    public void Write(string name, Action<Utf8JsonWriter>? fields = null)
    {
        lock (_lock)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line))
            {
                json.WriteStartObject();
                json.WriteString("event", name);
                json.WriteNumber("schema", Schema);
                fields?.Invoke(json);
                json.WriteEndObject();
            }
            _line.Write("\n"u8);
            output.Write(_line.WrittenSpan);
        }
    }
}
