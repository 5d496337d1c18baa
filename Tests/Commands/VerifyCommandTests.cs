using System.Diagnostics;
using System.Text.Json;
using TinyTorrent.Commands;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public sealed class VerifyCommandTests : IDisposable
{
    const int Piece = 16384;

    readonly TemporaryFolder _folder = new();

    public VerifyCommandTests()
    {
        // Pieces: a 0-2, small 2, b 2-5; empty touches none.
        Write("root/a", 2 * Piece + 100);
        Write("root/ab", 50);
        Write("root/b", 3 * Piece);
        Write("root/empty", 0);
        Assert.Equal(ExitCode.Done, Run(CreateCommand.Command, _folder["root"], "-o", _folder["t"], "--piece-length", "16384"));
    }

    public void Dispose() => _folder.Dispose();

    static ExitCode Run(Command command, params string[] arguments) => command.Run(Arguments.Parse(command, ["-q", .. arguments]));

    void Write(string path, int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllBytes(_folder[path], bytes);
    }

    /// <summary>Runs the built program with --json: its exit code and its lines.</summary>
    static (int Code, List<JsonElement> Events) Verify(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll");
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [program, "verify", "--json", .. arguments]) { RedirectStandardOutput = true })!;
        List<JsonElement> events = [];
        while (process.StandardOutput.ReadLine() is { } line) events.Add(JsonSerializer.Deserialize<JsonElement>(line));
        process.WaitForExit();
        events.RemoveAll(e => e.GetProperty("event").GetString() == "progress");
        return (process.ExitCode, events);
    }

    static string Describe(JsonElement file) => $"{file.GetProperty("path")} {file.GetProperty("state")} {file.GetProperty("bad_pieces")}";

    [Fact]
    public void WholeContentIsExit0WhereverPathPoints()
    {
        Assert.Equal(ExitCode.Done, Run(VerifyCommand.Command, _folder["t"], _folder.Path));
        Assert.Equal(ExitCode.Done, Run(VerifyCommand.Command, _folder["t"], _folder["root"]));
        Directory.Move(_folder["root"], _folder["renamed"]);
        Assert.Equal(ExitCode.Done, Run(VerifyCommand.Command, _folder["t"], _folder["renamed"]));
        Assert.Equal(ExitCode.Incomplete, Run(VerifyCommand.Command, _folder["t"], _folder.Path));
    }

    [Fact]
    public void EachFileIsJudgedByItsPiecesAndItsLength()
    {
        File.Delete(_folder["root/empty"]);
        using (FileStream b = File.OpenWrite(_folder["root/b"]))
        {
            b.Position = 2 * Piece;
            b.WriteByte(1);
            b.WriteByte(2);
        }
        (int code, List<JsonElement> events) = Verify(_folder["t"], _folder.Path);
        Assert.Equal(4, code);
        Assert.Equal(["root/a whole []", "root/ab whole []", "root/b damaged [[4,4]]", "root/empty missing []"], events[..^1].Select(Describe));
        Assert.Equal((false, 5), (events[^1].GetProperty("whole").GetBoolean(), events[^1].GetProperty("pieces").GetInt32()));
    }

    [Fact]
    public void NeighboursOfAMissingFileAreUnknownWhereTheyShareItsPieces()
    {
        File.Delete(_folder["root/a"]);
        Assert.Equal(["root/a missing [[0,2]]", "root/ab unknown [[2,2]]", "root/b unknown [[2,2]]", "root/empty whole []"],
            Verify(_folder["t"], _folder.Path).Events[..^1].Select(Describe));
    }

    [Fact]
    public void AShortAndALongFileAreNotWhole()
    {
        using (FileStream a = File.OpenWrite(_folder["root/a"])) a.SetLength(Piece + 5);
        using (FileStream b = File.OpenWrite(_folder["root/b"])) b.SetLength(3 * Piece + 1);
        Assert.Equal(["root/a too-short [[1,2]]", "root/ab unknown [[2,2]]", "root/b unknown [[2,2]]", "root/empty whole []"],
            Verify(_folder["t"], _folder.Path).Events[..^1].Select(Describe));
        Write("root/a", 2 * Piece + 100);
        (int code, List<JsonElement> events) = Verify(_folder["t"], _folder.Path);
        Assert.Equal((4, "root/b too-long []"), (code, Describe(events[2])));
    }

    [Fact]
    public void LinksToTheContentAreFollowed()
    {
        Directory.Move(_folder["root"], _folder["elsewhere"]);
        Directory.CreateDirectory(_folder["root"]);
        foreach (string file in (string[])["a", "ab", "b", "empty"]) File.CreateSymbolicLink(_folder["root/" + file], _folder["elsewhere/" + file]);
        Assert.Equal(ExitCode.Done, Run(VerifyCommand.Command, _folder["t"], _folder.Path));
    }

    [Fact]
    public void WhatIsNotThereIsADiskFault()
    {
        Assert.Equal(ExitCode.Disk, Assert.Throws<CommandException>(() => Run(VerifyCommand.Command, _folder["t"], _folder["nowhere"])).Code);
        File.Delete(_folder["root/a"]);
        Directory.CreateDirectory(_folder["root/a"]);
        CommandException fault = Assert.Throws<CommandException>(() => Run(VerifyCommand.Command, _folder["t"], _folder.Path));
        Assert.Equal(ExitCode.Disk, fault.Code);
        Assert.Contains(_folder["root/a"], fault.Message, StringComparison.Ordinal);
    }
}
