// The first 68 bytes in each direction (BEP 3):
//   1 byte 19 | "BitTorrent protocol" | 8 reserved bytes of feature bits | info-hash | peer id
// A session feeds on a prefix too: the first 48 bytes already name the torrent.
using System.Buffers;
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>What a peer says first. Bits we do not know are ignored.</summary>
/// <param name="SupportsFast">BEP 6: have-all/none, reject, allowed-fast, suggest.</param>
/// <param name="SupportsExtensions">BEP 10: message 20.</param>
readonly record struct Handshake(InfoHash InfoHash, PeerId PeerId, bool SupportsFast, bool SupportsExtensions)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 68;

    const int ReservedAt = 20;
    const int InfoHashAt = 28;
    const int PeerIdAt = 48;

    static ReadOnlySpan<byte> Protocol => "\u0013BitTorrent protocol"u8;

    /// <summary>InvalidData as soon as a byte differs from the protocol's name, so that other protocols are not waited for.</summary>
    public static OperationStatus TryRead(ReadOnlySpan<byte> input, out Handshake handshake)
    {
        handshake = default;
        int known = Math.Min(input.Length, Protocol.Length);
        if (!input[..known].SequenceEqual(Protocol[..known])) return OperationStatus.InvalidData;
        if (input.Length < Size) return OperationStatus.NeedMoreData;

        handshake = new Handshake(
            new InfoHash(input.Slice(InfoHashAt, InfoHash.Size)),
            new PeerId(input.Slice(PeerIdAt, PeerId.Size)),
            SupportsFast: (input[ReservedAt + 7] & 0x04) != 0,
            SupportsExtensions: (input[ReservedAt + 5] & 0x10) != 0);
        return OperationStatus.Done;
    }

    /// <param name="output">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> output)
    {
        output[..Size].Clear();
        Protocol.CopyTo(output);
        if (SupportsExtensions) output[ReservedAt + 5] |= 0x10;
        if (SupportsFast) output[ReservedAt + 7] |= 0x04;
        InfoHash.Bytes.CopyTo(output[InfoHashAt..]);
        PeerId.Bytes.CopyTo(output[PeerIdAt..]);
    }
}
