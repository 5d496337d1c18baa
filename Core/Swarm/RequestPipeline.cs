// How many blocks to keep asked of one peer so that its link never runs dry, and how long to wait for an answer.
//   depth = rate x (round trip + slack): what is under way, and a little that waits at the peer.
// The rate is the best of the last samples: a pause of ours or the disk's does not shrink the pipeline. A block's round trip
// contains the time it waited behind our own requests; to see the bare path, every few seconds the pipeline is let run down
// below what the path holds, and the first answers after that are the new measure (a few percent of one round trip lost).
// Until blocks are seen to queue, every block that comes in makes the pipeline one deeper: it doubles each round trip.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>The depth of one peer's request pipeline, its time-out, and whether it keeps us waiting. Not thread-safe.</summary>
sealed class RequestPipeline
{
    /// <summary>Blocks asked of the slowest peer.</summary>
    public const int MinDepth = 1;

    /// <summary>Blocks asked of the fastest peer, if it takes that many: 32 MB under way, 100 ms at 320 MB/s.</summary>
    public const int MaxDepth = 2048;

    // What is asked of one peer is asked of no other. Of dozens of slow ones each would hold what another could send at once, and
    // choose its last request long before it is answered: in a crowd, uplinks idle beside full queues. With less
    // than this a peer that looks at its requests twice a second would take long to show how fast it is.
    const int FirstDepth = 4;

    // Peers that do not say how many requests they keep (BEP 10 reqq) drop or reject what exceeds about 250.
    const int UnknownPeerLimit = 250;

    // What may wait at the peer. Transmission looks at its requests twice a second: less than two of its rounds, and the rate
    // would follow the depth down. It also bridges a garbage collection or a busy disk on either side.
    const double SlackSeconds = 1, SlackPerRoundTrip = 0.25;

    const int Samples = 8;
    const double SampleSeconds = 0.2;
    const double ProbeSeconds = 10, ProbeShare = 0.75;
    const int MinProbes = 4;

    static readonly TimeSpan s_minTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan s_firstTimeout = TimeSpan.FromSeconds(15);
    static readonly TimeSpan s_maxTimeout = TimeSpan.FromSeconds(60);
    static readonly TimeSpan s_snubTime = TimeSpan.FromSeconds(40);

    enum Phase { Growing, Steady, Draining, Probing }

    Phase _phase = Phase.Growing;
    double _grown = FirstDepth;

    // Delivery rate, bytes per second: the samples, and the one being taken.
    readonly double[] _samples = new double[Samples];
    int _nextSample;
    long _sampled;
    bool _sampleRanDry;
    TimeSpan _sampleStart;

    // Round trip in seconds: of the bare path (0 until known), and mean and deviation as they are, queues included.
    double _path, _mean, _deviation;

    TimeSpan _phaseStart;
    double _probed;
    int _probes;
    bool _hasProbed;

    bool _waiting;
    TimeSpan _waitingSince;
    int _timeouts;

    /// <summary>Requests the peer keeps, as it says (BEP 10 <c>reqq</c>).</summary>
    public int PeerLimit { get; set; } = UnknownPeerLimit;

    /// <summary>Blocks to keep asked.</summary>
    public int Depth { get; private set; } = FirstDepth;

    /// <summary>Bytes per second the pipeline reckons with.</summary>
    public double BytesPerSecond { get; private set; }

    /// <summary>The round trip without queues, or zero while unknown.</summary>
    public TimeSpan RoundTrip => TimeSpan.FromSeconds(_path);

    /// <summary>A request older than this is to be given to another peer.</summary>
    public TimeSpan Timeout { get; private set; } = s_firstTimeout;

    double Slack => SlackSeconds + _path * SlackPerRoundTrip;

    /// <summary>Requests were sent.</summary>
    public void OnRequested(TimeSpan now)
    {
        if (_waiting) return;
        _waiting = true;
        _waitingSince = now;
        _sampled = 0;
        _sampleStart = now;
    }

    /// <summary>A block arrived.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="sentAt">When it was asked for, or null if that is not known.</param>
    /// <param name="outstanding">Requests that remain.</param>
    public void OnBlock(int length, TimeSpan? sentAt, int outstanding, TimeSpan now)
    {
        _timeouts = 0;
        _sampled += length;
        if (sentAt is { } sent) OnRoundTrip((now - sent).TotalSeconds, sent, outstanding, now);
        if (outstanding < Depth / 2) _sampleRanDry = true;
        double elapsed = (now - _sampleStart).TotalSeconds;
        if (elapsed >= Math.Max(SampleSeconds, _path)) TakeSample(elapsed, now);
        // Nothing is learnt of the link while there is too little to ask for.
        if (_phase == Phase.Growing && outstanding >= (int)_grown / 4) _grown++;
        Follow();
        _waiting = outstanding > 0;
        _waitingSince = now;
    }

