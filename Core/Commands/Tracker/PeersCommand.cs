// `peers`: who is in a torrent's swarm, as its trackers know it, one address a line; with --probe who they say they are.
using System.Globalization;
using System.Net;
using TinyTorrent.Net;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Commands;

sealed class PeersCommand
{
    const int PeersWanted = 200, ProbesAtOnce = 50;

    public static readonly Command Command = new(
        "peers", "SOURCE [options]", "ask trackers who has a torrent", MaxOperands: 1,
        [
            new("--probe", null, "shake hands with each peer and show its client, pieces and extensions"),
            TransferOptions.Tracker,
            JsonEvents.Option,
        ],
        Run)
    {
        Details = $"""
            {TorrentSource.Forms}

            All trackers are asked at once for {PeersWanted} peers each. To be told, one has to join: the trackers list this host for that moment, and are told that it has left.

            The exit code is 5 if no tracker answered or none knows a peer, and 7 if all that answered refused.
            """,
    };

    readonly TorrentSource _source;
    readonly Progress _progress;
    readonly CancellationToken _cancel;
    readonly Announce _self;
    readonly HashSet<IPEndPoint> _peers = [];
    readonly Lock _output = new();

    PeersCommand(TorrentSource source, Progress progress, CancellationToken cancel)
    {
        (_source, _progress, _cancel) = (source, progress, cancel);
        var random = new Random();
        _self = new Announce
        {
            InfoHash = source.InfoHash,
            PeerId = PeerId.Create(random),
            // Nobody listens there. Trackers know a peer by address and port: leaving must not take away a real one of this host.
            Port = (ushort)random.Next(49152, 65536),
            Event = AnnounceEvent.Started,
            // Anything but 0: seeds are not told of other seeds.
            Left = Math.Max(1, source.Metainfo?.Geometry.TotalLength ?? Announce.UnknownLeft),
            NumWant = PeersWanted,
            Key = Entropy.Number(),
        };
    }

    static ExitCode Run(Arguments arguments)
    {
        using var interrupt = new Interrupt();
        TorrentSource source = TorrentSource.Load(arguments.Operand(0, "SOURCE"), interrupt.Token);
        using Progress progress = Progress.Create(arguments);
        var command = new PeersCommand(source, progress, interrupt.Token);
        bool probe = arguments.Has("--probe");
        command.Collect(arguments, print: !probe);
        if (probe) command.Probe();
        return ExitCode.Done;
    }

    /// <summary>Finds the peers; a magnet link may name some itself.</summary>
    void Collect(Arguments arguments, bool print)
    {
        using var survey = new TrackerSurvey(_source, arguments, _progress);
        AddNamed(print);
        if (survey.IsEmpty && _peers.Count == 0) throw TrackerSurvey.NoTracker(arguments);
        try
        {
            foreach ((TrackerStatus status, TrackerReply reply) in survey.Ask(_self, scrape: false, _cancel))
            {
                _progress.Detail(TrackerReport.ToLine(status));
                _progress.Events?.Write("tracker", json => TrackerReport.WriteTo(json, status));
                foreach (IPEndPoint peer in reply.Peers) Add(peer, print);
            }
        }
        finally
        {
            survey.Leave(_self, [.. survey.Answered]);
        }
        if (_peers.Count > 0) return;
        throw survey.Answered.Count == 0 ? survey.Failure() : new CommandException(ExitCode.NoPeer, "the trackers know no peer");
    }

    void AddNamed(bool print)
    {
        foreach (HostPort peer in _source.Peers)
        {
            if (IPAddress.TryParse(peer.Host, out IPAddress? address)) Add(new IPEndPoint(address, peer.Port), print);
            else _progress.Detail($"{peer}: the magnet link names this peer");
        }
    }

    void Add(IPEndPoint peer, bool print)
    {
        // Some trackers list the client that asks. We may not know our own address, so our port tells; it is one of 16,384.
        if (peer.Port == _self.Port || !_peers.Add(peer) || !print) return;
        if (_progress.Events is { } events) events.Write("peer", json => json.WriteString("address", peer.ToString()));
        else Console.Out.WriteLine(peer);
    }

    void Probe()
    {
        var us = new Handshake(_source.InfoHash, PeerId.Create(new Random()), SupportsFast: true, SupportsExtensions: true);
        int pieces = _source.Metainfo?.Geometry.PieceCount ?? 0;
        string client = "tinytorrent " + VersionCommand.Version;
        var limit = new ParallelOptions { MaxDegreeOfParallelism = ProbesAtOnce, CancellationToken = _cancel };
        Parallel.ForEachAsync(_peers, limit, async (peer, cancel) =>
            Show(await PeerProbe.AskAsync(peer, us, client, pieces, cancel).ConfigureAwait(false), pieces)).GetAwaiter().GetResult();
    }

    void Show(PeerFacts facts, int pieceCount)
    {
        if (_progress.Events is { } events)
        {
            Write(events, facts, pieceCount);
            return;
        }
        string pieces = facts.Pieces is { } count ? Display.Percent(count, pieceCount) : "-";
        string line = facts.Problem is not null
            ? $"{facts.Address,-22} {"-",6}  ({facts.Problem})"
            : string.Create(CultureInfo.InvariantCulture, $"{facts.Address,-22} {pieces,6}  {facts.Client ?? facts.PeerId.ToString(),-24}  {string.Join(' ', facts.Extensions)}");
        lock (_output) Console.Out.WriteLine(Display.Safe(line.TrimEnd()));
    }

    static void Write(JsonEvents events, PeerFacts facts, int pieceCount) => events.Write("peer", json =>
    {
        json.WriteString("address", facts.Address.ToString());
        if (facts.Problem is { } problem)
        {
            json.WriteString("problem", problem);
            return;
        }
        json.WriteString("peer_id", facts.PeerId.ToString());
        if (facts.Client is { } client) json.WriteString("client", client);
        if (facts.Pieces is { } pieces) json.WriteNumber("pieces", pieces);
        if (pieceCount > 0) json.WriteNumber("piece_count", pieceCount);
        json.WriteStartArray("extensions");
        foreach (string extension in facts.Extensions) json.WriteStringValue(extension);
        json.WriteEndArray();
    });
}
