// Load for a UDP tracker (BEP 15): a few sockets, each with announces on their way, all served by the calling thread.
// An answer counts only if it has a transaction that waits for one; every answer is checked before the next request takes
// its place. Requests without an answer are given up after a while, so a lossy path slows the test and does not end it.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

sealed class UdpLoad : IDisposable
{
    const int MostLanes = 8, SocketBuffer = 1 << 20, WaitMicroseconds = 1000;

    readonly LoadPlan _plan;
    readonly Lane[] _lanes;
    readonly LoadResults _results = new();

    public UdpLoad(LoadPlan plan)
    {
        _plan = plan;
        int addresses = plan.Population.Addresses, each = Math.Max(1, Math.Min(MostLanes, plan.Window) / addresses), lanes = addresses * each;
        string path = plan.Url.PathAndQuery;
        byte[] urlData = path is "/" or "/announce" ? [] : Encoding.ASCII.GetBytes(path);
        _lanes = new Lane[lanes];
        for (int i = 0; i < lanes; i++)
        {
            int address = i % addresses;
            var share = new LoadShare(plan.Population, address, i / addresses, each, plan.Once, plan.Wanted);
            _lanes[i] = new Lane(plan, address, share, Math.Max(1, plan.Window / lanes), urlData, _results);
        }
    }

