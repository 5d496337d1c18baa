// One run of the program on a simulated machine: what ActiveTorrent and Engine wire together around sockets and threads,
// wired around the simulated network, disk and clock. From the start, through a resume file, to an orderly or sudden end.
using System.Net;
using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Tests.Swarm;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Simulation;

sealed class Client : ITrackerEvents
{
    const double CheckpointSeconds = 30, HandshakeSeconds = 20;
    const int MaxDialling = 40;

    readonly SimulatedSwarm _swarm;
    readonly World _world;
    readonly HonestMachine _machine;
    readonly List<SessionEnd> _sessions = [];
    readonly ResumeCodec _codec;
    readonly TrackerClient _trackers;
    TimeSpan _nextCheckpoint;
    int _dialling;

    public Client(SimulatedSwarm swarm, HonestMachine machine)
    {
        (_swarm, _world, _machine) = (swarm, swarm.World, machine);
        var files = new FileMap([new FileEntry("content", 0, swarm.Geometry.TotalLength, false)]);
        _codec = new ResumeCodec(swarm.InfoHash, swarm.Geometry, files);
        Picker = new PiecePicker(swarm.Geometry, NewRandom());
        FindContent();
        machine.Disk.ToHash = Hash;
        PeerId id = PeerId.Create(NewRandom());
        Torrent = new Torrent(swarm.InfoHash, swarm.Geometry, Picker, machine.Disk, id, Machine.Port, NewRandom());
        Torrent.Completed += OnCompleted;
        var self = new Announce { InfoHash = swarm.InfoHash, PeerId = id, Port = Machine.Port, Left = Torrent.Stats.Missing, NumWant = -1, Key = (uint)_world.Random.Next() };
        _trackers = new TrackerClient(self, [[VirtualTracker.Url]], swarm.Tracker.PathFrom(machine.Address, machine.Line.Latency), this, NewRandom());
        _nextCheckpoint = _world.Now + TimeSpan.FromSeconds(CheckpointSeconds);
        machine.IsWhole = Picker.IsComplete;
        Tick();
    }

    public PiecePicker Picker { get; }
    public Torrent Torrent { get; }
    public World World => _world;

    /// <summary>The process is gone, or on its way out: it reads nothing more.</summary>
    public bool HasEnded { get; private set; }

    Random NewRandom() => new(_world.Random.Next());

    /// <summary>As ExistingContent does: the resume file is believed where the file is as it left it, the rest is hashed.</summary>
    void FindContent()
    {
        VirtualDisk disk = _machine.Disk;
        if (disk.Stamp == FileStamp.Absent) return;
        ResumeState? state = null;
        if (disk.Resume is { } bytes)
        {
            state = _codec.Parse(bytes, [disk.Stamp], out string? reason);
            Assert.True(state != null, reason);
        }
        for (int piece = 0; piece < _swarm.Geometry.PieceCount; piece++)
        {
            bool isTrue = disk.IsTrue(piece);
            Assert.True(isTrue || state == null || !state.Pieces[piece], $"the resume file lists piece {piece}, which the disk does not hold");
            bool hashed = state == null || state.Doubtful![piece] || state.Begun.Any(b => b.Piece == piece && b.Blocks.IsFull);
            if (isTrue && (hashed || state!.Pieces[piece])) Picker.MarkHave(piece);
        }
        if (state == null) return;
        foreach ((int piece, Bitfield blocks) in state.Begun)
            if (!blocks.IsFull && !Picker.Have[piece]) Picker.MarkBlocks(piece, blocks);
    }

    void Tick()
    {
        if (HasEnded) return;
        _world.After(1, Tick);
        foreach (SessionEnd session in _sessions.ToArray()) session.CloseIfSilent(TimeSpan.FromSeconds(HandshakeSeconds));
        Torrent.Tick(_world.Now);
        _trackers.Tick(_world.Now, wantsPeers: !Torrent.Stats.IsComplete && Torrent.IsStranded);
        if (_world.Now >= _nextCheckpoint) Checkpoint();
        Dial();
        Check();
        if (_machine.Disk.WasFull) _machine.Exit(_world.Between(1, 60));
    }

    AnnounceTotals ITrackerEvents.Totals
    {
        get
        {
            TorrentStats stats = Torrent.Stats;
            return new AnnounceTotals(stats.Uploaded, stats.Downloaded, stats.Missing, stats.IsComplete);
        }
    }

