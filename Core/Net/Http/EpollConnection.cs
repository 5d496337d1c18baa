using TinyTorrent.Tracker;

namespace TinyTorrent.Net;

/// <summary>What an <see cref="EpollHttpServer"/> knows of one connection. On its thread alone.</summary>
sealed class EpollConnection(int descriptor, PeerAddress from, HttpSession session)
{
    public int Descriptor { get; } = descriptor;
    public PeerAddress From { get; set; } = from;
    public HttpSession Session { get; } = session;

    /// <summary>When the connection is closed, whatever it waits for.</summary>
    public TimeSpan Deadline { get; set; }

    /// <summary>What the client has not taken yet, in the session's buffer.</summary>
    public ReadOnlyMemory<byte> Unsent { get; set; }

    /// <summary>When the answer under way was begun, and how many bytes of it the system has taken.</summary>
    public TimeSpan Begun { get; set; }

    public long Sent { get; set; }

    /// <summary>Bytes thrown away since its last answer.</summary>
    public long Discarded { get; set; }

    /// <summary>The events it is registered for, or 0.</summary>
    public uint Awaits { get; set; }

    public bool EndsWithOutput { get; set; }

    /// <summary>Between two requests.</summary>
    public bool IsIdle { get; set; }

    /// <summary>Has a place among those of its address.</summary>
    public bool IsCounted { get; set; }

    /// <summary>A worker has it.</summary>
    public bool IsWorking { get; set; }

    /// <summary>Answered for the last time.</summary>
    public bool IsLeaving { get; set; }
}
