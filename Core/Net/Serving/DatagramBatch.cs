// Up to 64 datagrams received with one call and their answers sent with another, in native memory laid out once
// (recvmmsg, sendmmsg). At high rates that halves the cost of a packet; at low rates a batch is one packet, and no call
// is made for a second that is not there. One thread.
using System.Runtime.InteropServices;
using TinyTorrent.Tracker;
using static TinyTorrent.Net.LinuxSockets;

namespace TinyTorrent.Net;

sealed unsafe class DatagramBatch : IDisposable
{
    const int Most = 64, BufferSize = 2048;

    readonly int _socket;
    readonly byte* _memory, _packets, _replies, _addresses;
    readonly Message* _in, _out;
    int _ask = 1, _queued;

    /// <param name="socket">A bound, blocking UDP socket. Stays the caller's.</param>
    public DatagramBatch(int socket)
    {
        _socket = socket;
        int tables = Most * (2 * sizeof(Message) + 2 * sizeof(IoVector));
        _memory = (byte*)NativeMemory.AllocZeroed((nuint)(tables + Most * (2 * BufferSize + AddressSize)));
        _in = (Message*)_memory;
        _out = _in + Most;
        var vectors = (IoVector*)(_out + Most);
        _packets = (byte*)(vectors + 2 * Most);
        _replies = _packets + Most * BufferSize;
        _addresses = _replies + Most * BufferSize;
        for (int i = 0; i < Most; i++)
        {
            vectors[i] = new IoVector { Base = _packets + i * BufferSize, Length = BufferSize };
            vectors[Most + i] = new IoVector { Base = _replies + i * BufferSize };
            _in[i].Header = new MessageHeader { Name = _addresses + i * AddressSize, Vectors = vectors + i, VectorCount = 1 };
            _out[i].Header = new MessageHeader { Vectors = vectors + Most + i, VectorCount = 1 };
        }
    }

    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>Waits for packets. The number of them, or 0 after a fault or a shutdown of the socket.</summary>
    /// <param name="wait">False: what is there, or 0.</param>
    public int Receive(bool wait = true)
    {
        for (int i = 0; i < _ask; i++) _in[i].Header.NameLength = AddressSize;
        int count = recvmmsg(_socket, _in, (uint)_ask, wait ? WaitForOne : DontWait, null);
        if (count <= 0) return 0;
        // A full batch asks for more next time, another for about as many: the last receive of a batch must not come in vain.
        _ask = count == _ask ? Math.Min(Most, 2 * count) : count;
        return count;
    }

    public ReadOnlySpan<byte> Packet(int index) => new(_packets + index * BufferSize, (int)_in[index].Length);

    /// <summary>Who sent a packet. False for port 0, which cannot be answered.</summary>
    public bool TryReadSender(int index, out PeerAddress from)
    {
        byte* address = _addresses + index * AddressSize;
        from = ReadAddress(address);
        return address[2] != 0 || address[3] != 0;
    }

    /// <summary>Room for the next answer.</summary>
    public Span<byte> Reply => new(_replies + _queued * BufferSize, BufferSize);

    /// <summary>Keeps what was written to <see cref="Reply"/> for the sender of a packet.</summary>
    public void Queue(int index, int length)
    {
        Message* message = _out + _queued++;
        message->Header.Name = _in[index].Header.Name;
        message->Header.NameLength = _in[index].Header.NameLength;
        message->Header.Vectors->Length = (nuint)length;
    }

    /// <summary>Sends the answers. One the system refuses is lost, as packets may be, and the next is tried.</summary>
    public void Send()
    {
        for (int sent = 0; sent < _queued;) sent += Math.Max(1, sendmmsg(_socket, _out + sent, (uint)(_queued - sent), 0));
        _queued = 0;
    }

    public void Dispose() => NativeMemory.Free(_memory);
}
