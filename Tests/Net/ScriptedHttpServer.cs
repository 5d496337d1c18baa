using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TinyTorrent.Tests.Net;

/// <summary>A server on an ephemeral loopback port that answers each request with whatever bytes the test gives.</summary>
sealed class ScriptedHttpServer : IDisposable
{
    readonly TcpListener _listener;
    readonly CancellationTokenSource _closing = new();
    readonly Func<string, Stream, CancellationToken, Task> _answer;
    readonly Task _accepting;

    /// <param name="answer">Gets the request head and the connection, which is closed when it returns.</param>
    public ScriptedHttpServer(Func<string, Stream, CancellationToken, Task> answer, IPAddress? address = null)
    {
        _answer = answer;
        _listener = new TcpListener(address ?? IPAddress.Loopback, 0);
        _listener.Start();
        _accepting = Task.Run(AcceptAsync);
    }

    public ScriptedHttpServer(Func<string, byte[]> answer, IPAddress? address = null)
        : this(async (head, stream, cancel) => await stream.WriteAsync(answer(head), cancel), address) { }

    public List<string> Requests { get; } = [];

    public string Base => $"http://{_listener.LocalEndpoint}";

    public static byte[] Response(byte[] body, string headers = "", string status = "200 OK") =>
        [.. Encoding.Latin1.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n{headers}\r\n"), .. body];

    async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true) connections.Add(ServeAsync(await _listener.AcceptSocketAsync(_closing.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    async Task ServeAsync(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            var head = new StringBuilder();
            byte[] one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                if (await stream.ReadAsync(one, _closing.Token) == 0) return;
                head.Append((char)one[0]);
            }
            lock (Requests) Requests.Add(head.ToString());
            await _answer(head.ToString(), stream, _closing.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has hung up, or the test is over.
        }
    }

    public void Dispose()
    {
        _closing.Cancel();
        _accepting.Wait();
        _listener.Dispose();
        _closing.Dispose();
    }
}
