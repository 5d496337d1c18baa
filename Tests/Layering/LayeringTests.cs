// The architecture as a test: reads the sources and fails on what the compiler allows and the design does not.
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace TinyTorrent.Tests.Layering;

public sealed partial class LayeringTests
{
    // Core's own files, the composition root, are the room "".
    static readonly Dictionary<string, int> Layers = new()
    {
        ["Types"] = 0,
        ["Bencode"] = 1, ["Hashing"] = 1, ["Metainfo"] = 1, ["Wire"] = 1,
        ["Swarm"] = 2, ["Tracker"] = 2, ["Catalogue"] = 2, ["Dht"] = 2,
        ["Net"] = 3, ["Storage"] = 3,
        ["Browse"] = 4, ["Commands"] = 4, [""] = 4,
    };

    const int HighestPureLayer = 2;

    static readonly string Root = FindRoot();
    static readonly Source[] Sources = [.. Directory.EnumerateFiles(Path.Combine(Root, "Core"), "*.cs", SearchOption.AllDirectories).Order().Select(Read)];

    sealed record Source(string Path, string Room, string Text, string Code)
    {
        public int Lines => Text.Count(c => c == '\n');
    }

    [Fact]
    public void EveryRoomHasALayer() =>
        None(Sources.Where(s => !Layers.ContainsKey(s.Room)).Select(s => s.Path));

    [Fact]
    public void PureRoomsHoldNoSocketFileThreadTaskOrClock() =>
        None(Pure().SelectMany(s => Impure().Matches(s.Code).Select(m => $"{s.Path} names {m.Value}")));

    [Fact]
    public void NoRoomNamesOneAboveIt() =>
        None(Sources.SelectMany(s => Named(s).Where(room => Layers[room] > Layers[s.Room]).Select(room => $"{s.Path} names {room}")));

    [Fact]
    public void NoRoomReachesItselfThroughOthers()
    {
        Dictionary<string, HashSet<string>> reaches = Layers.Keys.ToDictionary(room => room, room => new HashSet<string>());
        foreach (Source source in Sources) reaches[source.Room].UnionWith(Named(source));
        for (int steps = 0; steps < Layers.Count; steps++)
            foreach (HashSet<string> rooms in reaches.Values)
                rooms.UnionWith(rooms.SelectMany(room => reaches[room]).ToArray());
        None(reaches.Where(r => r.Value.Contains(r.Key)).Select(r => $"{r.Key} is in a cycle"));
    }

    [Fact]
    public void NoFileNeedsATableOfContents() =>
        None(Sources.Where(s => s.Lines > 400).Select(s => $"{s.Path}: {s.Lines} lines"));

    [Fact]
    public void AFolderIsSeenAtAGlance() =>
        None(Sources.GroupBy(s => Path.GetDirectoryName(s.Path)).Where(folder => folder.Count() > 20).Select(folder => $"{folder.Key}: {folder.Count()} files"));

    [Fact]
    public void EveryFileBeyondTheTrivialOpensWithWhatItIs() =>
        None(Sources.Where(s => s.Lines > 60 && !s.Text.StartsWith("//", StringComparison.Ordinal)).Select(s => s.Path));

    [Fact]
    public void NothingIsSwallowedWithoutAWord() =>
        None(Sources.SelectMany(s => SilentCatch().Matches(s.Text).Select(m => $"{s.Path}: {m.Value}")));

    [Fact]
    public void NoAsyncVoidAndNoSleep() =>
        None(Sources.SelectMany(s => Careless().Matches(s.Code).Select(m => $"{s.Path}: {m.Value}")));

    [Fact]
    public void HashesNeverNeedLibssl() =>
        None(Sources.Where(s => s.Path != "Core/Net/Http/TlsIdentity.cs" && s.Code.Contains("Security.Cryptography", StringComparison.Ordinal)).Select(s => s.Path));

