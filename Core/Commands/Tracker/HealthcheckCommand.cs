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

    /// <summary>Bytes of an answer that are read; it need not be whole.</summary>
    const int MaxAnswer = 64 * 1024;

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static readonly Command Command = new("healthcheck", "[URL]", "ask a running tracker whether it is alive", MaxOperands: 1, [], Run)
    {
        Details = $"""
            URL is an http or https address (its path is /health unless given) or udp://HOST:PORT, asked with a connect request. The default is {DefaultUrl}. A tracker that listens on 0.0.0.0 or [::] may be asked by that address; it is asked on this machine.

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
            string why = e is OperationCanceledException ? "no answer in time" : HttpFault.Reason(e);
            throw new CommandException(ExitCode.NoPeer, $"{text}: {why}");
        }
        if (!arguments.Has("--quiet")) Console.Out.WriteLine("ok");
        return ExitCode.Done;
    }

    /// <summary>A tracker that listens on 0.0.0.0 or [::] is asked on this machine; [::] may mean both families.</summary>
    static IPAddress[] ThisMachine(string host) => host switch
    {
        "0.0.0.0" => [IPAddress.Loopback],
        "[::]" or "::" => [IPAddress.IPv6Loopback, IPAddress.Loopback],
        _ => [],
    };

    static void AskHttp(Uri url, CancellationToken patience)
    {
        if (url.AbsolutePath == "/") url = new Uri(url, "/health");
        Uri[] places = [.. ThisMachine(url.Host).Select(address => new UriBuilder(url) { Host = address.ToString() }.Uri)];
        if (places.Length == 0) places = [url];
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectCallback = WebConnection.OpenAsync });
        for (int i = 0; i < places.Length; i++)
        {
            try
            {
                AskHttp(client, places[i], patience);
                return;
            }
            catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConnectionError && i + 1 < places.Length) { }
        }
    }

    static void AskHttp(HttpClient client, Uri url, CancellationToken patience)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        using HttpResponseMessage response = client.Send(request, HttpCompletionOption.ResponseHeadersRead, patience);
        if (response.StatusCode != HttpStatusCode.OK) throw new HttpRequestException($"answered {(int)response.StatusCode}");
        using Stream body = response.Content.ReadAsStream(patience);
        try
        {
            body.ReadAtLeastAsync(new byte[MaxAnswer], MaxAnswer, throwOnEndOfStream: false, patience).AsTask().GetAwaiter().GetResult();
        }
        catch (IOException e)
        {
            throw new HttpRequestException(e.Message, e); // the answer broke off
        }
    }

    static async Task AskUdpAsync(Uri url, CancellationToken patience)
    {
        IPAddress[] addresses = ThisMachine(url.Host);
        if (addresses.Length == 0) addresses = await NameLookup.FindAsync(url.IdnHost, patience).ConfigureAwait(false);
        await AskUdpAsync(addresses, url.Port, patience).ConfigureAwait(false);
    }

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
