// The 20 bytes a client calls itself (BEP 3), with the client's name in front by convention (BEP 20).
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Types;

/// <summary>A peer's own name for itself. Peers choose it freely: never a proof of anything.</summary>
[InlineArray(Size)]
struct PeerId : IEquatable<PeerId>
{
    /// <summary>Bytes.</summary>
    public const int Size = 20;

    byte _first;

    /// <param name="bytes">Exactly 20 bytes.</param>
    public PeerId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size) throw new ArgumentException("a peer id has 20 bytes", nameof(bytes));
        bytes.CopyTo(this);
    }

    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Bytes => this;

    /// <summary>A fresh id for this run: <c>-TT0100-</c> and 12 random characters.</summary>
    public static PeerId Create(Random random)
    {
        PeerId id = default;
        "-TT0100-"u8.CopyTo(id);
        random.GetItems("0123456789abcdefghijklmnopqrstuvwxyz"u8, ((Span<byte>)id)[8..]);
        return id;
    }

    public readonly bool Equals(PeerId other) => Bytes.SequenceEqual(other.Bytes);
    public override readonly bool Equals(object? obj) => obj is PeerId other && Equals(other);

    public override readonly int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>The id as text, every byte outside printable ASCII shown as <c>.</c>, so that it is safe on a terminal.</summary>
    public override readonly string ToString() =>
        string.Create(Size, this, static (text, id) =>
        {
            for (int i = 0; i < Size; i++) text[i] = id[i] is >= 0x20 and < 0x7f ? (char)id[i] : '.';
        });

    public static bool operator ==(PeerId a, PeerId b) => a.Equals(b);
    public static bool operator !=(PeerId a, PeerId b) => !a.Equals(b);
}