    /// <summary>Takes time: blocks are written and the power may fail between its steps.</summary>
    void Checkpoint()
    {
        _nextCheckpoint = _world.Now + TimeSpan.FromSeconds(CheckpointSeconds);
        if (_machine.Disk.WasFull) return; // after a fault the last state stays
        FileStamp stamp = _machine.Disk.Stamp;
        (Bitfield have, List<(int Piece, Bitfield Blocks)> begun) = Torrent.CopyState();
        _world.After(_world.Between(0, 0.2), () =>
        {
            if (HasEnded || !_machine.Disk.Flush()) return;
            _world.After(_world.Between(0, 0.2), () =>
            {
                if (!HasEnded) Save(stamp, have, begun);
            });
        });
    }

    void Save(FileStamp stamp, Bitfield have, List<(int Piece, Bitfield Blocks)> begun) =>
        _machine.Disk.Save(_codec.Write(new ResumeState(have, begun), [stamp]));

    void Hash(int piece)
    {
        _world.After(_machine.Disk.WriteSeconds, () =>
        {
            if (HasEnded) return;
            bool isTrue = _machine.Disk.IsTrue(piece);
            Torrent.OnPieceHashed(piece, isTrue, _world.Now);
            Check();
        });
    }

    void OnCompleted()
    {
        _trackers.OnFinished();
        _machine.OnCompleted();
    }

    void ITrackerEvents.OnPeers(IReadOnlyList<IPEndPoint> peers)
    {
        if (HasEnded) return;
        Torrent.AddCandidates(peers);
        Dial();
    }

    void ITrackerEvents.OnTracker(TrackerStatus status) { }

    void Dial()
    {
        while (_sessions.Count < _swarm.MaxPeers && _dialling < MaxDialling && Torrent.NextToDial(_world.Now) is { } peer)
        {
            _dialling++;
            _swarm.Dial(_machine, peer, () => Reach(peer));
        }
    }

    SessionEnd? Reach(IPEndPoint peer)
    {
        _dialling--;
        if (HasEnded) return null;
        if (_sessions.Count >= _swarm.MaxPeers)
        {
            Torrent.OnDialFailed(peer, _world.Now);
            return null;
        }
        return Begin(peer, dialled: true, refused: () => Torrent.OnDialFailed(peer, _world.Now));
    }

    public SessionEnd? Accept(IPEndPoint from)
    {
        if (_sessions.Count >= _swarm.MaxPeers) return null;
        return Begin(from, dialled: false, static () => { });
    }

    SessionEnd Begin(IPEndPoint peer, bool dialled, Action refused)
    {
        Witness? witness = _swarm.ChecksEverything ? new Witness(_swarm.Geometry.PieceCount) : null;
        var session = new PeerSession((PeerSession s, in Handshake h) =>
        {
            IPeerEvents? events = Torrent.Admit(s, h, peer, dialled, _world.Now);
            return witness == null ? events : witness.Around(events);
        }, _swarm.Slabs);
        if (dialled) session.Outbox.SendHandshake(Torrent.Hello);
        var end = new SessionEnd(this, _machine.Disk, session, witness, refused);
        _sessions.Add(end);
        return end;
    }

    /// <summary>Nobody is let in from the machine.</summary>
    public bool Bans(Machine other)
    {
        var stranger = new Stranger(Torrent, other.Address, id: $"-XX0001-{_world.Random.Next():D12}");
        bool isLetIn = stranger.IsConnected;
        stranger.Leave();
        return !isLetIn;
    }

    public void OnEnded(SessionEnd end) => _sessions.Remove(end);

    /// <summary>After every event that reaches the client.</summary>
    public void Check()
    {
        if (!_swarm.ChecksEverything) return;
        Picker.CheckInvariants();
        for (int piece = Picker.Have.NextSet(0); piece >= 0; piece = Picker.Have.NextSet(piece + 1))
            Assert.True(_machine.Disk.IsTrue(piece), $"piece {piece} is believed and the disk does not hold it");
    }

    /// <summary>The process is gone, and says nothing.</summary>
    public void Vanish()
    {
        HasEnded = true;
        foreach (SessionEnd session in _sessions.ToArray()) session.Vanish(_world.Chance(0.5));
    }

    /// <summary>An orderly end: peers and trackers are told, the state is saved.</summary>
    public void Leave()
    {
        HasEnded = true;
        _trackers.Stop();
        foreach (SessionEnd session in _sessions.ToArray()) session.Finish();
        FileStamp stamp = _machine.Disk.Stamp;
        (Bitfield have, List<(int Piece, Bitfield Blocks)> begun) = Torrent.CopyState();
        if (!_machine.Disk.WasFull && _machine.Disk.Flush()) Save(stamp, have, begun);
        _trackers.StopAtOnce();
    }
}
