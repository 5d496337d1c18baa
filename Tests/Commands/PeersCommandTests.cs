using System.Net;
using TinyTorrent.Net;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Tracker;
using static TinyTorrent.Tests.Commands.TheProgram;

namespace TinyTorrent.Tests.Commands;

/// <summary>`peers` and `scrape` as a script sees them, with our own tracker on the other side.</summary>
public class PeersCommandTests
{
    static readonly string Hash = FakeTrackers.Self.InfoHash.ToString();

    static TrackerServer Serve(out string host)
    {
        SharedPort shared = SharedPort.Open(IPAddress.Loopback, 0);
        host = $"127.0.0.1:{shared.Number}";
        return new TrackerServer(new TrackerOptions(), new HttpLimits(), [shared]);
    }

    [Fact]
    public void PeersAreListedByAddressAndTheListerLeavesAgain()
    {
        using TrackerServer server = Serve(out string host);
        using var probe = new TrackerProbe();
        Assert.Equal(TrackerFailure.None, probe.Ask($"udp://{host}").Failure);

        (int code, string output, string errors) = Run("peers", Hash, "--tracker", $"http://{host}/announce", "--tracker", $"udp://{host}/announce");
        Assert.Equal((0, $"127.0.0.1:6881{Environment.NewLine}", ""), (code, output, errors));
        (code, output, _) = Run("scrape", Hash, "--json", "--tracker", $"http://{host}/announce");
        Assert.Equal(0, code);
        Assert.Contains("\"seeders\":0,\"leechers\":1,\"completed\":0", output, StringComparison.Ordinal);
        (code, output, errors) = Run("peers", Hash, "--tracker", $"http://{host}"); // its address alone, as get takes it
        Assert.Equal((0, $"127.0.0.1:6881{Environment.NewLine}", ""), (code, output, errors));
    }

    [Fact]
    public void NobodyToAskOrNobodyAnsweringHasItsExitCode()
    {
        using var refusing = new ScriptedHttpServer(_ => ScriptedHttpServer.Response("d14:failure reason7:go awaye"u8.ToArray()));
        Assert.Equal((5, ""), Run("peers", Hash) is var (code, output, _) ? (code, output) : default);
        (int Code, string Output, string Errors) refused = Run("peers", Hash, "--tracker", refusing.Base + "/announce", "--tracker", "http://127.0.0.1:1/announce");
        Assert.Equal((7, ""), (refused.Code, refused.Output));
        Assert.EndsWith($"tinytorrent: the tracker refused: go away{Environment.NewLine}", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(5, Run("scrape", Hash, "--tracker", "http://127.0.0.1:1/announce").Code);
        Assert.Equal(2, Run("scrape", Hash, "--tracker", "gopher://x").Code);
    }
}
