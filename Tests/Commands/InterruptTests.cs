// A signal is a request to end well. Sent to a process of its own: here it would reach every command the other tests run.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using TinyTorrent.Metainfo;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Commands;

public partial class InterruptTests
{
    const int SigHup = 1, SigTerm = 15;

    [Theory]
    [InlineData(SigHup)]
    [InlineData(SigTerm)]
    public async Task ASignalEndsADownloadWithExit130AndSaysHowToGoOn(int signal)
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["x.torrent"], MetainfoBuilder.Build(new MetainfoOptions { Name = "x" }, 16384, 16384, new byte[20]));
        using var peer = new TcpListener(IPAddress.Loopback, 0);
        peer.Start();

        ProcessStartInfo start = TheProgram.With("get", folder["x.torrent"], "-o", folder["out"], "--port", "0", "--peer", peer.LocalEndpoint.ToString()!);
        Socket? silent = null;
        await AssertEnds(start, async (_, patience) => silent = await peer.AcceptSocketAsync(patience), signal, "x: stopped at 0.0%; the same command goes on from there");
        silent!.Dispose();
    }

    [Fact]
    public async Task ASignalEndsTheWaitForATorrentOnStdin()
    {
        if (OperatingSystem.IsWindows()) return;
        ProcessStartInfo start = TheProgram.With("get", "-");
        start.RedirectStandardInput = true;
        byte[] more = new byte[1_000_000]; // than a pipe holds: it reads
        await AssertEnds(start, async (get, patience) => await get.StandardInput.BaseStream.WriteAsync(more, patience), SigTerm, "tinytorrent: interrupted");
    }

    /// <summary>Sends the signal once the program is at work: it says its last words and ends with 130.</summary>
    static async Task AssertEnds(ProcessStartInfo start, Func<Process, CancellationToken, Task> atWork, int signal, string lastWords)
    {
        using Process program = Process.Start(start)!;
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await atWork(program, patience.Token);
            Assert.Equal(0, kill(program.Id, signal));
            Assert.Equal(lastWords, (await program.StandardError.ReadToEndAsync(patience.Token)).TrimEnd());
            await program.WaitForExitAsync(patience.Token);
            Assert.Equal(130, program.ExitCode);
        }
        finally
        {
            if (!program.HasExited) program.Kill();
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
