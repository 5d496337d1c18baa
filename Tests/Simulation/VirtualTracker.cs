// The tracker of a simulated swarm: its real service and both its codecs, asked over a path that takes time and may be down.
using System.Buffers;
using System.Net;
using System.Text;
using TinyTorrent.Tracker;
using TinyTorrent.Types;

namespace TinyTorrent.Tests.Simulation;

sealed class VirtualTracker : IDisposable
{
    public const string Url = "http://tracker.test:6969/announce";

    const double NoAnswerSeconds = 10;

    readonly World _world;
    readonly TrackerService _service;
    readonly HttpTracker _http;

    public VirtualTracker(World world, TimeSpan interval)
    {
        _world = world;
        byte[] secret = new byte[16];
        world.Random.NextBytes(secret);
        _service = new TrackerService(new TrackerOptions { Interval = interval }, secret);
        _http = new HttpTracker(_service);
        Tick();
    }

    public bool IsDown { get; set; }

    /// <summary>Somebody has announced itself before: the tracker was there earlier than its clients are.</summary>
    public void Know(in InfoHash name, IPEndPoint peer, bool seeds)
    {
        var announce = new Announce { InfoHash = name, PeerId = default, Port = (ushort)peer.Port, Left = seeds ? 0 : 1 };
        Assert.True(_service.TryAnnounce(announce, PeerAddress.From(peer.Address), _world.Now, default, default, out _, out _));
    }

    void Tick()
    {
        _service.Tick(_world.Now);
        _world.After(1, Tick);
    }

    public ITrackerTransport PathFrom(IPEndPoint client, double latency) => new TrackerPath(this, client, latency);

    sealed class TrackerPath(VirtualTracker tracker, IPEndPoint client, double latency) : ITrackerTransport
    {
        public void Send(TrackerRequest request, ITrackerCaller caller) => tracker._world.After(latency, () => Ask(request, caller));

        void Ask(TrackerRequest request, ITrackerCaller caller)
        {
            World world = tracker._world;
            if (tracker.IsDown)
            {
                world.After(NoAnswerSeconds, () => caller.OnReply(request, TrackerReply.Failed(TrackerFailure.Unreachable, "no answer")));
                return;
            }
            Uri url = AnnounceUrl.ForAnnounce(request.Tracker.Uri, request.Announce, request.TrackerId);
            var body = new ArrayBufferWriter<byte>();
            tracker._http.Announce(Encoding.ASCII.GetBytes(url.Query).AsSpan(1), PeerAddress.From(client.Address), world.Now, body);
            world.After(latency, () => caller.OnReply(request, HttpReply.ReadAnnounce(200, body.WrittenSpan)));
        }
    }

    public void Dispose() => _service.Dispose();
}
