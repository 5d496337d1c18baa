// Why an HTTP request brought no answer, in words for anybody: the framework's own end in the names of its enums.
using TinyTorrent.Types;

namespace TinyTorrent.Net;

static class HttpFault
{
    public static string Reason(Exception fault) => ErrorOf(fault) switch
    {
        HttpRequestError.ResponseEnded when fault is HttpRequestException => "it closed the connection without an answer (is it an https:// address?)",
        HttpRequestError.ResponseEnded => "the answer ended early",
        HttpRequestError.InvalidResponse => "an answer that is not HTTP",
        HttpRequestError.ConfigurationLimitExceeded => "an answer with more headers than are read",
        HttpRequestError.SecureConnectionError => WhyNotSecure(fault.GetBaseException().Message),
        _ when fault is UriFormatException => "a redirect to something that is no URL",
        _ when fault is InvalidDataException => fault.Message, // ours (HttpBody); the cause is the framework's
        _ => SystemMessage.Phrase(fault.GetBaseException().Message),
    };

    /// <param name="message">Lists the names of X509ChainStatusFlags and SslPolicyErrors.</param>
    static string WhyNotSecure(string message)
    {
        bool Has(string word) => message.Contains(word, StringComparison.Ordinal);
        return Has("RemoteCertificateNameMismatch") ? "its certificate is for another name"
            : Has("NotTimeValid") ? "its certificate has expired, or is not valid yet"
            : Has("UntrustedRoot") || Has("PartialChain") ? "its certificate is not signed by an authority that is trusted here (SSL_CERT_FILE names a file of others to trust)"
            : Has("remote certificate") ? "its certificate is not valid"
            : Has("frame size") ? "it does not speak HTTPS (is it an http:// address?)"
            : Has("EOF") ? "it closed the connection while HTTPS was agreed on"
            : $"no secure connection: {SystemMessage.Phrase(message)}";
    }

    static HttpRequestError? ErrorOf(Exception fault) => fault switch
    {
        HttpIOException e => e.HttpRequestError,
        HttpRequestException { HttpRequestError: HttpRequestError.Unknown, InnerException: HttpIOException e } => e.HttpRequestError,
        HttpRequestException e => e.HttpRequestError,
        _ => null,
    };
}