    /// <summary>Nothing is asked of the peer any more, for no fault of its own: it chokes us, or we cancelled.</summary>
    public void OnIdle() => _waiting = false;

    /// <summary>The peer unchoked us: its rate may be another than last time.</summary>
    public void OnUnchoke() => Restart();

    /// <summary>Requests were taken from the peer for being older than <see cref="Timeout"/>: one is left to try it with.</summary>
    public void OnTimeout()
    {
        _timeouts++;
        Restart();
        _grown = MinDepth;
        Follow();
    }

    /// <summary>True if the peer has sent nothing for a long time although it lets us ask and we do.</summary>
    public bool IsSnubbed(TimeSpan now) => _waiting && now - _waitingSince > s_snubTime;

    void Restart()
    {
        Array.Clear(_samples);
        BytesPerSecond = 0;
        _phase = Phase.Growing;
        _grown = FirstDepth;
        Follow();
    }

    void OnRoundTrip(double seconds, TimeSpan sent, int outstanding, TimeSpan now)
    {
        if (_path == 0)
        {
            _path = _mean = seconds;
            _deviation = seconds / 2;
        }
        // A deep pipeline brings many samples a round trip: the mean is to reach back over one of them, not eight blocks.
        double weight = 1.0 / Math.Max(8, outstanding);
        _deviation += (Math.Abs(seconds - _mean) - _deviation) * Math.Min(0.25, 2 * weight);
        _mean += (seconds - _mean) * weight;
        if (!_hasProbed) _path = Math.Min(_path, seconds);

        double inPhase = (now - _phaseStart).TotalSeconds;
        switch (_phase)
        {
            case Phase.Growing when seconds > _path + Slack:
                TakeSample((now - _sampleStart).TotalSeconds, now);
                Enter(Phase.Steady, now);
                break;
            case Phase.Steady when inPhase > ProbeSeconds:
                Enter(Phase.Draining, now);
                break;
            case Phase.Draining when outstanding < Depth:
                _probes = 0;
                _probed = 0;
                Enter(Phase.Probing, now);
                break;
            case Phase.Probing when sent >= _phaseStart:
                _probed += seconds;
                if (++_probes < MinProbes || inPhase < 2 * _path) break;
                _path = _probed / _probes;
                _hasProbed = true;
                Enter(Phase.Steady, now);
                break;
            case Phase.Draining or Phase.Probing when inPhase > 2 + 2 * _mean:
                Enter(Phase.Steady, now);
                break;
        }
    }

    void Enter(Phase phase, TimeSpan now)
    {
        _phase = phase;
        _phaseStart = now;
    }

    void TakeSample(double elapsed, TimeSpan now)
    {
        if (elapsed <= 0) return;
        // After a pause of ours a burst comes out of the buffers: no sample counts for more than twice the best before it.
        double sample = _sampled / elapsed;
        if (BytesPerSecond > 0) sample = Math.Min(sample, 2 * BytesPerSecond);
        _sampled = 0;
        _sampleStart = now;
        // While there was nothing to ask for, the rate is ours and not the peer's.
        bool ranDry = _sampleRanDry && _phase == Phase.Steady;
        _sampleRanDry = false;
        if (ranDry && sample < BytesPerSecond) return;
        _samples[_nextSample] = sample;
        _nextSample = (_nextSample + 1) % Samples;
        BytesPerSecond = 0;
        foreach (double s in _samples) BytesPerSecond = Math.Max(BytesPerSecond, s);
    }

    void Follow()
    {
        double seconds = _phase is Phase.Draining or Phase.Probing ? _path * ProbeShare : _path + Slack;
        double depth = _phase == Phase.Growing ? _grown : BytesPerSecond * seconds / Geometry.BlockLength;
        int limit = Math.Clamp(PeerLimit, 1, MaxDepth);
        _grown = Math.Min(_grown, limit);
        Depth = Math.Min(limit, Math.Max(MinDepth, (int)Math.Ceiling(depth)));

        double timeout = (_path == 0 ? s_firstTimeout.TotalSeconds : Math.Max(s_minTimeout.TotalSeconds, _mean + 4 * _deviation)) * (1 << Math.Min(_timeouts, 4));
        Timeout = TimeSpan.FromSeconds(Math.Min(s_maxTimeout.TotalSeconds, timeout));
    }
}
