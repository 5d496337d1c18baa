// Framing and field layout of the peer protocol (BEP 3, BEP 6, BEP 10). Pure functions over spans: nothing here
// allocates, keeps state or throws. A length prefix is judged as soon as it and the id are there, before the body is
// buffered: an unlimited prefix lets anyone with the info-hash fill our memory.
using System.Buffers;
using System.Buffers.Binary;
using TinyTorrent.Types;

namespace TinyTorrent.Wire;

/// <summary>One decoded message: a view over the receive buffer, valid only until the next receive.</summary>
readonly ref struct PeerMessage(MessageId id, int piece, int begin, int length, ReadOnlySpan<byte> payload)
{
    /// <summary>Bytes of the length prefix.</summary>
    public const int PrefixLength = 4;

    /// <summary>Bytes before the block in a piece message: prefix, id, piece, begin.</summary>
    public const int PieceHeaderLength = 13;

    /// <summary>Bytes of the longest extended handshake, the one extended message that is for us. Real ones have some hundred.</summary>
    public const int MaxExtendedLength = 64 << 10;

    /// <summary>Bytes of the longest message that is skipped. With a longer one the stream is something other than BitTorrent.</summary>
    public const int MaxSkippedLength = 1 << 20;

    public MessageId Id { get; } = id;
    public int Piece { get; } = piece;
    public int Begin { get; } = begin;

    /// <summary>Bytes asked for, or bytes in <see cref="Payload"/>.</summary>
    public int Length { get; } = length;

    /// <summary>Block, bitfield or extended payload; empty otherwise.</summary>
    public ReadOnlySpan<byte> Payload { get; } = payload;

    public BlockRef Block => new(Piece, Begin, Length);

    /// <summary>
    /// The whole frame's length, prefix included. NeedMoreData until prefix and id are there;
    /// InvalidData if no message of this id may be so long.
    /// </summary>
    /// <param name="pieceCount">Pieces in the torrent: a bitfield has exactly one length. 0 while they are not known.</param>
    public static OperationStatus TryReadFrameLength(ReadOnlySpan<byte> input, int pieceCount, out int frame)
    {
        frame = 0;
        if (input.Length < PrefixLength) return OperationStatus.NeedMoreData;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(input);
        if (length == 0)
        {
            frame = PrefixLength;
            return OperationStatus.Done;
        }
        if (length > int.MaxValue - PrefixLength) return OperationStatus.InvalidData;
        if (input.Length == PrefixLength) return OperationStatus.NeedMoreData;

        frame = PrefixLength + (int)length;
        return IsLegalLength((MessageId)input[PrefixLength], (int)length - 1, pieceCount) ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    /// <param name="body">Bytes after the id.</param>
    static bool IsLegalLength(MessageId id, int body, int pieceCount) => id switch
    {
        MessageId.Choke or MessageId.Unchoke or MessageId.Interested or MessageId.NotInterested => body == 0,
        MessageId.HaveAll or MessageId.HaveNone => body == 0,
        MessageId.Have or MessageId.SuggestPiece or MessageId.AllowedFast => body == 4,
        MessageId.Request or MessageId.Cancel or MessageId.RejectRequest => body == 12,
        MessageId.Port => body == 2,
        MessageId.Bitfield => pieceCount > 0 ? body == Bitfield.BytesFor(pieceCount) : body <= Bitfield.BytesFor(Geometry.MaxPieceCount),
        MessageId.Piece => body is > 8 and <= 8 + Geometry.BlockLength,
        MessageId.Extended => body <= MaxExtendedLength, // one without an extended id says nothing, and is no reason to hang up
        _ => body <= MaxSkippedLength,
    };

    /// <summary>
    /// True if nobody reads a message of this kind: its bytes are dropped as they come and never buffered. That unknown ids are
    /// skipped is how extensions stay compatible; of the extended messages we have asked for none but the handshake.
    /// </summary>
    /// <param name="id">After the length prefix.</param>
    /// <param name="body">What has come of the bytes after the id.</param>
    public static bool IsSkipped(MessageId id, ReadOnlySpan<byte> body) => id switch
    {
        <= MessageId.Port or (>= MessageId.SuggestPiece and <= MessageId.AllowedFast) => false,
        MessageId.Extended => !body.IsEmpty && body[0] != ExtendedHandshake.Id,
        _ => true,
    };

    /// <summary>Decodes one whole frame whose length <see cref="TryReadFrameLength"/> has accepted.</summary>
    public static PeerMessage Read(ReadOnlySpan<byte> frame)
    {
        if (frame.Length == PrefixLength) return new PeerMessage(MessageId.KeepAlive, 0, 0, 0, default);

        var id = (MessageId)frame[PrefixLength];
        ReadOnlySpan<byte> body = frame[(PrefixLength + 1)..];
        return id switch
        {
            MessageId.Have or MessageId.SuggestPiece or MessageId.AllowedFast => new PeerMessage(id, Int(body, 0), 0, 0, default),
            MessageId.Request or MessageId.Cancel or MessageId.RejectRequest => new PeerMessage(id, Int(body, 0), Int(body, 4), Int(body, 8), default),
            MessageId.Piece => new PeerMessage(id, Int(body, 0), Int(body, 4), body.Length - 8, body[8..]),
            _ => new PeerMessage(id, 0, 0, body.Length, body),
        };
    }

    /// <summary>True if the piece or block the message names exists in the torrent. Raw numbers go no further than this.</summary>
    public bool IsAbout(in Geometry geometry) => Id switch
    {
        MessageId.Have or MessageId.SuggestPiece or MessageId.AllowedFast => (uint)Piece < (uint)geometry.PieceCount,
        MessageId.Request or MessageId.Cancel or MessageId.RejectRequest or MessageId.Piece => geometry.ContainsBlock(Block),
        _ => true,
    };

    /// <summary>A message without a body: 5 bytes.</summary>
    public static int Write(Span<byte> output, MessageId id)
    {
        BinaryPrimitives.WriteInt32BigEndian(output, 1);
        output[PrefixLength] = (byte)id;
        return 5;
    }

    /// <summary>Have, suggest or allowed-fast: 9 bytes.</summary>
    public static int Write(Span<byte> output, MessageId id, int piece)
    {
        BinaryPrimitives.WriteInt32BigEndian(output, 5);
        output[PrefixLength] = (byte)id;
        BinaryPrimitives.WriteInt32BigEndian(output[5..], piece);
        return 9;
    }

    /// <summary>Request, cancel or reject: 17 bytes.</summary>
    public static int Write(Span<byte> output, MessageId id, in BlockRef block)
    {
        BinaryPrimitives.WriteInt32BigEndian(output, 13);
        output[PrefixLength] = (byte)id;
        BinaryPrimitives.WriteInt32BigEndian(output[5..], block.Piece);
        BinaryPrimitives.WriteInt32BigEndian(output[9..], block.Begin);
        BinaryPrimitives.WriteInt32BigEndian(output[13..], block.Length);
        return 17;
    }

    /// <summary>Bitfield or extended message: 5 bytes and the payload.</summary>
    public static int Write(Span<byte> output, MessageId id, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteInt32BigEndian(output, 1 + payload.Length);
        output[PrefixLength] = (byte)id;
        payload.CopyTo(output[5..]);
        return 5 + payload.Length;
    }

    /// <summary>What precedes the bytes of a block: <see cref="PieceHeaderLength"/> bytes.</summary>
    public static void WritePieceHeader(Span<byte> output, in BlockRef block)
    {
        BinaryPrimitives.WriteInt32BigEndian(output, 9 + block.Length);
        output[PrefixLength] = (byte)MessageId.Piece;
        BinaryPrimitives.WriteInt32BigEndian(output[5..], block.Piece);
        BinaryPrimitives.WriteInt32BigEndian(output[9..], block.Begin);
    }

    static int Int(ReadOnlySpan<byte> body, int at) => BinaryPrimitives.ReadInt32BigEndian(body[at..]);
}
