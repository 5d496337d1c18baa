// Where a peer listens, exactly as it travels in compact answers (BEP 23, BEP 7): a swarm keeps these bytes and copies them
// out, it never converts. Mix is keyed, because strangers choose addresses and ports and must not choose where they land.
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>An address and a port of one family, in wire order.</summary>
interface IEndpoint<TSelf> : IEquatable<TSelf>
    where TSelf : unmanaged, IEndpoint<TSelf>
{
    /// <summary>64 well-mixed bits that cannot be foreseen without the key.</summary>
    ulong Mix(ulong key);

    /// <summary>How near another address is: 32 for the same host, else the bits both networks begin with, of 32 (IPv6: of 64, halved).</summary>
    byte NearnessTo(in TSelf other);

    /// <summary>Where an endpoint stands among others, or -1.</summary>
    static abstract int IndexIn(ReadOnlySpan<TSelf> endpoints, in TSelf wanted);
}

static class Endpoint
{
    /// <param name="address">4 bytes for <see cref="Endpoint4"/>, 16 for <see cref="Endpoint6"/>.</param>
    public static TEndpoint Pack<TEndpoint>(ReadOnlySpan<byte> address, ushort port)
        where TEndpoint : unmanaged, IEndpoint<TEndpoint>
    {
        Span<byte> bytes = stackalloc byte[CompactPeers.Size6];
        address.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[address.Length..], port);
        return MemoryMarshal.Read<TEndpoint>(bytes);
    }

    /// <summary>The two halves of a 128-bit product folded together: one multiplication that moves every bit.</summary>
    public static ulong Fold(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }
}

/// <summary>6 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
readonly struct Endpoint4 : IEndpoint<Endpoint4>
{
    readonly uint _address;
    readonly ushort _port;

    public ulong Mix(ulong key) => Endpoint.Fold((_address | ((ulong)_port << 32)) ^ key, 0x9e3779b97f4a7c15);

    public byte NearnessTo(in Endpoint4 other) => (byte)BitOperations.LeadingZeroCount(BinaryPrimitives.ReverseEndianness(_address ^ other._address));

    /// <summary>Eight at a time: three vectors of words, each against the wanted words from another of the three on.</summary>
    public static int IndexIn(ReadOnlySpan<Endpoint4> endpoints, in Endpoint4 wanted)
    {
        const int step = 8;
        const ulong firstWords = 0x41041041041; // of two bits a word and three words an endpoint
        ReadOnlySpan<ushort> wantedWords = MemoryMarshal.Cast<Endpoint4, ushort>(new ReadOnlySpan<Endpoint4>(in wanted));
        ushort a = wantedWords[0], b = wantedWords[1], c = wantedWords[2];
        Vector128<ushort> first = Vector128.Create(a, b, c, a, b, c, a, b), second = Vector128.Create(c, a, b, c, a, b, c, a);
        Vector128<ushort> third = Vector128.Create(b, c, a, b, c, a, b, c);
        int i = 0;
        for (; i + step <= endpoints.Length; i += step)
        {
            ReadOnlySpan<ushort> words = MemoryMarshal.Cast<Endpoint4, ushort>(endpoints.Slice(i, step));
            ulong equal = Equal(words, first) | Equal(words[8..], second) << 16 | Equal(words[16..], third) << 32;
            equal &= equal >> 2 & equal >> 4 & firstWords;
            if (equal != 0) return i + BitOperations.TrailingZeroCount(equal) / 6;
        }
        for (; i < endpoints.Length; i++)
            if (endpoints[i].Equals(wanted)) return i;
        return -1;

        static ulong Equal(ReadOnlySpan<ushort> words, Vector128<ushort> wanted) =>
            Vector128.Equals(Vector128.Create(words), wanted).AsByte().ExtractMostSignificantBits();
    }

    public bool Equals(Endpoint4 other) => _address == other._address && _port == other._port;
    public override bool Equals(object? obj) => obj is Endpoint4 other && Equals(other);
    public override int GetHashCode() => (int)Mix(0);
}

/// <summary>18 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
readonly struct Endpoint6 : IEndpoint<Endpoint6>
{
    readonly ulong _network, _host;
    readonly ushort _port;

    public ulong Mix(ulong key) =>
        Endpoint.Fold(Endpoint.Fold(_network ^ key, 0x9e3779b97f4a7c15) ^ _host, ((ulong)_port << 32) ^ key);

    public byte NearnessTo(in Endpoint6 other) => _network == other._network
        ? (byte)(_host == other._host ? 32 : 31)
        : (byte)(BitOperations.LeadingZeroCount(BinaryPrimitives.ReverseEndianness(_network ^ other._network)) / 2);

    public static int IndexIn(ReadOnlySpan<Endpoint6> endpoints, in Endpoint6 wanted) => endpoints.IndexOf(wanted);

    public bool Equals(Endpoint6 other) => _network == other._network && _host == other._host && _port == other._port;
    public override bool Equals(object? obj) => obj is Endpoint6 other && Equals(other);
    public override int GetHashCode() => (int)Mix(0x9e3779b97f4a7c15);
}
