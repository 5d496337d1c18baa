// What a command says while it runs: a status line that is redrawn in place when stderr is a terminal, `progress` events
// with --json, and lines about what happened. Without a terminal, with -q or with TERM=dumb there is no status line.
// No colours are used, so NO_COLOR has nothing to switch off. Any thread may call.
namespace TinyTorrent.Commands;

sealed class Progress : IDisposable
{
    static readonly TimeSpan LineInterval = TimeSpan.FromMilliseconds(250), EventInterval = TimeSpan.FromSeconds(1);

    /// <summary>Sentences about one source before it has to work again: a stranger's may be new each time.</summary>
    const int MostTroubles = 3;

    // Back to the first column and erase to the right: the only control sequence this program sends.
    const string Restart = "\r\e[K";

    readonly TextWriter _output;
    readonly Func<int>? _width;
    readonly bool _quiet, _verbose;
    readonly Lock _lock = new();
    readonly Dictionary<string, object> _troubles = []; // what was said, and about which source
    string _shown = "";
    TransferStatus _status;
    TimeSpan _next;
    bool _closed;

    /// <param name="width">Columns of the terminal at this moment, 0 to draw nothing for now; null if there is none.</param>
    public Progress(TextWriter output, Func<int>? width, bool quiet = false, bool verbose = false, JsonEvents? events = null) =>
        (_output, _width, _quiet, _verbose, Events) = (output, width, quiet, verbose, events);

    /// <summary>On stderr and, with <c>--json</c>, stdout.</summary>
    public static Progress Create(Arguments arguments) =>
        new(Console.Error, WidthFor(arguments), arguments.Has("--quiet"), arguments.Has("--verbose"), JsonEvents.Create(arguments));

    /// <summary>The status line and warnings, without lines or events: for a command whose results are all it has to say.</summary>
    public static Progress StatusOnly(Arguments arguments) => new(Console.Error, WidthFor(arguments), quiet: true);

    static Func<int>? WidthFor(Arguments arguments) =>
        !arguments.Has("--quiet") && !arguments.Has("--json") && Terminal.IsUsable ? Terminal.Width : null;

    /// <summary>For everything else a script should know; null without <c>--json</c>.</summary>
    public JsonEvents? Events { get; }

    /// <summary>
    /// Draws the status line (at most four times a second) or writes a <c>progress</c> event (once a second); a change of
    /// phase is shown at once. Call it as often as is convenient.
    /// </summary>
    public void Show(in TransferStatus status)
    {
        lock (_lock)
        {
            TimeSpan now = Now;
            if (now < _next && status.Phase == _status.Phase) return;
            _next = now + (Events is null ? LineInterval : EventInterval);
            _status = status;
            Events?.Write("progress", status.WriteTo);
            Draw();
        }
    }

    /// <summary>A line about what happened, unless -q or --json (which has events). Made safe to show as a whole.</summary>
    public void Line(string text)
    {
        if (!_quiet && Events is null) Write(text);
    }

    /// <summary>As <see cref="Line"/>, with -v only.</summary>
    public void Detail(string text)
    {
        if (_verbose) Write(text);
    }

    /// <summary>Something went wrong and the command goes on: <c>tinytorrent: what failed: why</c>, with -q too.</summary>
    public void Warning(string text) => Write("tinytorrent: " + text);

    /// <summary>As <see cref="Warning"/>, of what is tried again and again: said once, whichever source it is true of (many torrents
    /// have one tracker), until the source that was first to say it is <see cref="Mended"/>.</summary>
    /// <param name="source">Told apart by Equals.</param>
    public void Trouble(object source, string text)
    {
        lock (_lock)
        {
            if (_troubles.Count(said => said.Value.Equals(source)) < MostTroubles && _troubles.TryAdd(text, source)) Warning(text);
        }
    }

    public void Mended(object source)
    {
        lock (_lock)
        {
            foreach ((string text, object about) in _troubles)
                if (about.Equals(source)) _troubles.Remove(text);
        }
    }

    /// <summary>Takes the status line away until the next <see cref="Show"/>; before anything is written to stdout.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            if (_shown.Length > 0) _output.Write(Restart);
            _shown = "";
        }
    }

    /// <summary>A thread that still reports after this draws nothing.</summary>
    public void Dispose()
    {
        lock (_lock) _closed = true;
        Clear();
    }

    static TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

    void Write(string text)
    {
        lock (_lock)
        {
            string restart = _shown.Length > 0 ? Restart : "";
            _output.Write(restart + Display.Safe(text) + Environment.NewLine + _shown);
        }
    }

    void Draw()
    {
        // The last column stays free: some terminals move on when it is filled.
        int width = _closed ? 0 : (_width?.Invoke() ?? 0) - 1;
        string line = width > 0 ? _status.ToLine(width) : "";
        if (line.Length > 0 && line != _shown) _output.Write(Restart + line);
        _shown = line;
    }
}