    /// <summary>Transactions, keys and tokens are Entropy's. Random is for choices that may be guessed; one of it that is
    /// shared shows itself in every peer id.</summary>
    [Fact]
    public void WhatMustNotBeGuessedIsDrawnFromTheSystem() =>
        None(Sources.SelectMany(s => Guessable().Matches(s.Code).Select(m => $"{s.Path}: {m.Value}")
            .Concat(s.Room == "Net" && s.Code.Contains("new Random()", StringComparison.Ordinal) ? [$"{s.Path} makes a Random"] : [])));

    /// <summary>What other clients were broken into through: names given to a shell, a router's XML that opens files, a
    /// certificate nobody looked at. Two of the three need no care where they are not; the system judges the third.</summary>
    [Fact]
    public void NothingStartsAProgramReadsXmlOrOverrulesTheSystemAboutACertificate() =>
        None(Sources.SelectMany(s => Perilous().Matches(s.Code).Select(m => $"{s.Path} names {m.Value}")));

    [Fact]
    public void TheTopLevelHoldsOnlyTheLayout()
    {
        string[] layout = ["tinytorrent.csproj", "Program.cs", "Core", "Tests", "Makefile", "README.md", "LICENSE", "bin", "obj", "TestResults"];
        None(Directory.EnumerateFileSystemEntries(Root).Select(path => Path.GetFileName(path)).Where(name => name[0] != '.').Except(layout));
    }

    static void None(IEnumerable<string> offenders)
    {
        string found = string.Join('\n', offenders);
        Assert.True(found.Length == 0, found);
    }

    static IEnumerable<Source> Pure() => Sources.Where(s => Layers[s.Room] <= HighestPureLayer);

    static IEnumerable<string> Named(Source source) => RoomName().Matches(source.Code).Select(m => m.Groups[1].Value)
        .Where(room => Layers.ContainsKey(room) && room != source.Room).Distinct();

    // A room is named by a using, or from inside the namespace TinyTorrent by its bare name: Net.Clock.
    [GeneratedRegex(@"(?:\bTinyTorrent\.|(?<![\w.]))([A-Z]\w+)(?:;|\.[A-Z])")]
    private static partial Regex RoomName();

    [GeneratedRegex(@"\b(?:Socket(?!s\b)\w*|File\.|FileStream|Thread\w*|Task\b|ValueTask|DateTime\.|DateTimeOffset\.(?:Utc)?Now|Stopwatch|TimeProvider|Random\.Shared|new Random\(\)|Environment\.TickCount\w*|HttpClient)")]
    private static partial Regex Impure();

    // Everything caught and not thrown on, or nothing done about it: either needs a filter or a reason beside it.
    [GeneratedRegex(@"catch\s*(?:\(Exception(?: \w+)?\))?\s*\{(?![^}]*\bthrow;)[^}/]*\}|catch\s*\([^)]*\)\s*\{\s*\}(?![^\n]*//)")]
    private static partial Regex SilentCatch();

    [GeneratedRegex(@"\basync void\b|\bThread\.Sleep\b")]
    private static partial Regex Careless();

    [GeneratedRegex(@"\bRandom\.Shared\b|\b(?:Key|\w*[tT]ransaction|\w*[tT]oken|\w*[sS]ecret)\s*=(?!>)[^;,\n]*[rR]andom\b")]
    private static partial Regex Guessable();

    [GeneratedRegex(@"\b(?:Process(?:StartInfo)?\b(?!\w)|Xml\w*|\w*CertificateValidation\w*|\w*AcceptAny\w*|exec[lv]p?e?\b)")]
    private static partial Regex Perilous();

    [GeneratedRegex("""(?<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|//[^\n]*|/\*.*?\*/""", RegexOptions.Singleline)]
    private static partial Regex CommentOrLiteral();

    static Source Read(string path)
    {
        string text = File.ReadAllText(path), relative = Path.GetRelativePath(Root, path);
        string room = relative.Split('/') is [_, var first, _, ..] ? first : "";
        return new Source(relative, room, text, CommentOrLiteral().Replace(text, m => m.Groups["literal"].Success ? "\"\"" : ""));
    }

    static string FindRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));
}
