using System.Security.Authentication;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

public class HttpFaultTests
{
    [Theory]
    [InlineData("The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot", "its certificate is not signed by an authority that is trusted here")]
    [InlineData("The remote certificate is invalid because of errors in the certificate chain: NotTimeValid, PartialChain", "its certificate has expired, or is not valid yet")]
    [InlineData("The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch, RemoteCertificateChainErrors", "its certificate is for another name")]
    [InlineData("The remote certificate is invalid because of errors in the certificate chain: Revoked", "its certificate is not valid")]
    [InlineData("Cannot determine the frame size or a corrupted frame was received.", "what answers speaks no TLS")]
    [InlineData("Tlsv1 alert protocol version.", "no secure connection: tlsv1 alert protocol version")]
    public void AConnectionThatIsNotSecureIsExplainedWithoutTheNamesOfEnums(string message, string reason)
    {
        var fault = new HttpRequestException(HttpRequestError.SecureConnectionError, "The SSL connection could not be established, see inner exception.", new AuthenticationException(message));
        Assert.Equal(reason, HttpFault.Reason(fault));
    }
}
