using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

/// <summary>The ways to a tracker over TCP. What holds for one holds for all.</summary>
public enum Way
{
    /// <summary>The framework's sockets.</summary>
    Portable,

    /// <summary>The fastest this system has.</summary>
    Fast,

    /// <summary>HTTPS.</summary>
    Tls,
}

/// <summary>A running tracker and its clients.</summary>
sealed class TrackerDoor : IDisposable
{
    internal static readonly Lazy<TlsIdentity> s_identity = new(MakeIdentity);

    readonly Way _way;

    public TrackerDoor(Way way, HttpLimits? limits = null, TrackerOptions? options = null, IPAddress? address = null)
    {
        _way = way;
        int copies = way == Way.Portable || limits?.Connections < new HttpLimits().Connections || !OperatingSystem.IsLinux() ? 1 : 3;
        SharedPort shared = SharedPort.Open(address ?? IPAddress.IPv6Any, 0, copies);
        Port = UdpPort = shared.Number;
        Server = new TrackerServer(options ?? new TrackerOptions(), limits ?? new HttpLimits(), [shared], way == Way.Portable) { Identity = s_identity.Value };
        if (way != Way.Tls) return;
        SharedPort tls = SharedPort.Open(address ?? IPAddress.IPv6Any, 0, udp: false);
        Port = tls.Number;
        Server.ServeTls([tls]);
    }

    public static IPAddress[] Loopbacks => Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback];

    public TrackerServer Server { get; }
    public int Port { get; }
    public int UdpPort { get; }

    /// <summary>A connection over which the server can be asked; reading from it ends after a minute.</summary>
    public Stream Dial(IPAddress? address = null) => Secure(DialRaw(address));

    /// <summary>What the way asks for on top of a TCP connection; owns it.</summary>
    public Stream Secure(Socket socket)
    {
        var plain = new NetworkStream(socket, ownsSocket: true) { ReadTimeout = 60_000 };
        if (_way != Way.Tls) return plain;
        var stream = new SslStream(plain);
        stream.AuthenticateAsClient(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null });
        return stream;
    }

    /// <summary>A TCP connection on which nothing has been said, not even TLS's greeting.</summary>
    public Socket DialRaw(IPAddress? address = null)
    {
        address ??= IPAddress.Loopback;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000, NoDelay = true };
        socket.Connect(address, Port);
        return socket;
    }

    /// <summary>The whole answer to a GET on a connection of its own.</summary>
    public string Get(string target, IPAddress? address = null)
    {
        using Stream stream = Dial(address);
        stream.Write(Encoding.Latin1.GetBytes($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        return ReadToEnd(stream);
    }

    public static string ReadToEnd(Stream stream)
    {
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return Encoding.Latin1.GetString(all.GetBuffer(), 0, (int)all.Length);
    }

    /// <summary>Says that nothing follows.</summary>
    public static void End(Stream stream, Socket socket)
    {
        if (stream is SslStream tls) tls.ShutdownAsync().GetAwaiter().GetResult();
        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Closed without an answer: with a farewell, with a reset, or within TLS's greeting.</summary>
    public static void AssertClosed(Func<Stream> dial)
    {
        try
        {
            using Stream stream = dial();
            Assert.Equal("", ReadToEnd(stream));
        }
        catch (IOException e) when (e.GetBaseException() is not SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock })
        {
            // Closed is closed.
        }
    }

    public void Dispose() => Server.Dispose();

    /// <summary>Writes a certificate for localhost and its key, as PEM files.</summary>
    /// <param name="end">In days from today.</param>
    public static void WriteCertificate(string certificate, string key, string name = "localhost", int end = 1)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", pair, HashAlgorithmName.SHA256);
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(end - 2), DateTimeOffset.UtcNow.AddDays(end));
        File.WriteAllText(certificate, made.ExportCertificatePem() + "\n");
        File.AppendAllText(key, pair.ExportPkcs8PrivateKeyPem() + "\n");
    }

    static TlsIdentity MakeIdentity()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "both.pem");
        WriteCertificate(file, file);
        return TlsIdentity.Read(file, file);
    }
}
