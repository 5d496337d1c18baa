// The program on a machine without libssl, where the framework ends the process of whoever begins TLS.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Commands;

public sealed class WithoutTlsTests(ITestOutputHelper output) : IDisposable
{
    const string Hide = """for l in $(ldconfig -p | sed -n 's/.*=> \(.*libssl\.so\.[^ ]*\)$/\1/p'); do mount --bind /dev/null "$l" || exit 99; done; exec "$@" """;

    readonly TcpListener _server = new(IPAddress.Loopback, 0);

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData("https", 5, "get URL/x.torrent")]
    [InlineData("http", 5, "get URL/x.torrent")] // which leads to https
    [InlineData("https", 5, "list --tracker URL")]
    [InlineData("https", 5, "healthcheck URL")]
    [InlineData("https", 5, "scrape magnet:?xt=urn:btih:0123456789012345678901234567890123456789&tr=URL/announce")]
    [InlineData("http", 5, "scrape magnet:?xt=urn:btih:0123456789012345678901234567890123456789&tr=URL/announce")]
    public async Task WhoNeedsHttpsIsToldWhatIsMissing(string scheme, int code, string line)
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            output.WriteLine("skipped: hiding a library needs root on Linux");
            return;
        }
        _server.Start();
        _ = RedirectAsync();
        string url = $"{scheme}://127.0.0.1:{((IPEndPoint)_server.LocalEndpoint).Port}";
        string[] arguments = line.Replace("URL", url, StringComparison.Ordinal).Split(' ');
        using Process program = Process.Start(new ProcessStartInfo(
            "unshare", ["--mount", "sh", "-c", Hide, "sh", "dotnet", Path.Combine(AppContext.BaseDirectory, "tinytorrent.dll"), .. arguments])
            { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> said = program.StandardOutput.ReadToEndAsync();
        string errors = await program.StandardError.ReadToEndAsync();
        await program.WaitForExitAsync();
        Assert.Contains("TLS needs OpenSSL's libssl", await said + errors, StringComparison.Ordinal);
        Assert.Equal(code, program.ExitCode);
    }

    /// <summary>Answers plain requests with the way to HTTPS, and greetings of TLS not at all.</summary>
    async Task RedirectAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _server.AcceptTcpClientAsync();
                byte[] request = new byte[4096];
                int count = await client.GetStream().ReadAsync(request);
                string target = Encoding.ASCII.GetString(request, 0, count).Split(' ')[1];
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 302 Found\r\nLocation: https://{_server.LocalEndpoint}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException or IOException or IndexOutOfRangeException) { } // the test is over
    }
}
