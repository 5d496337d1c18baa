using System.Net;
using System.Security.Cryptography;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Swarm;

/// <summary>Random events in any order, the whole state recomputed after each one.</summary>
public class PiecePickerStormTests
{
    [Fact]
    public void NoOrderOfEventsBreaksTheInvariants()
    {
        for (int seed = 0; seed < 600; seed++)
        {
            try { new Storm(seed).Run(250); }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException) { Assert.Fail($"seed {seed}: {e}"); }
        }
    }

    sealed class Storm
    {
        readonly Random _random;
        readonly Geometry _geometry;
        readonly PiecePicker _picker;
        readonly List<PeerPieces> _peers = [];
        readonly List<(BlockRef Block, PeerPieces From)> _writing = [];
        readonly HashSet<BlockRef> _held = [];
        readonly List<(BlockRef Block, PeerPieces From)> _withdrawn = [];
        readonly HashSet<(BlockRef Block, PeerPieces Of)> _asked = [];
        readonly List<int> _complete = [];
        readonly HashSet<BlockRef> _wrong = [];
        readonly Dictionary<BlockRef, IPEndPoint?> _senders = []; // of blocks held that were not restored
        readonly List<(BlockRef Block, IPEndPoint From)> _lies = []; // in pieces that failed and are not right yet
        readonly HashSet<IPEndPoint> _banned = [];
        TimeSpan _now = TimeSpan.FromSeconds(5);

        public Storm(int seed)
        {
            _random = new Random(seed);
            int pieceLength = _random.Next(4) switch { 0 => 1 << 14, 1 => 40_000, 2 => 1 << 16, _ => 300_000 };
            _geometry = new Geometry(_random.NextInt64(1, 30L * pieceLength), pieceLength);
            _picker = new PiecePicker(_geometry, _random) { Sequential = _random.Next(4) == 0 };
            for (int piece = 0; piece < _geometry.PieceCount; piece++) StartWith(piece);
            _picker.CheckInvariants();
        }

        void StartWith(int piece)
        {
            if (_random.Next(5) == 0) _picker.SetPriority(piece, (PiecePriority)_random.Next(3));
            if (_random.Next(10) == 0) _picker.MarkHave(piece);
            else if (_random.Next(10) == 0)
            {
                var blocks = new Bitfield(_geometry.BlocksIn(piece));
                for (int b = 0; b < blocks.Length; b++) if (_random.Next(2) == 0) blocks.Set(b);
                if (_picker.MarkBlocks(piece, blocks)) _complete.Add(piece);
                for (int b = blocks.NextSet(0); b >= 0; b = blocks.NextSet(b + 1)) Restore(_geometry.Block(piece, b));
            }
        }

        void Restore(BlockRef block)
        {
            _held.Add(block);
            if (_random.Next(10) == 0) _wrong.Add(block);
        }

        public void Run(int events)
        {
            for (int i = 0; i < events; i++)
            {
                _now += TimeSpan.FromMilliseconds(_random.Next(400));
                Step();
                _picker.CheckInvariants();
            }
        }

        void Step()
        {
            if (_peers.Count == 0 || (_random.Next(15) == 0 && _peers.Count < 8)) { Connect(); return; }
            PeerPieces peer = _peers[_random.Next(_peers.Count)];
            int piece = _random.Next(_geometry.PieceCount);
            switch (_random.Next(27))
            {
                case 24: RejectAnything(peer); break;
                case 25: AnswerAnything(peer); break;
                case 26: peer.Suggest(piece); break;
                case 0 when _random.Next(3) == 0: Disconnect(peer); break;
                case 1: _picker.OnHave(peer, piece); break;
                case 2: PiecePicker.OnUnchoke(peer); break;
                case 3: Choke(peer); break;
                case 4: peer.Allow(piece); break;
                case 5: Withdraw(peer); _picker.GiveBack(peer); break;
                case 6 when peer.Requests.Count > 0: Refuse(peer); break;
                case 7 when _random.Next(3) == 0: _picker.SetPriority(piece, (PiecePriority)_random.Next(3)); break;
                case 8 when _withdrawn.Count > 0: AnswerLate(); break;
                case 9 when _writing.Count > 0: FailWrite(); break;
                case < 14: Ask(peer); break;
                case < 19 when peer.Requests.Count > 0: Answer(peer); break;
                case < 22 when _writing.Count > 0: Write(); break;
                case < 24 when _complete.Count > 0: Hash(); break;
            }
        }

        void Connect()
        {
            IPEndPoint? origin = _random.Next(5) == 0 ? null : new IPEndPoint(_random.Next(6), 0);
            if (origin != null && _banned.Contains(origin)) return;
            PeerPieces peer = _picker.Add(null, answersCancels: _random.Next(3) > 0, origin);
            _peers.Add(peer);
            if (_random.Next(3) > 0) PiecePicker.OnUnchoke(peer);
            if (_random.Next(4) == 0) Assert.True(_picker.OnHaveAll(peer));
            else if (_random.Next(4) > 0)
            {
                var has = new Bitfield(_geometry.PieceCount);
                int sparse = _random.Next(1, 6);
                for (int i = 0; i < has.Length; i++) if (_random.Next(sparse) == 0) has.Set(i);
                Assert.True(_picker.OnBitfield(peer, has.Bytes));
                if (_random.Next(2) == 0) Assert.True(_picker.OnBitfield(peer, has.Bytes));
            }
        }

        void Disconnect(PeerPieces peer)
        {
            _peers.Remove(peer);
            _picker.Remove(peer);
            _withdrawn.RemoveAll(w => w.From == peer);
        }

        void Choke(PeerPieces peer)
        {
            bool rejects = _random.Next(2) == 0;
            if (!rejects) Withdraw(peer);
            _picker.OnChoke(peer, rejects);
        }

        void Withdraw(PeerPieces peer)
        {
            for (int i = 0; i < peer.Requests.Slots; i++)
                if (!peer.Requests[i].IsGap) _withdrawn.Add((peer.Requests[i].Block, peer));
        }

        void Refuse(PeerPieces peer)
        {
            Request request = peer.Requests[_random.Next(3) > 0 ? 0 : _random.Next(peer.Requests.Slots)];
            if (request.IsGap) return;
            BlockRef block = request.Block;
            if (_random.Next(2) == 0) Assert.Equal(request.RecalledFor == null ? RejectVerdict.TurnedDown : RejectVerdict.Expected, _picker.OnReject(peer, block, out _));
            else
            {
                Assert.True(_picker.GiveBack(peer, block));
                _withdrawn.Add((block, peer));
            }
            Assert.False(peer.Requests.Contains(block));
        }

        // What it was never asked for, or is no block at all: of the values a message can have, those next to what means something.
        BlockRef Anything(PeerPieces peer)
        {
            int piece = _random.Next(_geometry.PieceCount);
            BlockRef block = _random.Next(3) switch
            {
                0 => new BlockRef(_random.Next(-1, 2), _random.Next(-1, 2), _random.Next(-1, 2)),
                1 when peer.Requests.Count > 0 => peer.Requests[_random.Next(peer.Requests.Slots)].Block,
                _ => _geometry.Block(piece, _random.Next(_geometry.BlocksIn(piece))),
            };
            return _random.Next(4) == 0 ? block with { Length = block.Length + _random.Next(-1, 2) } : block;
        }

        void RejectAnything(PeerPieces peer)
        {
            BlockRef block = Anything(peer);
            int before = peer.Requests.Count;
            RejectVerdict verdict = _picker.OnReject(peer, block, out _);
            if (!_asked.Contains((block, peer))) Assert.Equal(RejectVerdict.Unrequested, verdict);
            if (verdict == RejectVerdict.Unrequested) Assert.Equal(before, peer.Requests.Count);
            else if (before == peer.Requests.Count) _withdrawn.Remove((block, peer));
        }

        void AnswerAnything(PeerPieces peer)
        {
            BlockRef block = Anything(peer);
            if (_asked.Contains((block, peer))) return; // the others answer what they were asked for
            var cancel = new List<PeerPieces>();
            Assert.Equal(BlockVerdict.Unrequested, _picker.OnBlock(peer, block, _now, cancel, out _));
            Assert.Empty(cancel);
        }

        void Ask(PeerPieces peer)
        {
            var into = new BlockRef[_random.Next(1, 40)];
            int count = _picker.Pick(peer, into, _now);
            foreach (BlockRef block in into.AsSpan(0, count))
            {
                _asked.Add((block, peer));
                Assert.True(_geometry.Contains(block) && peer.Has[block.Piece]);
                Assert.True(_picker.Needed[block.Piece] && !_held.Contains(block));
                Assert.True(!peer.PeerChoking || peer.AllowedFast.Contains(block.Piece));
            }
        }

        void Answer(PeerPieces peer)
        {
            int slot = _random.Next(3) > 0 ? 0 : _random.Next(peer.Requests.Slots);
            Request request = peer.Requests[slot];
            if (request.IsGap) return;
            var cancel = new List<PeerPieces>();
            var askedToo = _peers.Where(p => p != peer && p.Requests.Contains(request.Block)).ToHashSet();
            Assert.Equal(BlockVerdict.Accepted, _picker.OnBlock(peer, request.Block, _now, cancel, out TimeSpan? sentAt));
            Assert.Equal(request.RecalledFor == null ? request.SentAt : null, sentAt);
            Assert.True(askedToo.SetEquals(cancel));
            _withdrawn.AddRange(cancel.Select(p => (request.Block, p)));
            Hold(request.Block, peer);
        }

        void AnswerLate()
        {
            int i = _random.Next(_withdrawn.Count);
            (BlockRef block, PeerPieces from) = _withdrawn[i];
            if (from.Requests.Contains(block)) return;
            _withdrawn.RemoveAt(i);
            var cancel = new List<PeerPieces>();
            BlockVerdict verdict = _picker.OnBlock(from, block, _now, cancel, out _);
            Assert.NotEqual(BlockVerdict.Unrequested, verdict);
            _withdrawn.AddRange(cancel.Select(p => (block, p)));
            if (verdict == BlockVerdict.Accepted) Hold(block, from);
        }

        void Hold(BlockRef block, PeerPieces from)
        {
            Assert.True(_held.Add(block), $"{block} was accepted twice");
            _writing.Add((block, from));
            _senders[block] = from.Origin;
            _wrong.Remove(block);
            if (IsLiar(from.Origin) && _random.Next(2) == 0) _wrong.Add(block);
        }

        static bool IsLiar(IPEndPoint? origin) => origin == null || origin.Address.GetAddressBytes()[0] < 2;

        void FailWrite()
        {
            (BlockRef block, _) = _writing[^1];
            _writing.RemoveAt(_writing.Count - 1);
            _held.Remove(block);
            _picker.OnWriteFailed(block);
        }

        void Write()
        {
            int i = _random.Next(_writing.Count);
            BlockRef block = _writing[i].Block;
            _writing.RemoveAt(i);
            bool complete = _picker.OnWritten(block);
            int piece = block.Piece;
            Assert.Equal(Enumerable.Range(0, _geometry.BlocksIn(piece)).All(b => _held.Contains(_geometry.Block(piece, b)))
                && _writing.All(w => w.Block.Piece != piece), complete);
            if (complete) _complete.Add(piece);
        }

        void Hash()
        {
            int piece = _complete[^1];
            _complete.RemoveAt(_complete.Count - 1);
            bool matches = !_wrong.Any(b => b.Piece == piece);
            BlockRef[] blocks = [.. Enumerable.Range(0, _geometry.BlocksIn(piece)).Select(b => _geometry.Block(piece, b))];
            byte[]? hashes = _picker.IsEvidence(piece, matches) ? [.. blocks.SelectMany(b => SHA1.HashData([(byte)(_wrong.Contains(b) ? 1 : 0)]))] : null;
            List<IPEndPoint> guilty = [], proven = [];
            if (matches)
            {
                guilty = [.. _lies.Where(l => l.Block.Piece == piece).Select(l => l.From).Distinct()];
                _lies.RemoveAll(l => l.Block.Piece == piece);
                if (hashes != null) _picker.Compare(piece, hashes, proven);
                _picker.OnVerified(piece);
            }
            else
            {
                IPEndPoint?[] senders = [.. blocks.Select(b => _senders.GetValueOrDefault(b))];
                if (senders[0] is { } sole && senders.All(sole.Equals)) guilty = [sole];
                else _lies.AddRange(blocks.Where(b => _wrong.Contains(b) && _senders.GetValueOrDefault(b) != null).Select(b => (b, _senders[b]!)));
                _picker.OnHashFailed(piece, hashes, proven);
                _held.RemoveWhere(b => b.Piece == piece);
                foreach (BlockRef block in blocks) _senders.Remove(block);
            }
            Assert.Equal(guilty.Select(g => g.ToString()).Order(), proven.Select(g => g.ToString()).Order());
            foreach (IPEndPoint origin in proven) Ban(origin);
        }

        void Ban(IPEndPoint origin)
        {
            Assert.True(IsLiar(origin));
            _banned.Add(origin);
            BlockRef[] given = [.. _held.Where(b => origin.Equals(_senders.GetValueOrDefault(b)) && !_picker.Have[b.Piece] && !_complete.Contains(b.Piece) && _writing.All(w => w.Block != b))];
            Assert.Equal(given.Length * (long)Geometry.BlockLength, _picker.Discard(origin));
            _held.ExceptWith(given);
            _picker.CheckInvariants();
            foreach (PeerPieces peer in _peers.Where(p => origin.Equals(p.Origin)).ToArray()) Disconnect(peer);
        }
    }
}
