// The tracker as an operator's script runs it: events on stdout, signals in, an exit code out.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using TinyTorrent.Net;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public sealed class ServeTrackerCommandTests : IDisposable
{
    const int Hangup = 1, Terminate = 15, OpenFiles = 7;
    const string Announce = "announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&left=1&port=1";
    static readonly string Hex = Convert.ToHexString("abcdefghijklmnopqrst"u8);

    readonly string _list = Path.GetTempFileName();
    readonly HttpClient _client = new();
    readonly List<Process> _started = [];

    public void Dispose()
    {
        foreach (Process process in _started)
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }
        _client.Dispose();
        File.Delete(_list);
    }

    Process Start(params string[] arguments)
    {
        Process process = Process.Start(TheProgram.With(arguments))!;
        _started.Add(process);
        return process;
    }

    static JsonElement NextEvent(Process tracker, string name)
    {
        string line = tracker.StandardOutput.ReadLine() ?? throw new InvalidOperationException(tracker.StandardError.ReadToEnd());
        JsonElement said = JsonDocument.Parse(line).RootElement;
        Assert.Equal((name, 1), (said.GetProperty("event").GetString(), said.GetProperty("schema").GetInt32()));
        return said;
    }

    [Theory]
    [InlineData("127.0.0.1:0", "127.0.0.1", "")]
    [InlineData("127.0.0.1:0", "127.0.0.1", "--no-catalogue")]
    [InlineData("0.0.0.0:0", null, "--json")]
    public void TheAddressThatOthersReachAndThePageAreTold(string listen, string? host, string option)
    {
        Process tracker = Start(option == "" ? ["serve-tracker", "--listen", listen] : ["serve-tracker", "--listen", listen, option]);
        string line = tracker.StandardOutput.ReadLine()!;
        if (option == "--json")
        {
            JsonElement said = JsonDocument.Parse(line).RootElement;
            host = OutwardAddress.Find(ipv4: true)?.ToString() ?? "127.0.0.1";
            int port = said.GetProperty("port").GetInt32();
            Assert.Equal($"http://127.0.0.1:{port}/announce", said.GetProperty("url").GetString());
            Assert.Equal($"http://{host}:{port}/announce", said.GetProperty("public_url").GetString());
            Assert.Equal($"http://{host}:{port}/", said.GetProperty("page").GetString());
            return;
        }
        string root = $"{host}:{line.Split(':')[2].Split('/')[0]}";
        Assert.Equal($"listening on http://{root}/announce and udp://{root}/announce; page: http://{root}/{(option == "" ? "" : "stats")}", line);
    }

    [Fact]
    public async Task ListsAreReadAgainOnHangupAndABrokenOneKeepsTheOld()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(_list, "# nothing yet\n");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--allow", _list, "--json");
        var url = new Uri(new Uri(NextEvent(tracker, "listening").GetProperty("url").GetString()!), Announce);
        Assert.Contains("not served here", await _client.GetStringAsync(url), StringComparison.Ordinal);

        File.WriteAllText(_list, Hex + "\n");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.Equal(1, NextEvent(tracker, "reloaded").GetProperty("listed").GetInt32());
        Assert.Contains("8:interval", await _client.GetStringAsync(url), StringComparison.Ordinal);

        File.WriteAllText(_list, "broken\n");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.Contains("line 1", NextEvent(tracker, "error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("8:interval", await _client.GetStringAsync(url), StringComparison.Ordinal);

        Assert.Equal(0, kill(tracker.Id, Terminate));
        NextEvent(tracker, "stopped");
        await tracker.WaitForExitAsync();
        Assert.Equal(0, tracker.ExitCode);
        Assert.Contains("the old list stays in force", await tracker.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatNeverEndsIsReadWithoutHoldingTheTrackerUp()
    {
        if (OperatingSystem.IsWindows()) return;
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--allow", _list, "--json");
        NextEvent(tracker, "listening");
        File.Delete(_list);
        Assert.Equal(0, mkfifo(Encoding.UTF8.GetBytes(_list + '\0'), 384)); // 0600; whoever opens it waits for a writer
        Assert.Equal(0, kill(tracker.Id, Hangup));
        using (var writer = new FileStream(_list, FileMode.Open, FileAccess.Write)) // open as soon as the tracker reads
        {
            Assert.Equal(0, kill(tracker.Id, Terminate));
            Assert.True(tracker.WaitForExit(TimeSpan.FromSeconds(30)), "it waits for the file");
        }
        Assert.Equal(0, tracker.ExitCode);
    }

    [Fact]
    public async Task PasskeysAreReadAgainOnHangupAndABrokenFileKeepsTheOld()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(_list, "first # of two\n");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--keys", _list, "--json");
        string url = NextEvent(tracker, "listening").GetProperty("url").GetString()!;
        Assert.EndsWith("/KEY/announce", url, StringComparison.Ordinal);
        Assert.Equal((true, false), (await IsServed("first"), await IsServed("second")));

        File.WriteAllText(_list, "second\nthird\n");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.Equal(2, NextEvent(tracker, "reloaded").GetProperty("keys").GetInt32());
        Assert.Equal((false, true), (await IsServed("first"), await IsServed("second")));

        File.Delete(_list);
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.Equal($"{_list}: no such file", NextEvent(tracker, "error").GetProperty("message").GetString());
        Assert.Equal((false, true), (await IsServed("first"), await IsServed("second")));

        File.WriteAllText(_list, "first\nnot a key\n");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        string message = NextEvent(tracker, "error").GetProperty("message").GetString()!;
        Assert.Contains("line 2", message, StringComparison.Ordinal);
        Assert.DoesNotContain("not a key", message, StringComparison.Ordinal);
        Assert.Equal((false, true), (await IsServed("first"), await IsServed("second")));

        async Task<bool> IsServed(string key)
        {
            string answer = await _client.GetStringAsync(new Uri(new Uri(url.Replace("KEY", key, StringComparison.Ordinal)), Announce));
            return answer.Contains("8:interval", StringComparison.Ordinal) || (answer == "d14:failure reason19:a passkey is needede" ? false : throw new InvalidOperationException(answer));
        }
    }

    [Fact]
    public async Task AnExpiredCertificateIsWarnedOfAtTheStartAndAnyOtherReplacesIt()
    {
        if (OperatingSystem.IsWindows()) return;
        TrackerDoor.WriteCertificate(_list, _list, "first", end: -1);
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-cert", _list, "--json");
        Assert.Contains("the certificate expired on", NextEvent(tracker, "warning").GetProperty("message").GetString(), StringComparison.Ordinal);
        NextEvent(tracker, "listening");
        NextEvent(tracker, "listening"); // HTTPS

        File.WriteAllText(_list, "");
        TrackerDoor.WriteCertificate(_list, _list, "second");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        NextEvent(tracker, "reloaded");
        Assert.Equal(0, kill(tracker.Id, Terminate));
        await tracker.WaitForExitAsync();
        Assert.Single((await tracker.StandardError.ReadToEndAsync()).TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task ACertificateIsReadAgainOnHangupAndABrokenOneKeepsTheOld()
    {
        if (OperatingSystem.IsWindows()) return;
        TrackerDoor.WriteCertificate(_list, _list, "first");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-cert", _list, "--json");
        Assert.StartsWith("udp://", NextEvent(tracker, "listening").GetProperty("udp").GetString(), StringComparison.Ordinal);
        JsonElement secure = NextEvent(tracker, "listening");
        var url = new Uri(new Uri(secure.GetProperty("url").GetString()!), Announce);
        Assert.Equal(("https", secure.GetProperty("port").GetInt32(), false), (url.Scheme, url.Port, secure.TryGetProperty("udp", out _)));
        Assert.Equal("CN=first", await SubjectAsync());

        File.WriteAllText(_list, "");
        TrackerDoor.WriteCertificate(_list, _list, "second");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.EndsWith("Z", NextEvent(tracker, "reloaded").GetProperty("certificate_expires").GetString(), StringComparison.Ordinal);
        Assert.Equal("CN=second", await SubjectAsync());

        File.WriteAllText(_list, "broken\n");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.Contains("holds no certificate", NextEvent(tracker, "error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("CN=second", await SubjectAsync());

        foreach (int end in (int[])[-3, 5]) // over, and not begun
        {
            File.WriteAllText(_list, "");
            TrackerDoor.WriteCertificate(_list, _list, "third", end);
            Assert.Equal(0, kill(tracker.Id, Hangup));
            Assert.Contains(end < 0 ? "the certificate expired on" : "the certificate is not valid before", NextEvent(tracker, "error").GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.Equal("CN=second", await SubjectAsync());
        }

        async Task<string> SubjectAsync()
        {
            string subject = "";
            using var handler = new HttpClientHandler();
            handler.ServerCertificateCustomValidationCallback = (_, shown, _, _) => (subject = shown!.Subject).Length > 0;
            using var client = new HttpClient(handler);
            Assert.Contains("8:interval", await client.GetStringAsync(url), StringComparison.Ordinal);
            return subject;
        }
    }

    [Fact]
    public async Task SwarmsOutliveARestartAndABrokenFileIsOneWarning()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        string state = Path.Combine(folder.Path, "state"), swarms = Path.Combine(state, "swarms");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--state", state, "--json");
        await _client.GetStringAsync(new Uri(new Uri(NextEvent(tracker, "listening").GetProperty("url").GetString()!), Announce));
        await StopAsync(tracker);

        tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--state", state, "--json");
        Assert.Contains("\"peers_ipv4\":1", await Figures(NextEvent(tracker, "listening")), StringComparison.Ordinal);
        await StopAsync(tracker);

        File.AppendAllText(swarms, "x");
        tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--state", state, "--json");
        Assert.Contains(swarms, NextEvent(tracker, "warning").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("\"peers_ipv4\":", await Figures(NextEvent(tracker, "listening")), StringComparison.Ordinal);
        Assert.True(File.Exists(swarms + ".broken"));
        await StopAsync(tracker);
    }

    [Fact]
    public async Task AStateThatCannotBeSavedAtTheEndIsASentenceAndExitCode6()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        string state = Path.Combine(folder.Path, "state");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--state", state, "--json");
        NextEvent(tracker, "listening");
        Directory.Delete(state, recursive: true);
        File.WriteAllText(state, "in the folder's place");
        Assert.Equal(0, kill(tracker.Id, Terminate));
        string message = NextEvent(tracker, "error").GetProperty("message").GetString()!;
        Assert.StartsWith($"the swarms could not be saved at the end: {Path.Combine(state, "swarms")}: ", message, StringComparison.Ordinal);
        await tracker.WaitForExitAsync();
        Assert.Equal((6, $"tinytorrent: {message}\n"), (tracker.ExitCode, await tracker.StandardError.ReadToEndAsync()));
    }

    async Task<string> Figures(JsonElement listening) =>
        await _client.GetStringAsync(new Uri(new Uri(listening.GetProperty("url").GetString()!), "stats.json"));

    static async Task StopAsync(Process process)
    {
        Assert.Equal(0, kill(process.Id, Terminate));
        NextEvent(process, "stopped");
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task OneStateFolderIsForOneTrackerAndFreeOnceThatIsKilled()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        string broken = Path.Combine(folder.Path, "swarms"), cut = Path.Combine(folder.Path, "catalogue", "x.new");
        string[] line = ["serve-tracker", "--listen", "127.0.0.1:0", "--state", folder.Path, "--json"];
        Process first = Start(line);
        JsonElement listening = NextEvent(first, "listening");
        File.WriteAllText(broken, "what a start would set aside");
        File.WriteAllText(cut, "what a start would delete");

        Process second = Start(line);
        JsonElement error = NextEvent(second, "error");
        Assert.Equal($"{folder.Path}: another tracker keeps its state here (--state chooses another folder)", error.GetProperty("message").GetString());
        await second.WaitForExitAsync();
        Assert.Equal((6, 6), (second.ExitCode, error.GetProperty("code").GetInt32()));
        Assert.True(File.Exists(broken) && File.Exists(cut));
        Assert.Contains("uptime", await Figures(listening), StringComparison.Ordinal);

        first.Kill();
        await first.WaitForExitAsync();
        File.Delete(broken);
        Process third = Start(line);
        NextEvent(third, "listening");
        await StopAsync(third);
    }

    [Fact]
    public async Task WhenNobodyReadsWhatItSaysATrackerGoesOn()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(_list, "");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--deny", _list, "--json");
        JsonElement listening = NextEvent(tracker, "listening");
        tracker.StandardOutput.Close();
        File.WriteAllText(_list, "broken\n");
        Assert.Equal(0, kill(tracker.Id, Hangup));
        Assert.Contains("the old list stays in force", await tracker.StandardError.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Contains("uptime", await Figures(listening), StringComparison.Ordinal);
        Assert.Equal(0, kill(tracker.Id, Terminate));
        await tracker.WaitForExitAsync();
        Assert.Equal((0, ""), (tracker.ExitCode, await tracker.StandardError.ReadToEndAsync()));
    }

    [Theory]
    [InlineData(2, "--allow a --deny b")]
    [InlineData(2, "--listen nowhere")]
    [InlineData(2, "--interval 0s")]
    [InlineData(2, "--max-peers 1001")]
    [InlineData(2, "--max-torrents 0")]
    [InlineData(2, "--max-total-peers many")]
    [InlineData(2, "--max-rate 0")]
    [InlineData(2, "--max-rate -1")]
    [InlineData(2, "--tls-key /dev/null")]
    [InlineData(2, "--tls-listen 6970")]
    [InlineData(3, "--tls-cert /dev/null")]
    [InlineData(6, "--tls-cert /no/such/file")]
    [InlineData(6, "--allow /no/such/file")]
    [InlineData(6, "--keys /no/such/file")]
    [InlineData(6, "--listen 127.0.0.1:0 --state /dev/null/state")]
    [InlineData(1, "--listen 192.0.2.1:0")]
    public void WhatCannotBeServedIsOneLineAndItsExitCode(int code, string line)
    {
        Process tracker = Start(["serve-tracker", .. line.Split(' ')]);
        string errors = tracker.StandardError.ReadToEnd();
        tracker.WaitForExit();
        Assert.Equal((code, 1), (tracker.ExitCode, errors.Split('\n').Length - 1));
    }

    [Fact]
    public void AFileInTheStateFoldersPlaceIsSaidWithoutAdviceForDownloads()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--state", folder["file"]);
        Assert.Equal($"tinytorrent: {folder["file"]}: a file of this name is in the way\n", tracker.StandardError.ReadToEnd().ReplaceLineEndings("\n"));
        tracker.WaitForExit();
        Assert.Equal(6, tracker.ExitCode);
    }

    [Fact]
    public void AHealthcheckAnswersWithItsExitCode()
    {
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--json");
        JsonElement listening = NextEvent(tracker, "listening");
        int port = listening.GetProperty("port").GetInt32();
        Assert.Equal(0, Check($"http://127.0.0.1:{port}"));
        Assert.Equal(0, Check(listening.GetProperty("udp").GetString()!));
        Assert.Equal(5, Check($"http://127.0.0.1:{port}/other"));
        tracker.Kill();
        tracker.WaitForExit();
        Assert.Equal(5, Check($"http://127.0.0.1:{port}/health"));
        Assert.Equal(2, Check("gopher://x"));
        int Check(string url)
        {
            Process check = Start("healthcheck", url);
            check.WaitForExit();
            return check.ExitCode;
        }
    }

    // Over HTTPS the framework's sockets do the same, but a process that is not compiled ahead of time may need a descriptor
    // to begin a thread, and dies for want of one: the executable is asked by `make interop`.
    [Fact]
    public async Task WithoutAFreeDescriptorConnectionsWaitAndTheTrackerLives()
    {
        if (!OperatingSystem.IsLinux()) return;
        Process tracker = Start("serve-tracker", "--listen", "127.0.0.1:0", "--json");
        JsonElement listening = NextEvent(tracker, "listening");
        var url = new Uri(new Uri(listening.GetProperty("url").GetString()!), "/stats.json");
        Assert.Contains("uptime", await _client.GetStringAsync(url), StringComparison.Ordinal);

        string descriptors = $"/proc/{tracker.Id}/fd";
        int limit = Directory.GetFiles(descriptors).Length + 20;
        Assert.Equal(0, prlimit(tracker.Id, OpenFiles, [(ulong)limit, (ulong)limit], 0));
        var sockets = new List<Socket>();
        for (int i = 0; i < 100; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            socket.Connect(IPAddress.Loopback, url.Port);
            socket.Send("GET "u8);
        }
        Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles(descriptors).Length >= limit - 1, TimeSpan.FromSeconds(20)));
        Process check = Start("healthcheck", listening.GetProperty("udp").GetString()!);
        check.WaitForExit();
        Assert.Equal(0, check.ExitCode);
        foreach (Socket socket in sockets) socket.Dispose();
        Assert.Contains("uptime", await _client.GetStringAsync(url), StringComparison.Ordinal);
        Assert.Equal(0, kill(tracker.Id, Terminate));
        NextEvent(tracker, "stopped");
        await tracker.WaitForExitAsync();
        Assert.Equal((0, ""), (tracker.ExitCode, await tracker.StandardError.ReadToEndAsync()));
    }

    [Fact]
    public void ALowLimitOfDescriptorsIsALowLimitOfConnections()
    {
        if (!OperatingSystem.IsLinux()) return;
        Process tracker = Process.Start(new ProcessStartInfo("sh",
            ["-c", "ulimit -n 400; exec dotnet \"$0\" serve-tracker --listen 127.0.0.1:0 --json", Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll")])
            { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _started.Add(tracker);
        int port = NextEvent(tracker, "listening").GetProperty("port").GetInt32();
        var sockets = new List<Socket>();
        int served = 0, refused = 0;
        for (int i = 0; i < 500; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };
            sockets.Add(socket);
            try
            {
                socket.Connect(IPAddress.Loopback, port);
                socket.Send("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET "u8); // half a second request: who is idle would make room
                if (socket.Receive(new byte[200]) > 0) served++;
                else refused++;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
            {
                refused++;
            }
        }
        Assert.InRange(served, 100, 400);
        Assert.Equal(500, served + refused); // nobody waits without an answer
        foreach (Socket socket in sockets) socket.Dispose();
    }

    [DllImport("libc", SetLastError = true)]
    static extern int prlimit(int process, int resource, ulong[] limits, nint old);

    [DllImport("libc")]
    static extern int kill(int process, int signal);

    [DllImport("libc")]
    static extern int mkfifo(byte[] path, int mode);
}
