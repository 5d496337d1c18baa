// What liars say about blocks and pieces that were asked for, were not, or do not exist. Most of it is within range: what is not
// ends the connection, and with it the lie.
using System.Buffers;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Simulation;

static class Nonsense
{
    // Of a peer that babbles.
    const int AtOnce = 4000;

    /// <summary>Whole frames, or null if the lie is another one.</summary>
    public static byte[]? Of(Lie lie, Random random, Geometry geometry, IReadOnlyList<BlockRef> asked)
    {
        var output = new ArrayBufferWriter<byte>();
        switch (lie)
        {
            case Lie.RejectsAnything:
                for (int i = random.Next(8); i > 0; i--) Ask(MessageId.RejectRequest, Block());
                break;
            case Lie.ChokesAndSendsGarbage:
                Say(MessageId.Choke);
                Say(MessageId.Unchoke);
                break;
            case Lie.CancelsAnything:
                for (int i = random.Next(20); i > 0; i--) Ask(random.Next(3) == 0 ? MessageId.Request : MessageId.Cancel, Block());
                break;
            case Lie.SuggestsAndAllowsAnything:
                for (int i = random.Next(20); i > 0; i--) Name(random.Next(2) == 0 ? MessageId.SuggestPiece : MessageId.AllowedFast, Piece());
                Say(random.Next(3) == 0 ? MessageId.Choke : MessageId.Unchoke);
                break;
            case Lie.RepeatsItself:
                Extended();
                break;
            case Lie.Babbles:
                for (int i = 0; i < AtOnce; i++) Babble(i);
                break;
            default:
                return null;
        }
        return output.WrittenSpan.ToArray();

        bool IsOdd() => random.Next(40) == 0;

        int Piece() => IsOdd() ? random.Next(-1, 1) * int.MaxValue : random.Next(geometry.PieceCount);

        BlockRef Block()
        {
            if (IsOdd()) return random.Next(2) == 0 ? default : new BlockRef(random.Next(-1, 2), random.Next(-1, 2), random.Next(-1, 2));
            if (asked.Count > 0 && random.Next(2) == 0) return asked[^random.Next(1, Math.Min(asked.Count, 8) + 1)];
            int piece = random.Next(geometry.PieceCount);
            return geometry.Block(piece, random.Next(geometry.BlocksIn(piece)));
        }

        void Babble(int i)
        {
            switch (i % 4)
            {
                case 0: Say(MessageId.Interested); break;
                case 1: Say(MessageId.Unchoke); break;
                case 2: Ask(MessageId.Cancel, geometry.Block(0, 0)); break;
                default: Write(MessageId.Bitfield, new byte[Bitfield.BytesFor(geometry.PieceCount)]); break;
            }
        }

        void Extended() => Write(MessageId.Extended, random.Next(4) switch
        {
            0 => "\0junk"u8,
            1 => "\0d1:pi6881e4:reqqi1e11:upload_onlyi1ee"u8,
            2 => [0, .. "d1:v4000:"u8, .. new byte[4000], (byte)'e'],
            _ => "\0"u8,
        });

        void Say(MessageId id) => output.Advance(PeerMessage.Write(output.GetSpan(5), id));
        void Name(MessageId id, int piece) => output.Advance(PeerMessage.Write(output.GetSpan(9), id, piece));
        void Ask(MessageId id, BlockRef block) => output.Advance(PeerMessage.Write(output.GetSpan(17), id, block));
        void Write(MessageId id, ReadOnlySpan<byte> payload) => output.Advance(PeerMessage.Write(output.GetSpan(5 + payload.Length), id, payload));
    }
}
