// `healthcheck`: is the server there alive? For containers, which have no curl. One question, one answer, five seconds.
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static class HealthcheckCommand
{
    const string DefaultUrl = "http://127.0.0.1:6969/health";

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static readonly Command Command = new("healthcheck", "[URL]", "ask a running tracker whether it is alive", MaxOperands: 1, [], Run)
    {
        Details = $"""
            URL is an http or https address (its path is /health unless given) or udp://HOST:PORT, asked with a connect request. The default is {DefaultUrl}.

            The exit code is 0 if it answered as it should within {Patience.TotalSeconds:0} seconds and 5 if not.
            """,
    };

    static ExitCode Run(Arguments arguments)
    {
        string text = arguments.Operands.Count > 0 ? arguments.Operands[0] : DefaultUrl;
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https" or "udp") || (url.Scheme == "udp" && url.Port <= 0))
            throw Arguments.Usage($"'{text}' is not a URL such as {DefaultUrl} or udp://127.0.0.1:6969");
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            if (url.Scheme == "udp") AskUdpAsync(url, patience.Token).GetAwaiter().GetResult();
            else AskHttp(url, patience.Token);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException)
        {
            string why = e is OperationCanceledException ? "no answer in time" : SystemMessage.Phrase(e.GetBaseException().Message);
            throw new CommandException(ExitCode.NoPeer, $"{text}: {why}");
        }
        if (!arguments.Has("--quiet")) Console.Out.WriteLine("ok");
        return ExitCode.Done;
    }

    static void AskHttp(Uri url, CancellationToken patience)
    {
        if (url.AbsolutePath == "/") url = new Uri(url, "/health");
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectCallback = WebConnection.OpenAsync });
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        using HttpResponseMessage response = client.Send(request, patience);
        if (response.StatusCode != HttpStatusCode.OK) throw new HttpRequestException($"answered {(int)response.StatusCode}");
    }

    static async Task AskUdpAsync(Uri url, CancellationToken patience) =>
        await AskUdpAsync(await Dns.GetHostAddressesAsync(url.IdnHost, patience).ConfigureAwait(false), url.Port, patience).ConfigureAwait(false);

    /// <summary>One address after the other, as far as they are refused: who listens to localhost need not do so in both families.</summary>
    public static async Task AskUdpAsync(IPAddress[] addresses, int port, CancellationToken patience)
    {
        for (int i = 0; i < addresses.Length; i++)
        {
            try
            {
                await AskUdpAsync(new IPEndPoint(addresses[i], port), patience).ConfigureAwait(false);
                return;
            }
            catch (SocketException) when (i + 1 < addresses.Length) { }
        }
        throw new SocketException((int)SocketError.HostNotFound); // a name without an address is no healthy tracker
    }

    static async Task AskUdpAsync(IPEndPoint tracker, CancellationToken patience)
    {
        using var socket = new Socket(tracker.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(tracker, patience).ConfigureAwait(false);
        byte[] packet = new byte[UdpCodec.MaxPacketSize];
        uint transaction = Entropy.Number();
        int length = UdpCodec.WriteConnect(packet, transaction);
        await socket.SendAsync(packet.AsMemory(0, length), patience).ConfigureAwait(false);
        while (true)
        {
            length = await socket.ReceiveAsync(packet.AsMemory(), patience).ConfigureAwait(false);
            if (UdpCodec.TryReadReply(packet.AsSpan(0, length), out UdpReply reply) && reply.Action == UdpAction.Connect && reply.Transaction == transaction) return;
        }
    }
}
