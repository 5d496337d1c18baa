// Load for an HTTP tracker (BEP 3, 23): as many connections as announces may be on their way, a task each. A connection
// serves many announces or one, as the plan says; a tracker that closes gets a new one either way. Every answer is checked.
using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class HttpLoad(LoadPlan plan)
{
    static readonly TimeSpan s_heartbeat = TimeSpan.FromMilliseconds(250);

    readonly byte[] _before = Encoding.ASCII.GetBytes($"GET {plan.Url.AbsolutePath}?{(plan.Url.Query.Length > 1 ? plan.Url.Query[1..] + "&" : "")}info_hash=");
    readonly byte[] _after = Encoding.ASCII.GetBytes(
        $" HTTP/1.1\r\nHost: {plan.Url.Authority}\r\nUser-Agent: tinytorrent-bench\r\nConnection: {(plan.Close ? "close" : "keep-alive")}\r\n\r\n");

    readonly long _start = Stopwatch.GetTimestamp();
    long _announces;
    volatile bool _ends;

    public async Task<LoadResults> RunAsync(CancellationToken interrupt)
    {
        int addresses = plan.Population.Addresses, each = Math.Max(1, plan.Window / addresses);
        Lane[] lanes = [.. Enumerable.Range(0, addresses * each).Select(i => new Lane(this, i % addresses, i / addresses, each, plan))];
        var running = Task.WhenAll(lanes.Select(lane => Task.Run(lane.RunAsync, CancellationToken.None)));
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(s_heartbeat, CancellationToken.None)).ConfigureAwait(false);
            _ends |= interrupt.IsCancellationRequested || (!plan.Once && Stopwatch.GetElapsedTime(_start) >= plan.Duration);
            foreach (Lane lane in lanes) lane.GiveUpLate();
        }
        await running.ConfigureAwait(false);
        var results = new LoadResults();
        foreach (Lane lane in lanes) results.Add(lane.Results);
        results.Elapsed = Stopwatch.GetElapsedTime(_start, lanes.Max(lane => lane.Last));
        return results;
    }

    bool Ends => _ends || (!plan.Once && Stopwatch.GetElapsedTime(_start) >= plan.Duration);

    /// <summary>Waits until the next announce is due.</summary>
    async ValueTask PaceAsync()
    {
        if (plan.Rate is not { } rate) return;
        TimeSpan due = TimeSpan.FromSeconds(Interlocked.Increment(ref _announces) / (double)rate) - Stopwatch.GetElapsedTime(_start);
        if (due > TimeSpan.FromMilliseconds(1)) await Task.Delay(due).ConfigureAwait(false);
    }

    sealed class Lane(HttpLoad load, int address, int number, int lanes, LoadPlan plan)
    {
        const int MaxAnswer = 64 * 1024;

        readonly LoadShare _share = new(plan.Population, address, number, lanes, plan.Once, plan.Wanted);
        readonly byte[] _request = new byte[1024 + load._before.Length + load._after.Length], _answer = new byte[MaxAnswer];
        readonly Lock _lock = new();
        Socket? _socket;
        long _sent;
        bool _late;

        public LoadResults Results { get; } = new();

        /// <summary>When the last answer came.</summary>
        public long Last { get; private set; } = load._start;

        public async Task RunAsync()
        {
            while (!load.Ends && _share.TryNext(out Announce announce))
            {
                await load.PaceAsync().ConfigureAwait(false);
                int length = Write(announce);
                bool fresh = _socket is null;
                Begin();
                try
                {
                    if (_socket is null) await DialAsync().ConfigureAwait(false);
                    bool answered = await AskAsync(length).ConfigureAwait(false);
                    if (!answered && !fresh && !_late)
                    {
                        // A tracker may close a connection that was kept, just when the next request is on its way: ask again.
                        Close();
                        await DialAsync().ConfigureAwait(false);
                        answered = await AskAsync(length).ConfigureAwait(false);
                    }
                    if (!answered)
                    {
                        Results.OnLost();
                        Close();
                    }
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    Results.OnLost();
                    Close();
                    if (!_late) await Task.Delay(10).ConfigureAwait(false); // a tracker that refuses is not asked in a circle
                }
            }
            Close();
        }

        /// <summary>Ends the wait for an answer that takes too long.</summary>
        public void GiveUpLate()
        {
            lock (_lock)
            {
                if (_socket is null || _sent == 0 || Stopwatch.GetElapsedTime(_sent) < plan.Patience) return;
                _late = true;
                _socket.Dispose();
            }
        }

        void Begin()
        {
            lock (_lock) (_late, _sent) = (false, Stopwatch.GetTimestamp());
        }

        async Task DialAsync()
        {
            var socket = new Socket(plan.Target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            lock (_lock) _socket = socket;
            if (plan.Source(address) is { } source) socket.Bind(new IPEndPoint(source, 0));
            await socket.ConnectAsync(plan.Target).ConfigureAwait(false);
        }

        void Close()
        {
            lock (_lock)
            {
                _socket?.Dispose();
                _socket = null;
            }
        }

        /// <summary>False if the connection ended before the first byte of an answer.</summary>
        async Task<bool> AskAsync(int length)
        {
            Socket socket = _socket!;
            int at = 0, body = -1, end = -1;
            try
            {
                for (int sent = 0; sent < length;) sent += await socket.SendAsync(_request.AsMemory(sent, length - sent)).ConfigureAwait(false);
                while (end < 0 || at < end)
                {
                    int count = await socket.ReceiveAsync(_answer.AsMemory(at)).ConfigureAwait(false);
                    if (count == 0 && at == 0) return false;
                    at += count;
                    if (body < 0) (body, end) = ReadHead(_answer.AsSpan(0, at));
                    if (count == 0 && body >= 0 && end < 0) end = at; // without a length it ends with the connection
                    else if (count == 0 || (at == _answer.Length && at != end))
                    {
                        Bad(count == 0 ? "an answer that is cut off" : "an answer that is too long");
                        return true;
                    }
                }
            }
            catch (SocketException) when (at == 0)
            {
                return false;
            }
            Last = Stopwatch.GetTimestamp();
            if (at > end) Bad("more than one answer");
            else Judge(_answer.AsSpan(0, at), body);
            if (plan.Close || HasClose(_answer.AsSpan(0, body))) Close();
            return true;
        }

        void Bad(string what)
        {
            Results.OnBad(what);
            Close();
        }

        void Judge(ReadOnlySpan<byte> answer, int start)
        {
            ReadOnlySpan<byte> body = answer[start..];
            if (!BencodeValue.TryParse(body, out BencodeValue root, out _) || root.Kind != BencodeKind.Dictionary)
            {
                if (answer.StartsWith("HTTP/1."u8) && !answer[9..].StartsWith("200"u8)) Results.OnError("HTTP " + Encoding.ASCII.GetString(answer.Slice(9, 3)));
                else Results.OnBad("an answer that is no dictionary");
                return;
            }
            int size = CompactPeers.Size4;
            if (root.TryGetBytes("failure reason"u8, out ReadOnlySpan<byte> reason)) Results.OnError(TrackerReply.Text(reason));
            else if (!root.TryGetInteger("interval"u8, out long interval) || interval < 1) Results.OnBad("no interval");
            else
            {
                root.TryGetBytes("peers"u8, out ReadOnlySpan<byte> peers);
                root.TryGetBytes("peers6"u8, out ReadOnlySpan<byte> peers6);
                int count = peers.Length / size + peers6.Length / CompactPeers.Size6;
                if (peers.Length % size != 0 || peers6.Length % CompactPeers.Size6 != 0) Results.OnBad($"{peers.Length} and {peers6.Length} bytes of peers");
                else if (count > plan.Wanted) Results.OnBad($"{count} peers where {plan.Wanted} were wanted");
                else Results.OnReply(count, _sent);
            }
        }

        /// <summary>Where the body starts and, if the head tells, ends; -1 while that is not known.</summary>
        static (int Body, int End) ReadHead(ReadOnlySpan<byte> answer)
        {
            int length = answer.IndexOf("\r\n\r\n"u8);
            if (length < 0) return (-1, -1);
            ReadOnlySpan<byte> value = Header(answer[..(length + 2)], "content-length"u8);
            int body = length + 4;
            return (body, Utf8Parser.TryParse(value, out int bytes, out _) && bytes is >= 0 and <= MaxAnswer ? body + bytes : -1);
        }

        static bool HasClose(ReadOnlySpan<byte> head) => Ascii.EqualsIgnoreCase(Header(head, "connection"u8), "close"u8);

        static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> head, ReadOnlySpan<byte> lowerCase)
        {
            while (head.IndexOf("\r\n"u8) is >= 0 and int end)
            {
                ReadOnlySpan<byte> line = head[..end];
                head = head[(end + 2)..];
                int colon = line.IndexOf((byte)':');
                if (colon > 0 && Ascii.EqualsIgnoreCase(line[..colon], lowerCase)) return line[(colon + 1)..].Trim((byte)' ');
            }
            return default;
        }

        int Write(in Announce announce)
        {
            int at = 0;
            Put(load._before);
            PutEscaped(announce.InfoHash.Bytes);
            Put("&peer_id="u8);
            PutEscaped(announce.PeerId.Bytes);
            Put("&uploaded=0&downloaded=0&compact=1&port="u8);
            PutNumber(announce.Port);
            Put("&left="u8);
            PutNumber(announce.Left);
            Put("&numwant="u8);
            PutNumber(announce.NumWant);
            Put(announce.Event switch
            {
                AnnounceEvent.Started => "&event=started"u8,
                AnnounceEvent.Completed => "&event=completed"u8,
                AnnounceEvent.Stopped => "&event=stopped"u8,
                _ => default,
            });
            Put(load._after);
            return at;

            void Put(ReadOnlySpan<byte> bytes)
            {
                bytes.CopyTo(_request.AsSpan(at));
                at += bytes.Length;
            }

            void PutNumber(long number)
            {
                Utf8Formatter.TryFormat(number, _request.AsSpan(at), out int digits);
                at += digits;
            }

            void PutEscaped(ReadOnlySpan<byte> bytes)
            {
                foreach (byte b in bytes)
                {
                    if (char.IsAsciiLetterOrDigit((char)b))
                    {
                        _request[at++] = b;
                        continue;
                    }
                    _request[at++] = (byte)'%';
                    _request[at++] = "0123456789ABCDEF"u8[b >> 4];
                    _request[at++] = "0123456789ABCDEF"u8[b & 15];
                }
            }
        }
    }
}