    /// <summary>Runs to its end, or the token's. Null if the tracker gave out no connection ids.</summary>
    public LoadResults? Run(CancellationToken interrupt)
    {
        if (!Connect(interrupt)) return null;
        long start = Stopwatch.GetTimestamp(), last = start, sent = 0;
        for (int turn = 0; ; turn++)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            bool ends = interrupt.IsCancellationRequested || (!_plan.Once && elapsed >= _plan.Duration), heard = false, waiting = false, more = false;
            long due = _plan.Rate is { } rate ? (long)(rate * elapsed.TotalSeconds) : long.MaxValue;
            for (int i = 0; i < _lanes.Length; i++)
            {
                Lane lane = _lanes[(i + turn) % _lanes.Length]; // a rate that is nearly used up must not starve the last
                heard |= lane.Receive();
                if (!ends) sent += lane.Send(due - sent);
                waiting |= lane.IsWaiting;
                more |= !lane.IsDone;
            }
            if (heard) last = Stopwatch.GetTimestamp();
            if (!waiting && (ends || !more)) break;
            if (!heard) Wait();
        }
        _results.Elapsed = Stopwatch.GetElapsedTime(start, last);
        return _results;
    }

    /// <summary>Gets every lane a connection id before time is taken.</summary>
    bool Connect(CancellationToken interrupt)
    {
        long start = Stopwatch.GetTimestamp();
        while (!Array.TrueForAll(_lanes, lane => lane.IsConnected))
        {
            if (interrupt.IsCancellationRequested || Stopwatch.GetElapsedTime(start) > 2 * _plan.Patience) return false;
            foreach (Lane lane in _lanes) lane.Connect();
            Wait();
            foreach (Lane lane in _lanes) lane.Receive();
        }
        return true;
    }

    void Wait()
    {
        List<Socket> readable = [.. _lanes.Select(lane => lane.Socket)];
        Socket.Select(readable, null, null, WaitMicroseconds);
    }

    public void Dispose()
    {
        foreach (Lane lane in _lanes) lane.Socket.Dispose();
    }

    sealed class Lane
    {
        /// <summary>A connection id is good for two minutes; a new one is asked for long before.</summary>
        static readonly TimeSpan s_reconnect = TimeSpan.FromSeconds(45), s_repeat = TimeSpan.FromMilliseconds(500);

        const uint ConnectTransaction = 0xffff_ffff;

        readonly LoadPlan _plan;
        readonly LoadShare _share;
        readonly LoadResults _results;
        readonly byte[] _urlData, _packet = new byte[UdpCodec.MaxPacketSize];
        readonly (uint Transaction, long Sent)[] _slots; // Sent is 0 while the slot is free
        readonly Stack<int> _free = new();
        readonly int _peerSize;
        ulong _id;
        uint _draws;
        long _connectSent, _idSince, _looked = Stopwatch.GetTimestamp();

        public Lane(LoadPlan plan, int address, LoadShare share, int window, byte[] urlData, LoadResults results)
        {
            (_plan, _share, _urlData, _results) = (plan, share, urlData, results);
            Socket = new Socket(plan.Target.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false, ReceiveBufferSize = SocketBuffer };
            if (plan.Source(address) is { } source) Socket.Bind(new System.Net.IPEndPoint(source, 0));
            Socket.Connect(plan.Target);
            _peerSize = plan.Target.AddressFamily == AddressFamily.InterNetworkV6 ? CompactPeers.Size6 : CompactPeers.Size4;
            _slots = new (uint, long)[window];
            for (int i = 0; i < window; i++) _free.Push(i);
        }

        public Socket Socket { get; }
        public bool IsConnected => _idSince != 0;
        public bool IsWaiting => _free.Count < _slots.Length;
        public bool IsDone { get; private set; }

        public void Connect()
        {
            if (_connectSent != 0 && Stopwatch.GetElapsedTime(_connectSent) < s_repeat) return;
            _connectSent = Stopwatch.GetTimestamp();
            TrySend(UdpCodec.WriteConnect(_packet, ConnectTransaction));
        }

        /// <summary>Sends what the window and the caller allow. The number of announces.</summary>
        public int Send(long most)
        {
            if (Stopwatch.GetElapsedTime(_idSince) > s_reconnect) Connect();
            int sent = 0;
            while (sent < most && !IsDone && _free.TryPop(out int slot))
            {
                if (!_share.TryNext(out Announce announce))
                {
                    IsDone = true;
                    _free.Push(slot);
                    break;
                }
                // The slot's number, and a count against answers that come after they were given up.
                uint transaction = (uint)slot | (++_draws & 0x7fff) << 16;
                _slots[slot] = (transaction, Stopwatch.GetTimestamp());
                TrySend(UdpCodec.WriteAnnounce(_packet, _id, transaction, announce, _urlData));
                sent++;
            }
            return sent;
        }

        /// <summary>Takes all answers that are there. True if there was one.</summary>
        public bool Receive()
        {
            bool any = false;
            while (true)
            {
                int length = Socket.Receive(_packet, SocketFlags.None, out SocketError error);
                if (error != SocketError.Success)
                {
                    if (error is SocketError.WouldBlock) break;
                    continue; // a refusal from the host there: it stands for a packet that is lost
                }
                any = true;
                OnPacket(_packet.AsSpan(0, length));
            }
            GiveUpLate();
            return any;
        }

        void OnPacket(ReadOnlySpan<byte> packet)
        {
            uint transaction = packet.Length >= 8 ? BinaryPrimitives.ReadUInt32BigEndian(packet[4..]) : 0;
            bool read = UdpCodec.TryReadReply(packet, out UdpReply reply);
            if (transaction == ConnectTransaction && read && reply.Action == UdpAction.Connect)
            {
                (_id, _idSince, _connectSent) = (reply.ConnectionId, Stopwatch.GetTimestamp(), 0);
                return;
            }
            int slot = (int)(transaction & 0xffff);
            if (packet.Length < 8 || slot >= _slots.Length || _slots[slot].Sent == 0 || _slots[slot].Transaction != transaction)
            {
                if (packet.Length < 8 || transaction >> 31 != 0) _results.OnBad("an answer to nothing that was asked");
                return; // else: to something given up
            }
            long sent = Release(slot);
            if (!read) _results.OnBad($"an answer of {packet.Length} bytes");
            else if (reply.Action == UdpAction.Error) _results.OnError(TrackerReply.Text(reply.Body));
            else if (Fault(reply) is { } fault) _results.OnBad(fault);
            else _results.OnReply(reply.Body.Length / _peerSize, sent);
        }

        string? Fault(in UdpReply reply)
        {
            if (reply.Action != UdpAction.Announce) return $"an answer of kind {reply.Action} to an announce";
            if (reply.Interval < 1) return $"an interval of {reply.Interval}";
            if (reply.Body.Length % _peerSize != 0) return $"{reply.Body.Length} bytes of peers";
            if (reply.Body.Length / _peerSize > _plan.Wanted) return $"{reply.Body.Length / _peerSize} peers where {_plan.Wanted} were wanted";
            for (int end = _peerSize; end <= reply.Body.Length; end += _peerSize)
                if (reply.Body[end - 1] == 0 && reply.Body[end - 2] == 0) return "a peer on port 0";
            return null;
        }

        long Release(int slot)
        {
            long sent = _slots[slot].Sent;
            _slots[slot].Sent = 0;
            _free.Push(slot);
            return sent;
        }

        void GiveUpLate()
        {
            if (Stopwatch.GetElapsedTime(_looked) < s_repeat) return;
            _looked = Stopwatch.GetTimestamp();
            for (int slot = 0; slot < _slots.Length; slot++)
            {
                if (_slots[slot].Sent == 0 || Stopwatch.GetElapsedTime(_slots[slot].Sent) < _plan.Patience) continue;
                Release(slot);
                _results.OnLost();
            }
        }

        // What the system does not take is lost like what the network drops.
        void TrySend(int length) => Socket.Send(_packet.AsSpan(0, length), SocketFlags.None, out _);
    }
}
