// What a running tracker says: events with --json, else lines on stdout, unless it was told to be quiet; warnings on stderr
// whatever it was told. Once it serves, nobody listening is no reason to stop. Any thread may call.
using System.Text.Json;

namespace TinyTorrent.Commands;

sealed class TrackerLog(Arguments arguments)
{
    readonly JsonEvents? _json = JsonEvents.Create(arguments);
    readonly bool _quiet = arguments.Has("--quiet");
    volatile bool _serving;

    /// <summary>From here on what cannot be written is left out: a log that is full or closed must not end a tracker.</summary>
    public void Serving() => _serving = true;

    /// <param name="line">The same for people; null for what is not worth a line.</param>
    public void Tell(string name, Action<Utf8JsonWriter>? fields, string? line)
    {
        try
        {
            if (_json is not null) _json.Write(name, fields);
            else if (!_quiet && line is not null) Console.Out.WriteLine(line);
        }
        catch (OutputException) when (_serving) { }
    }

    /// <summary>For people alone: what an event has said already.</summary>
    public void Say(string line)
    {
        if (_json is null) Tell("", null, line);
    }

    public void Warn(string message) => Complain("warning", message, message);

    public void Error(string message, string andSo) => Complain("error", message, $"{message} ({andSo})");

    void Complain(string name, string message, string line)
    {
        Console.Error.WriteLine($"tinytorrent: {Display.Safe(line)}");
        try
        {
            _json?.Write(name, json => json.WriteString("message", message));
        }
        catch (OutputException) when (_serving) { }
    }
}
