using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

/// <summary>The framework's own: each completion is a job of the thread pool.</summary>
sealed class PortableReadiness : IReadiness
{
    public IWatch Watch(Socket socket)
    {
        socket.Blocking = false;
        return new SocketWatch(socket);
    }

    public Task ConnectAsync(Socket socket, IPEndPoint peer, CancellationToken cancellation) => socket.ConnectAsync(peer, cancellation).AsTask();

    public void Dispose() { }

    sealed class SocketWatch(Socket socket) : IWatch
    {
        public void BeforeReceive() { }

        public async ValueTask ReadableAsync(bool inPlace) => await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);

        public ValueTask<int> SendAsync(ReadOnlyMemory<byte> data) => socket.SendAsync(data, CancellationToken.None);

        public void Dispose() { }
    }
}
