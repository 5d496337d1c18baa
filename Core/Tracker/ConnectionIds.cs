// UDP tracker connection ids (BEP 15). Stateless: an id is a receipt we can check, not a row we must store.
//   bits 0-1   the epoch it was issued in, modulo 4
//   bit  2     which of the two latest secrets signed it
//   bits 3-63  a keyed hash of (epoch, secret's number, address)
// Whoever has an id has received our packet at that address a short while ago. A spoofer must guess 61 bits, and the
// guess is worth minutes. Any thread may call; Rotate from one.
using System.Buffers.Binary;
using TinyTorrent.Hashing;

namespace TinyTorrent.Tracker;

/// <summary>Issues and checks connection ids.</summary>
sealed class ConnectionIds
{
    /// <summary>What BEP 15 tells servers to accept.</summary>
    public static readonly TimeSpan StandardLifetime = TimeSpan.FromMinutes(2);

    /// <summary>Ids of the current epoch and of this many before it are valid.</summary>
    const int EpochsBack = 2;

    readonly long _epochTicks;
    volatile Keys _keys;

    /// <param name="secret">16 bytes nobody else knows, made new at every start.</param>
    /// <param name="lifetime">An id is good for at least this long and at most half as long again. Some clients reuse ids for hours.</param>
    public ConnectionIds(ReadOnlySpan<byte> secret, TimeSpan lifetime)
    {
        _epochTicks = Math.Max(1, lifetime.Ticks / EpochsBack);
        _keys = new Keys(new SipHash(secret), new SipHash(secret), 0);
    }

    /// <param name="now">Time since the program's start.</param>
    public ulong Issue(in PeerAddress address, TimeSpan now)
    {
        Keys keys = _keys;
        return Sign(keys.Current, keys.Generation, now.Ticks / _epochTicks, address);
    }

    public bool IsValid(ulong id, in PeerAddress address, TimeSpan now)
    {
        Keys keys = _keys;
        long epoch = now.Ticks / _epochTicks;
        long age = (epoch - (long)id) & 3;
        if (age > EpochsBack || age > epoch) return false;
        uint generation = (uint)(id >> 2) & 1;
        ulong expected = Sign(generation == keys.Generation ? keys.Current : keys.Previous, generation, epoch - age, address);
        return (expected ^ id) == 0; // one subtraction of two words: the time tells nothing about where they differ
    }

    /// <summary>Signs with a new secret from here on. Ids of the one before stay valid for their time, older ones end.</summary>
    public void Rotate(ReadOnlySpan<byte> secret)
    {
        Keys keys = _keys;
        _keys = new Keys(new SipHash(secret), keys.Current, keys.Generation ^ 1);
    }

    static ulong Sign(SipHash key, uint generation, long epoch, in PeerAddress address)
    {
        Span<byte> message = stackalloc byte[8 + 16];
        BinaryPrimitives.WriteInt64LittleEndian(message, (epoch << 1) | generation);
        address.Bytes.CopyTo(message[8..]);
        ulong hash = key.Hash(message[..(8 + address.Bytes.Length)]);
        return (hash & ~7ul) | (generation << 2) | ((ulong)epoch & 3);
    }

    sealed record Keys(SipHash Current, SipHash Previous, uint Generation);
}
