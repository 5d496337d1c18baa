using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using TinyTorrent.Net;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Net;

public class HttpFaultTests
{
    [Theory]
    [InlineData("The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot", "its certificate is not signed by an authority that is trusted here (SSL_CERT_FILE names a file of others to trust)")]
    [InlineData("The remote certificate is invalid because of errors in the certificate chain: NotTimeValid, PartialChain", "its certificate has expired, or is not valid yet")]
    [InlineData("The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch, RemoteCertificateChainErrors", "its certificate is for another name")]
    [InlineData("The remote certificate is invalid because of errors in the certificate chain: Revoked", "its certificate is not valid")]
    [InlineData("Cannot determine the frame size or a corrupted frame was received.", "it does not speak HTTPS (is it an http:// address?)")]
    [InlineData("Tlsv1 alert protocol version.", "no secure connection: tlsv1 alert protocol version")]
    public void AConnectionThatIsNotSecureIsExplainedWithoutTheNamesOfEnums(string message, string reason)
    {
        var fault = new HttpRequestException(HttpRequestError.SecureConnectionError, "The SSL connection could not be established, see inner exception.", new AuthenticationException(message));
        Assert.Equal(reason, HttpFault.Reason(fault));
    }

    static string Reason(string scheme, string host, int port)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectCallback = WebConnection.OpenAsync });
        Exception fault = Assert.ThrowsAny<HttpRequestException>(() =>
            client.Send(new HttpRequestMessage(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{port}/health"))));
        return HttpFault.Reason(fault);
    }

    [Theory]
    [InlineData("localhost", 1, "its certificate is not signed by an authority that is trusted here (SSL_CERT_FILE names a file of others to trust)")]
    [InlineData("other", 1, "its certificate is for another name")]
    [InlineData("localhost", -1, "its certificate has expired, or is not valid yet")]
    public void ACertificateIsRefusedInWords(string name, int end, string reason)
    {
        using var folder = new TemporaryFolder();
        using var door = new TrackerDoor(Way.Tls);
        string file = Path.Combine(folder.Path, "both.pem");
        TrackerDoor.WriteCertificate(file, file, name, end);
        door.Server.Identity = TlsIdentity.Read(file, file);
        Assert.Equal(reason, Reason("https", "localhost", door.Port));
    }

    [Fact]
    public void TheWrongSchemeIsNamed()
    {
        using var tls = new TrackerDoor(Way.Tls);
        Assert.Equal("it closed the connection without an answer (is it an https:// address?)", Reason("http", "localhost", tls.Port));
        using var plain = new TrackerDoor(Way.Portable);
        Assert.Equal("it does not speak HTTPS (is it an http:// address?)", Reason("https", "localhost", plain.Port));
    }

    [Fact]
    public async Task AConnectionThatIsClosedInsteadOfAHandshakeIsNamed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task closing = Task.Run(() =>
        {
            using Socket socket = listener.AcceptSocket();
            socket.Receive(new byte[4096]);
        });
        Assert.Equal("it closed the connection while HTTPS was agreed on", Reason("https", "localhost", ((IPEndPoint)listener.LocalEndpoint).Port));
        await closing;
    }
}
