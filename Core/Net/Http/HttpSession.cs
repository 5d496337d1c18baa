// One HTTP connection without its socket: bytes in, bytes out. Requests may arrive in any pieces or several at once
// (pipelining); answers leave in order. A body is collected behind its request, as far as the memory for bodies reaches.
// A request that its handler defers stops the session until a worker has called Work. One thread at a time.
using System.Buffers;
using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <param name="onMalformed">Called for what is answered without the handler because it is no request.</param>
/// <param name="proxies">Those that may say who their client is.</param>
/// <param name="onFault">Told of what a handler throws; the client gets a 500, and the connection ends.</param>
/// <param name="defers">The server has workers; without them every handler answers at once.</param>
sealed class HttpSession(
    HttpHandler handler, HttpMemory memory, Action? onMalformed = null, TrustedProxies? proxies = null, Action<Exception>? onFault = null,
    bool defers = false)
{
    /// <summary>Answers are sent when this many bytes wait, before further pipelined requests are read.</summary>
    const int MaxOutput = 8 * 1024;

    const int InitialInput = 1024;

    /// <summary>A body's room grows from this; what is larger is taken from the common memory.</summary>
    const int OrdinaryInput = 2 * HttpRequest.MaxSize;

    readonly HttpResponse _response = new(memory);
    byte[] _input = new byte[InitialInput];
    PeerAddress _from;
    bool _mayIntroduce, _introduced; // a trusted proxy's connection may begin with a PROXY header; it did
    PeerAddress _bodyFrom; // whose memory a body takes
    int _start, _end;
    int _portion; // bytes of a stored body in the output
    int _blank; // bytes of empty lines in front of the next request
    int _awaited; // bytes from _start of a request whose body is wanted; 0: none
    int _begun; // its body's length, until the server has taken note of it
    bool _owes; // a body was refused that the client may still be sending
    bool _ends; // the last answer is in the output
    bool _working;
    volatile bool _abandoned;

    /// <summary>Starts a connection.</summary>
    public void Begin(PeerAddress from)
    {
        _from = from;
        _blank = _portion = 0;
        _owes = _ends = _introduced = _abandoned = IsDeferred = false;
        _mayIntroduce = proxies?.Contains(from) == true;
    }

    /// <summary>The connection is over: what was left of it is forgotten.</summary>
    public void End()
    {
        EndBody();
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
    public bool IsWithinRequest => _end > _start || _owes;

    /// <summary>Takes note of bytes written to <see cref="ReceiveBuffer"/>.</summary>
    public void Received(int count) => _end += count;

    /// <summary>True once for each body that is waited for: it is given time of its own.</summary>
    public bool BeginsBody(out int length)
    {
        length = _begun;
        _begun = 0;
        return length > 0;
    }

    /// <summary>True once if the connection turned out to be that of a proxy's client.</summary>
    public bool IsIntroduced(out PeerAddress client)
    {
        client = _from;
        bool introduced = _introduced;
        _introduced = false;
        return introduced;
    }

    /// <summary>Answers complete requests. Send <paramref name="output"/> whole, then call <see cref="Sent"/>; if it is empty, receive.</summary>
    /// <returns>False if the connection ends when the output has been sent.</returns>
    public bool Answer(out ReadOnlyMemory<byte> output)
    {
        while (!_ends && !IsDeferred && Streamed is null && _response.Stored is null && _response.Output.Length < MaxOutput && TryAnswerNext()) { }
        if (_start == _end) (_start, _end) = (0, 0);
        output = _response.Output;
        if (_response.Stored is not { } stored) return !_ends;
        if (!output.IsEmpty) return true;
        output = stored.Next();
        _portion = output.Length;
        return !_ends || !stored.IsLast;
    }

    /// <summary>True while the output is one of several portions of the same answer.</summary>
    public bool IsWithinAnswer => _response.Stored is { IsBegun: true };

    /// <summary>
    /// True while the next request waits for a worker. When all output has been sent, one calls <see cref="Work"/> (or nobody can,
    /// and the server <see cref="RefuseWork"/>); <see cref="Answer"/> goes on from there. Nothing is received meanwhile.
    /// </summary>
    public bool IsDeferred { get; private set; }

    /// <summary>Where the deferred request comes from.</summary>
    public PeerAddress DeferredFrom { get; private set; }

    /// <summary>Answers the deferred request; on a worker. The output waits for <see cref="Answer"/>.</summary>
    public void Work()
    {
        IsDeferred = false;
        if (_abandoned) return;
        _working = true;
        TryAnswerNext();
        _working = false;
    }

    /// <summary>Too many requests wait for the workers.</summary>
    public void RefuseWork()
    {
        IsDeferred = false;
        Refuse(503, _end - _start);
    }

    /// <summary>The connection is gone: nobody needs what a worker has not begun yet. Any thread.</summary>
    public void Abandon() => _abandoned = true;

    public bool IsAbandoned => _abandoned;

    /// <summary>What is to be sent behind the output, or null.</summary>
    public StreamedBody? Streamed => _response.Streamed;

    public void Sent()
    {
        if (_response.Stored is { } stored)
        {
            bool last = _portion > 0 && stored.IsLast;
            stored.Advance(_portion);
            _portion = 0;
            if (!last)
            {
                _response.ClearOutput();
                return;
            }
        }
        _response.Clear();
    }

    /// <summary>False if there is no whole request.</summary>
    bool TryAnswerNext()
    {
        if (_mayIntroduce && !TryIntroduce(out bool malformed)) return malformed && Refuse(400, _end - _start);
        if (_end - _start < _awaited)
        {
            if (TryMakeRoom()) return false;
            return Refuse(503, _end - _start);
        }
        int status = HttpRequest.TryRead(_input.AsSpan(_start, _end - _start), _from, out HttpRequest request, out int consumed, proxies);
        if (status == 0 && consumed > 0)
        {
            _start += consumed; // empty lines: not kept, and no more of them than a request may have bytes
            if ((_blank += consumed) > HttpRequest.MaxSize) status = 431;
            consumed = 0;
        }
        if (status == 0) return false;
        _blank = 0;
        if (status != 200)
        {
            onMalformed?.Invoke();
            return Refuse(status, consumed);
        }

        bool first = _awaited == 0;
        if (!first) request = request.With(_input.AsSpan(_start + consumed, request.BodyLength));
        if (_working) request = request.Again();
        int whole = consumed + request.BodyLength;
        switch (AskHandler(request))
        {
            case HttpOutcome.Deferred:
                (IsDeferred, DeferredFrom) = (true, request.From);
                return false;
            case HttpOutcome.Failed:
                return Refuse(500, _end - _start);
            case HttpOutcome.WantsBody:
                (_awaited, _bodyFrom) = (whole, request.From);
                _begun = request.BodyLength;
                return true; // the body may be here already
            default:
                _start += first ? consumed : whole;
                _ends = !request.KeepAlive || !request.IsWhole;
                _owes = !request.IsWhole;
                if (!first) EndBody();
                return true;
        }
    }

    HttpOutcome AskHandler(in HttpRequest request)
    {
        try
        {
            return _response.Answer(handler, request, mayDefer: defers && !_working);
        }
        catch (Exception e) when (e is not OperationCanceledException || _working) // a fault of ours must not end the server
        {
            onFault?.Invoke(e);
            return HttpOutcome.Failed;
        }
    }

    /// <summary>Takes the PROXY header off the connection's beginning, if there is one.</summary>
    /// <returns>False if it is not there yet, or not in order.</returns>
    bool TryIntroduce(out bool malformed)
    {
        OperationStatus status = ProxyHeader.TryRead(_input.AsSpan(_start, _end - _start), out PeerAddress client, out int length);
        malformed = status == OperationStatus.InvalidData;
        if (malformed) onMalformed?.Invoke();
        if (status != OperationStatus.Done) return false;
        _mayIntroduce = false;
        _start += length;
        if (client.IsNone) return true;
        (_from, _introduced) = (client, true);
        return true;
    }

    /// <summary>Answers with a status alone and drops what belongs to the request.</summary>
    bool Refuse(int status, int consumed)
    {
        _owes = _awaited > 0;
        _response.Fail(status);
        _start += consumed;
        EndBody();
        _ends = true;
        return true;
    }

    /// <summary>Room for more of a body; false if there is no memory for it.</summary>
    bool TryMakeRoom()
    {
        if (_start > 0 || _end < _input.Length) return true;
        // The last step is never a small one: for a moment the old room and the new are both there.
        int twice = 2 * _input.Length, size = twice < _awaited / 4 * 3 ? twice : _awaited, before = Charge(_input.Length);
        if (!memory.TryTake(_bodyFrom, Charge(size))) return false;
        Array.Resize(ref _input, size);
        memory.Give(_bodyFrom, before);
        return true;
    }

    /// <summary>A room that had to grow beyond the ordinary holds nothing behind the body it has grown for, and is given back.</summary>
    void EndBody()
    {
        (_awaited, _begun) = (0, 0);
        if (Charge(_input.Length) == 0) return;
        memory.Give(_bodyFrom, _input.Length);
        _input = new byte[InitialInput];
        (_start, _end) = (0, 0);
    }

    static int Charge(int size) => size > OrdinaryInput ? size : 0;
}
