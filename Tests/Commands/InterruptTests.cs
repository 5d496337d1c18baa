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
        using Process get = Process.Start(start)!;
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using Socket silent = await peer.AcceptSocketAsync(patience.Token);
            Assert.Equal(0, kill(get.Id, signal));
            Assert.Equal("x: stopped at 0.0%; the same command goes on from there", (await get.StandardError.ReadToEndAsync(patience.Token)).TrimEnd());
            await get.WaitForExitAsync(patience.Token);
            Assert.Equal(130, get.ExitCode);
        }
        finally
        {
            if (!get.HasExited) get.Kill();
        }
    }

    [Fact]
    public async Task ASignalEndsTheWaitForATorrentOnStdin()
    {
        if (OperatingSystem.IsWindows()) return;
        ProcessStartInfo start = TheProgram.With("get", "-");
        start.RedirectStandardInput = true;
        using Process get = Process.Start(start)!;
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await get.StandardInput.BaseStream.WriteAsync(new byte[1_000_000], patience.Token); // more than a pipe holds: it reads
            Assert.Equal(0, kill(get.Id, SigTerm));
            Assert.Equal("tinytorrent: interrupted", (await get.StandardError.ReadToEndAsync(patience.Token)).TrimEnd());
            await get.WaitForExitAsync(patience.Token);
            Assert.Equal(130, get.ExitCode);
        }
        finally
        {
            if (!get.HasExited) get.Kill();
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
