// Shakes hands with a peer and listens for a moment: who is it, what does it speak, what does it have? Nothing is asked for
// or sent. One probe is one task; a PeerSession decodes, this class takes notes.
using System.Net;
using System.Net.Sockets;
using System.Text;
using TinyTorrent.Bencode;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Net;

/// <summary>What a peer says of itself. All texts are its own: show them through Display.Safe.</summary>
/// <param name="Problem">Why nothing is known of it; null if it shook hands.</param>
sealed record PeerFacts(IPEndPoint Address, string? Problem)
{
    public PeerId PeerId { get; init; }

    /// <summary>Name and version, or null if it told none that is understood.</summary>
    public string? Client { get; init; }

    /// <summary>Names of BEP 10 extensions, and <c>fast</c> (BEP 6).</summary>
    public IReadOnlyList<string> Extensions { get; init; } = [];

    /// <summary>Pieces it has; null if it did not tell, or their number in the torrent is not known.</summary>
    public int? Pieces { get; init; }
}

sealed class PeerProbe(int pieceCount) : IPeerEvents
{
    const int MaxExtensions = 30, MaxNameLength = 40;

    static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(5), AnswerPatience = TimeSpan.FromSeconds(5), ListenPatience = TimeSpan.FromSeconds(2);

    readonly List<string> _extensions = [];
    readonly Bitfield _pieces = new(pieceCount);
    Handshake _handshake;
    string? _client;
    bool _toldPieces, _toldExtensions;

    public int PieceCount => pieceCount;

    bool IsDone => _toldExtensions && (_toldPieces || pieceCount == 0);

    /// <param name="us">The handshake to send.</param>
    /// <param name="pieceCount">0 if the torrent's description is not known.</param>
    public static async Task<PeerFacts> AskAsync(IPEndPoint peer, Handshake us, string client, int pieceCount, CancellationToken cancel)
    {
        var probe = new PeerProbe(pieceCount);
        var session = new PeerSession((PeerSession _, in Handshake handshake) => probe.Admit(us, handshake));
        string? problem = null;
        try
        {
            using Socket socket = PeerSocket.Create(peer);
            problem = await probe.ListenAsync(socket, peer, session, us, client, cancel).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            if (!session.IsEstablished) problem = e.Message;
        }
        session.Closed(default);
        return problem is null ? probe.Facts(peer) : new PeerFacts(peer, problem);
    }

    /// <returns>Why it did not shake hands; null if it did.</returns>
    async Task<string?> ListenAsync(Socket socket, IPEndPoint peer, PeerSession session, Handshake us, string client, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            patience.CancelAfter(ConnectPatience);
            await socket.ConnectAsync(peer, patience.Token).ConfigureAwait(false);
            patience.CancelAfter(AnswerPatience);
            session.Outbox.SendHandshake(us);
            for (bool alive = true; alive && !IsDone;)
            {
                if (session.Take() > 0)
                {
                    ReadOnlyMemory<byte> output = session.TakeOutput();
                    await socket.SendAsync(output, patience.Token).ConfigureAwait(false);
                    session.Sent(output.Length, default);
                    continue;
                }
                bool before = session.IsEstablished;
                alive = session.Received(await socket.ReceiveAsync(session.ReceiveBuffer, patience.Token).ConfigureAwait(false), default);
                if (before || !session.IsEstablished) continue;
                patience.CancelAfter(ListenPatience);
                if (_handshake.SupportsExtensions)
                    session.Outbox.Send(MessageId.Extended, new ExtendedHandshake(client, 0, Outbox.MaxBlocks, UploadOnly: false).Write());
                else _toldExtensions = true;
            }
            return session.IsEstablished ? null : "closed the connection instead of shaking hands";
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return session.IsEstablished ? null : socket.Connected ? "connected, but did not shake hands" : "no connection in time";
        }
    }

    PeerProbe? Admit(in Handshake us, in Handshake them)
    {
        if (them.InfoHash != us.InfoHash || them.PeerId == us.PeerId) return null;
        _handshake = them;
        if (them.SupportsFast) _extensions.Add("fast");
        return this;
    }

    PeerFacts Facts(IPEndPoint peer) => new(peer, null)
    {
        PeerId = _handshake.PeerId,
        Client = _client ?? ClientName.From(_handshake.PeerId),
        Extensions = _extensions,
        Pieces = _toldPieces && pieceCount > 0 ? _pieces.Count : null,
    };

    public bool OnMessage(in PeerMessage message, TimeSpan now)
    {
        switch (message.Id)
        {
            case MessageId.Bitfield:
                if (pieceCount == 0) return true; // how many pieces there are is not known
                _toldPieces = true;
                return _pieces.TryLoad(message.Payload);
            case MessageId.HaveAll:
                _toldPieces = true;
                _pieces.SetAll();
                return true;
            case MessageId.HaveNone:
                return _toldPieces = true;
            case MessageId.Have when (uint)message.Piece < (uint)pieceCount:
                _toldPieces = true;
                _pieces.Set(message.Piece);
                return true;
            case MessageId.Extended:
                ReadExtensions(ExtendedHandshake.DictionaryIn(message.Payload));
                return true;
            default:
                return true;
        }
    }

    void ReadExtensions(ReadOnlySpan<byte> dictionary)
    {
        _toldExtensions = true;
        if (ExtendedHandshake.TryRead(dictionary, out ExtendedHandshake told)) _client = told.Client;
        if (!BencodeValue.TryParsePrefix(dictionary, out BencodeValue root, out _) || !root.TryGet("m"u8, out BencodeValue extensions)) return;
        foreach (BencodeEntry extension in extensions.Entries)
        {
            if (_extensions.Count == MaxExtensions) return;
            if (extension.Value.Integer > 0) _extensions.Add(Encoding.UTF8.GetString(extension.Key[..Math.Min(extension.Key.Length, MaxNameLength)]));
        }
    }

    // A probe asks for no block and serves none: a peer that sends or wants one is left.
    public bool OnBlock(in BlockRef block, TimeSpan now, out bool keep) => keep = false;

    public bool OnReceived(TimeSpan now) => true;

    public void StoreBlocks(IReadOnlyList<ReceivedBlock> blocks) { }

    public bool ReadBlocks(ReadOnlySpan<BlockRef> blocks, Memory<byte> into, int stride) => false;

    public void OnSent(int bytes, int blockBytes, TimeSpan now) { }

    public void OnClosed(TimeSpan now) { }
}
