// Why an HTTP request brought no answer, in words for anybody: the framework's own end in the names of its enums.
using TinyTorrent.Types;

namespace TinyTorrent.Net;

static class HttpFault
{
    public static string Reason(Exception fault) => ErrorOf(fault) switch
    {
        HttpRequestError.ResponseEnded => "the answer ended early",
        HttpRequestError.InvalidResponse => "an answer that is not HTTP",
        HttpRequestError.ConfigurationLimitExceeded => "an answer with more headers than are read",
        _ when fault is UriFormatException => "a redirect to something that is no URL",
        _ when fault is InvalidDataException => fault.Message, // ours (HttpBody); the cause is the framework's
        _ => SystemMessage.Phrase(fault.GetBaseException().Message),
    };

    static HttpRequestError? ErrorOf(Exception fault) => fault switch
    {
        HttpIOException e => e.HttpRequestError,
        HttpRequestException { HttpRequestError: HttpRequestError.Unknown, InnerException: HttpIOException e } => e.HttpRequestError,
        HttpRequestException e => e.HttpRequestError,
        _ => null,
    };
}
