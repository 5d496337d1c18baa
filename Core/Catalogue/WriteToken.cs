// Secrets that allow writing: the one an operator chose for publishing, and the one a publisher is handed for its entry.
// Kept is a hash, compared in constant time: neither the disk nor a clock tells the secret.
using TinyTorrent.Hashing;

namespace TinyTorrent.Catalogue;

/// <summary>The hash of a secret; <c>default</c> fits none.</summary>
readonly record struct WriteToken
{
    /// <summary>Bytes of the hash.</summary>
    public const int Size = Sha256.Size;

    /// <summary>Random bytes of a secret handed out; it travels as twice as many hex digits.</summary>
    public const int SecretSize = 16;

    readonly ReadOnlyMemory<byte> _hash;

    WriteToken(byte[] hash) => _hash = hash;

    /// <summary>Empty for <c>default</c>.</summary>
    public ReadOnlySpan<byte> Hash => _hash.Span;

    /// <summary>Of the secret as it travels, in UTF-8.</summary>
    public static WriteToken Of(ReadOnlySpan<byte> secret)
    {
        byte[] hash = new byte[Size];
        Sha256.Hash(secret, hash);
        return new WriteToken(hash);
    }

    /// <param name="hash"><see cref="Size"/> bytes; any other number gives a token that fits no secret.</param>
    public static WriteToken FromHash(ReadOnlySpan<byte> hash) => hash.Length == Size ? new WriteToken(hash.ToArray()) : default;

    public bool Fits(ReadOnlySpan<byte> secret)
    {
        Span<byte> other = stackalloc byte[Size];
        Sha256.Hash(secret, other);
        int different = _hash.Length ^ Size;
        for (int i = 0; i < _hash.Length; i++) different |= _hash.Span[i] ^ other[i];
        return different == 0;
    }
}
