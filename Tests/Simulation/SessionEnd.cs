// The driver of a real session in the simulation: what AsyncDriver's two loops do with a socket, done with a wire.
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Simulation;

sealed class SessionEnd(Client client, VirtualDisk disk, PeerSession session, Witness? witness, Action refused) : IEnd
{
    readonly World _world = client.World;
    readonly TimeSpan _begun = client.World.Now;
    Wire _output = null!;
    bool _isClosed;

    public TimeSpan BusyUntil { get; private set; }

    public void Attach(Wire output)
    {
        _output = output;
        // Whoever wakes or aborts holds locks: what follows from it is an event of its own.
        session.Outbox.Attach(output.Ready, () => _world.At(_world.Now, output.Close));
    }

    public ReadOnlyMemory<byte> Take()
    {
        if (!session.Outbox.IsClosed && (session.TakenBlocks > 0 || session.Take(maxBlocks: 1) > 0))
        {
            ReadOnlyMemory<byte> output = session.TakeOutput();
            witness?.OnOutput(output.Span);
            if (!output.IsEmpty) return output;
        }
        if (session.Outbox.IsClosed) _world.At(_world.Now, _output.Close);
        else witness?.OnOutput(default);
        return default;
    }

    public void OnSent(int bytes) => session.Sent(bytes, _world.Now);

    public int Receive(ReadOnlySpan<byte> bytes)
    {
        if (client.HasEnded) return 0;
        if (session.HasBlocks) Store(); // both are due at this moment: the write comes first, for it reads the receive buffer
        Memory<byte> buffer = session.ReceiveBuffer;
        int count = Math.Min(bytes.Length, buffer.Length);
        bytes[..count].CopyTo(buffer.Span);
        bool alive = session.Received(count, _world.Now);
        if (!session.HasBlocks) session.ReleaseReceiveBuffer();
        else if (disk.WriteSeconds == 0) Store();
        else
        {
            BusyUntil = _world.Now + TimeSpan.FromSeconds(disk.WriteSeconds);
            _world.At(BusyUntil, Store); // planned before the next delivery, so it comes first
        }
        client.Check();
        return alive ? count : 0;
    }

    void Store()
    {
        if (_isClosed || client.HasEnded) return;
        session.StoreBlocks();
        session.ReleaseReceiveBuffer();
    }

    public void CloseIfSilent(TimeSpan limit)
    {
        if (!session.IsEstablished && _world.Now - _begun > limit) session.Outbox.Close();
    }

    public void Finish() => session.Outbox.Finish();

    /// <summary>The process is gone: the other end is told, or the whole machine is and nobody is left to tell.</summary>
    public void Vanish(bool silently)
    {
        _output.Connection.IsDead |= silently;
        _output.Close();
    }

    public void OnClosed()
    {
        if (session.HasBlocks) Store(); // as the drivers do: the reading loop ends behind its last write
        _isClosed = true;
        session.Closed(_world.Now);
        if (!session.IsEstablished) refused();
        client.OnEnded(this);
    }
}
