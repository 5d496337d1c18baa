// The pieces a peer may ask for while it is choked (BEP 6): a newcomer without anything to offer gets started. Computed
// from its address, so that reconnecting wins it nothing.
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using TinyTorrent.Hashing;
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

static class AllowedFast
{
    /// <summary>Pieces a peer is granted, and the number of pieces below which it still counts as a newcomer.</summary>
    public const int Count = 10;

    /// <summary>The granted pieces in the order of the specification; none for IPv6, for which it defines nothing.</summary>
    public static int[] Pieces(IPAddress address, in InfoHash infoHash, int pieceCount, int count = Count)
    {
        address = CompactPeers.Unmap(address);
        if (address.AddressFamily != AddressFamily.InterNetwork) return [];

        Span<byte> x = stackalloc byte[4 + InfoHash.Size];
        address.TryWriteBytes(x, out _);
        x[3] = 0; // the whole /24 is granted the same
        infoHash.Bytes.CopyTo(x[4..]);

        var pieces = new List<int>(Math.Min(count, pieceCount));
        Span<byte> digest = stackalloc byte[InfoHash.Size];
        while (pieces.Count < Math.Min(count, pieceCount))
        {
            Sha1.Hash(x, digest);
            for (int i = 0; i < InfoHash.Size && pieces.Count < Math.Min(count, pieceCount); i += 4)
            {
                int piece = (int)(BinaryPrimitives.ReadUInt32BigEndian(digest[i..]) % (uint)pieceCount);
                if (!pieces.Contains(piece)) pieces.Add(piece);
            }
            x = x[..InfoHash.Size];
            digest.CopyTo(x);
        }
        return [.. pieces];
    }
}
