// One HTTP connection without its socket: bytes in, bytes out. Requests may arrive in any pieces or several at once
// (pipelining); answers leave in order. One thread at a time.
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="onMalformed">Called for what is answered without the handler because it is no request.</param>
sealed class HttpSession(HttpHandler handler, Action? onMalformed = null)
{
    /// <summary>Answers are sent when this many bytes wait, before further pipelined requests are read.</summary>
    const int MaxOutput = 64 * 1024;

    const int InitialInput = 1024;

    readonly HttpResponse _response = new();
    byte[] _input = new byte[InitialInput];
    PeerAddress _from;
    int _start, _end;

    /// <summary>Starts a connection; what was left of one before is forgotten.</summary>
    public void Begin(PeerAddress from)
    {
        _from = from;
        (_start, _end) = (0, 0);
        if (_input.Length > InitialInput) _input = new byte[InitialInput];
        _response.Clear();
    }

    /// <summary>Room for what comes next; never empty.</summary>
    public Memory<byte> ReceiveBuffer
    {
        get
        {
            if (_start > 0)
            {
                _input.AsSpan(_start, _end - _start).CopyTo(_input);
                (_start, _end) = (0, _end - _start);
            }
            if (_end == _input.Length) Array.Resize(ref _input, _input.Length * 2);
            return _input.AsMemory(_end);
        }
    }

    /// <summary>True while part of a request has arrived: the client owes the rest.</summary>
    public bool IsWithinRequest => _end > _start;

    /// <summary>Takes note of bytes written to <see cref="ReceiveBuffer"/>.</summary>
    public void Received(int count) => _end += count;

    /// <summary>Answers complete requests. Send <paramref name="output"/> whole, then call <see cref="Sent"/>; if it is empty, receive.</summary>
    /// <returns>False if the connection ends when the output has been sent.</returns>
    public bool Answer(out ReadOnlyMemory<byte> output)
    {
        bool goesOn = true;
        while (goesOn && _response.Output.Length < MaxOutput)
        {
            int status = HttpRequest.TryRead(_input.AsSpan(_start, _end - _start), _from, out HttpRequest request, out int consumed);
            if (status == 0) break;
            if (status == 200) _response.Answer(handler, request);
            else Fail(status);
            goesOn = status == 200 && request.KeepAlive;
            _start += consumed;
        }
        if (_start == _end) (_start, _end) = (0, 0);
        output = _response.Output;
        return goesOn;
    }

    public void Sent() => _response.Clear();

    void Fail(int status)
    {
        _response.Fail(status);
        onMalformed?.Invoke();
    }
}
