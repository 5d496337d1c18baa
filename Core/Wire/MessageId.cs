namespace TinyTorrent.Wire;

/// <summary>The first byte of a message after its length prefix (BEP 3, BEP 5, BEP 6, BEP 10).</summary>
enum MessageId : byte
{
    Choke = 0,
    Unchoke = 1,
    Interested = 2,
    NotInterested = 3,
    Have = 4,
    Bitfield = 5,
    Request = 6,
    Piece = 7,
    Cancel = 8,
    Port = 9,
    SuggestPiece = 13,
    HaveAll = 14,
    HaveNone = 15,
    RejectRequest = 16,
    AllowedFast = 17,
    Extended = 20,

    /// <summary>A zero length prefix has no id on the wire; this one stands for it.</summary>
    KeepAlive = 255,
}
