// The monitor around one torrent's swarm: each public method takes the one lock once, decides, queues what is to be sent
// and returns. Inside the lock there is no I/O, no waiting and no callback. Lock order: Torrent, then Outbox, never back.
// The decisions are in Download, Upload, PiecePicker, Choker and PeerList; here is who asks whom.
using System.Diagnostics;
using System.Net;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class Torrent
{
    /// <summary>A peer that says nothing for so long is gone; keep-alives come every two minutes (BEP 3).</summary>
    static readonly TimeSpan s_silence = TimeSpan.FromSeconds(150), s_keepAlive = TimeSpan.FromSeconds(100);

    /// <summary>Connections made within this time may have crossed.</summary>
    static readonly TimeSpan s_crossing = TimeSpan.FromSeconds(5);

    static readonly string s_clientName = $"tinytorrent/{typeof(Torrent).Assembly.GetName().Version?.ToString(3)}";

    readonly Lock _gate = new();
    readonly List<Peer> _peers = [];
    readonly PiecePicker _picker;
    readonly Download _download;
    readonly Upload _upload;
    readonly PeerList _candidates;
    readonly IDisk _disk;
    readonly PeerId _ownId;
    readonly int _listenPort;
    readonly long _wanted;
    RateMeter _down, _up;
    bool _completed, _closed;

    /// <param name="picker">Already told what is on disk and what is wanted.</param>
    /// <param name="listenPort">Told to peers (BEP 10); 0 if we accept no connections.</param>
    public Torrent(in InfoHash infoHash, Geometry geometry, PiecePicker picker, IDisk disk, PeerId ownId, int listenPort, Random random)
    {
        InfoHash = infoHash;
        Geometry = geometry;
        _picker = picker;
        _disk = disk;
        _ownId = ownId;
        _listenPort = listenPort;
        _candidates = new PeerList(random);
        _download = new Download(picker, _peers);
        _upload = new Upload(geometry, infoHash, picker, _peers, random);
        _wanted = picker.Left + geometry.BytesOf(picker.Have);
        _completed = picker.IsComplete;
    }

    public InfoHash InfoHash { get; }
    public Geometry Geometry { get; }

    /// <summary>What we open a connection with.</summary>
    public Handshake Hello => new(InfoHash, _ownId, SupportsFast: true, SupportsExtensions: true);

    /// <summary>Raised once, outside the lock, when everything wanted is verified; not if it was so from the start.</summary>
    public event Action? Completed;

    /// <summary>Raised outside the lock when a peer's handshake was accepted (true) or its connection has ended (false).</summary>
    public event Action<IPEndPoint, bool>? PeerChanged;

    /// <summary>Raised outside the lock when a piece's hash was wrong.</summary>
    public event Action<int>? PieceFailed;

    /// <summary>True if the piece is verified.</summary>
    public bool Has(int piece)
    {
        lock (_gate) return _picker.Have[piece];
    }

    /// <summary>Wants pieces before all others and in order, or no longer so; those that are not wanted at all stay so.</summary>
    public void SetUrgent(int first, int count, bool urgent)
    {
        lock (_gate)
        {
            _picker.IsRead = urgent;
            for (int piece = first; piece < first + count; piece++)
                if (_picker.Needed[piece]) _picker.SetPriority(piece, urgent ? PiecePriority.High : PiecePriority.Normal);
        }
    }

    /// <summary>Nobody is connected, and everybody we know of has failed to answer.</summary>
    public bool IsStranded { get { lock (_gate) return _peers.Count == 0 && !_candidates.HasUntried; } }

    /// <summary>There is an address to try, at this time or later.</summary>
    public bool KnowsPeers { get { lock (_gate) return _candidates.Count > 0; } }

    public TorrentStats Stats
    {
        get
        {
            lock (_gate)
            {
                return new TorrentStats(
                    _wanted, _picker.Left, Geometry.TotalLength - Geometry.BytesOf(_picker.Have), _download.Received, _upload.Sent, _download.Wasted,
                    _down.PerSecond, _peers.Count, _peers.Count(p => p.IsSeed), _download.PeersCompleted,
                    _download.FailedPieces, _picker.IsComplete);
            }
        }
    }

    /// <summary>Copies what is verified, and the blocks on disk of what is not: what a resume file keeps.</summary>
    public (Bitfield Have, List<(int Piece, Bitfield Blocks)> Begun) CopyState()
    {
        lock (_gate)
        {
            var have = new Bitfield(Geometry.PieceCount);
            have.TryLoad(_picker.Have.Bytes);
            return (have, [.. _picker.WrittenBlocks()]);
        }
    }

    /// <summary>Peers to try, from a tracker or the user.</summary>
    public void AddCandidates(IReadOnlyList<IPEndPoint> peers)
    {
        lock (_gate)
        {
            foreach (IPEndPoint peer in peers) _candidates.Add(peer);
        }
    }

    /// <summary>The next peer worth a connection at this moment, or null. Its dial must be reported.</summary>
    public IPEndPoint? NextToDial(TimeSpan now)
    {
        lock (_gate) return _candidates.NextToDial(now);
    }

    /// <summary>A peer named by the user is being dialled, which <see cref="NextToDial"/> did not ask for.</summary>
    public void OnDialling(IPEndPoint peer)
    {
        lock (_gate) _candidates.OnDialing(peer);
    }

    public void OnDialFailed(IPEndPoint peer, TimeSpan now)
    {
        lock (_gate) _candidates.OnDialFailed(peer, now);
    }

    /// <summary>The dial ended for a reason of ours: the peer is as good as before.</summary>
    public void OnDialGivenUp(IPEndPoint peer, TimeSpan now)
    {
        lock (_gate) _candidates.OnDialGivenUp(peer, now);
    }

    /// <summary>A handshake came. Null if the peer is not wanted: it is banned, it is ourselves, or it is connected already.</summary>
    /// <param name="dialled">We opened the connection, and have sent our handshake.</param>
    public IPeerEvents? Admit(PeerSession session, in Handshake handshake, IPEndPoint address, bool dialled, TimeSpan now)
    {
        Peer peer;
        lock (_gate)
        {
            if (_closed || handshake.InfoHash != InfoHash || _candidates.IsBanned(address)) return null;
            if (handshake.PeerId == _ownId)
            {
                if (dialled) _candidates.OnOwnAddress(address);
                return null;
            }
            foreach (Peer other in _peers)
            {
                if (other.Handshake.PeerId != handshake.PeerId) continue;
                if (!Supersedes(other, address, dialled, now))
                {
                    if (dialled) OnListensAt(other, address);
                    return null;
                }
                other.ListensAt = null; // the new connection has it
                other.Outbox.Close();
            }

            peer = new Peer
            {
                Session = session,
                Address = address,
                IsIncoming = !dialled,
                ListensAt = dialled ? address : null,
                Connected = now,
                Handshake = handshake,
                Choke = new ChokerPeer(now),
                LastHeard = now,
                LastSent = now,
            };
            peer.Pieces = _picker.Add(peer, answersCancels: peer.Fast, PeerList.OriginOf(address));
            _peers.Add(peer);
            if (dialled) _candidates.OnConnected(address);
            else session.Outbox.SendHandshake(Hello);
            SendExtended(peer);
            _upload.Greet(peer);
            _download.OnGreeted(peer);
        }
        PeerChanged?.Invoke(address, true);
        return new PeerLink(this, _disk, peer);
    }

    /// <summary>
    /// Two that dial each other at the same time have two connections, and must agree which one stays: the one that the
    /// greater peer id has opened.
    /// </summary>
    bool Supersedes(Peer other, IPEndPoint address, bool dialled, TimeSpan now) =>
        other.IsIncoming == dialled && now - other.Connected < s_crossing && other.Address.Address.Equals(address.Address)
        && dialled == _ownId.Bytes.SequenceCompareTo(other.Handshake.PeerId.Bytes) > 0;

    /// <summary>We have learned where a peer listens that connected to us: it is not dialled while it is here.</summary>
    void OnListensAt(Peer peer, IPEndPoint address)
    {
        if (peer.ListensAt is null && _candidates.OnConnected(address)) peer.ListensAt = address;
    }

    void SendExtended(Peer peer)
    {
        if (!peer.Handshake.SupportsExtensions) return;
        var extended = new ExtendedHandshake(s_clientName, _listenPort, Outbox.MaxBlocks, UploadOnly: _picker.IsComplete);
        peer.Outbox.Send(MessageId.Extended, extended.Write());
    }

    internal bool OnMessage(Peer peer, in PeerMessage message, TimeSpan now)
    {
        if (!message.IsAbout(Geometry)) return false; // the border: nobody behind here looks again
        if (message.Id == MessageId.Extended) return OnExtended(peer, message.Payload);
        lock (_gate)
        {
            switch (message.Id)
            {
                case MessageId.KeepAlive:
                    return true;
                case MessageId.Interested or MessageId.NotInterested or MessageId.Request or MessageId.Cancel:
                    return _upload.OnMessage(peer, message, now);
                default:
                    return _download.OnMessage(peer, message, now);
            }
        }
    }

    bool OnExtended(Peer peer, ReadOnlySpan<byte> payload)
    {
        // Decoded outside the lock: it may be long. One that is broken tells us nothing; the peer is as good without.
        bool isWhole = ExtendedHandshake.TryRead(ExtendedHandshake.DictionaryIn(payload), out ExtendedHandshake extended);
        lock (_gate)
        {
            bool endures = !peer.HasSaidExtended || peer.Endures(Peer.UselessHandshake);
            peer.HasSaidExtended = true;
            if (!isWhole) return endures;
            peer.Extended = extended;
            if (extended.ListenPort > 0) OnListensAt(peer, new IPEndPoint(peer.Address.Address, extended.ListenPort));
            if (extended.MaxRequests > 0) peer.Pipeline.PeerLimit = extended.MaxRequests;
            return endures;
        }
    }

    internal bool OnBlock(Peer peer, in BlockRef block, TimeSpan now, out bool keep)
    {
        keep = false;
        if (!Geometry.ContainsBlock(block) || peer.IsBanned) return false;
        lock (_gate)
        {
            _down.Add(block.Length);
            return _download.OnBlock(peer, block, now, out keep);
        }
    }

    internal bool OnReceived(Peer peer, TimeSpan now)
    {
        lock (_gate)
        {
            peer.LastHeard = now;
            _download.Request(peer, now);
            if (IsUseless(peer)) Part(peer);
            return true;
        }
    }

    /// <summary>Two that have everything have nothing to say to each other.</summary>
    bool IsUseless(Peer peer) => _picker.IsComplete && (peer.IsSeed || peer.Extended.UploadOnly) && _picker.Have.IsFull;

    /// <summary>Not before the peer knows what we have.</summary>
    void Part(Peer peer)
    {
        _download.Tell(peer);
        if (!peer.IsBehind) peer.Outbox.Finish();
        else peer.Outbox.Flush();
    }

    /// <summary>Blocks of one receive have been written, or not. Complete pieces go into <paramref name="complete"/>, to be hashed.</summary>
    internal void OnStored(Peer peer, IReadOnlyList<ReceivedBlock> blocks, int from, int to, bool written, List<int> complete)
    {
        lock (_gate)
        {
            peer.IsPaused |= !written;
            for (int i = from; i < to; i++)
            {
                if (!written) _picker.OnWriteFailed(blocks[i].Block);
                else if (_picker.OnWritten(blocks[i].Block)) complete.Add(blocks[i].Block.Piece);
            }
        }
    }

    /// <summary>The answer to <see cref="IDisk.Verify"/>.</summary>
    public void OnPieceHashed(int piece, bool matches, TimeSpan now)
    {
        bool isEvidence, completed = false;
        lock (_gate) isEvidence = _picker.IsEvidence(piece, matches);
        byte[]? hashes = isEvidence ? _disk.HashBlocks(piece) : null;
        lock (_gate)
        {
            _download.OnHashed(piece, matches, hashes, now);
            foreach (IPEndPoint origin in _download.Guilty) _candidates.Ban(origin);
            if (_picker.IsComplete && !_completed)
            {
                completed = _completed = true;
                foreach (Peer peer in _peers)
                {
                    SendExtended(peer); // we want nothing more (BEP 21)
                    if (IsUseless(peer)) Part(peer);
                    else peer.Outbox.Flush();
                }
            }
            Check();
        }
        if (!matches) PieceFailed?.Invoke(piece);
        if (completed) Completed?.Invoke();
    }

    internal void OnSent(Peer peer, int blockBytes, TimeSpan now)
    {
        lock (_gate)
        {
            peer.LastSent = now;
            peer.Up.Add(blockBytes);
            _up.Add(blockBytes);
            _upload.Sent += blockBytes;
            if (!peer.IsBehind) return;
            if (IsUseless(peer)) Part(peer);
            else _download.Tell(peer);
        }
    }

    internal void OnClosed(Peer peer, TimeSpan now)
    {
        lock (_gate)
        {
            _peers.Remove(peer);
            _picker.Remove(peer.Pieces);
            _upload.OnClosed(peer);
            if (peer.ListensAt is { } address) _candidates.OnClosed(address, useful: peer.Down.Total > 0 || peer.Up.Total > 0, now);
            _download.RequestAll(now);
            Check();
        }
        PeerChanged?.Invoke(peer.Address, false);
    }

    /// <summary>Once a second.</summary>
    public void Tick(TimeSpan now)
    {
        lock (_gate)
        {
            _down.Update(now);
            _up.Update(now);
            foreach (Peer peer in _peers)
            {
                peer.Down.Update(now);
                peer.Up.Update(now);
                peer.Forgive();
                if (now - peer.LastHeard > s_silence) peer.Outbox.Close();
                else if (now - peer.LastSent > s_keepAlive) KeepAlive(peer, now);
            }
            _download.Tick(now, _down.PerSecond);
            _upload.Tick(now, seeding: _picker.IsComplete, _up.PerSecond);
            Check();
        }
    }

    static void KeepAlive(Peer peer, TimeSpan now)
    {
        peer.LastSent = now;
        peer.Outbox.SendKeepAlive();
    }

    /// <summary>Ends every connection, and admits no more.</summary>
    public void CloseAll()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (Peer peer in _peers) peer.Outbox.Close();
        }
    }

    [Conditional("CHECKED")]
    void Check() => _picker.CheckInvariants();
}
