// How the program's HTTP clients reach a server: the first address that answers, and HTTPS only where there is a library for
// it. Asked at every connection and not beforehand, because a redirect may lead from http to https.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

static class WebConnection
{
    /// <summary>A <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    public static ValueTask<Stream> OpenAsync(SocketsHttpConnectionContext context, CancellationToken cancel) => OpenAsync(context, _ => true, cancel);

    /// <param name="allows">False keeps away from an address.</param>
    public static async ValueTask<Stream> OpenAsync(SocketsHttpConnectionContext context, Func<IPAddress, bool> allows, CancellationToken cancel)
    {
        if (context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttps && !TlsLibrary.IsThere) throw new IOException(TlsLibrary.Missing);
        Socket socket = await HappyEyeballs.ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, ConnectOneAsync, cancel).ConfigureAwait(false);
        return new NetworkStream(socket, ownsSocket: true);

        async Task<Socket> ConnectOneAsync(IPEndPoint address, CancellationToken other)
        {
            if (!allows(address.Address)) throw new SocketException((int)SocketError.AccessDenied);
            Socket socket = PeerSocket.Create(address);
            try
            {
                await socket.ConnectAsync(address, other).ConfigureAwait(false);
                return socket;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
