// Who may download from us. A round every 10 s, the first ones sooner:
//   downloading   the fastest givers earn a slot (tit for tat); every fifth slot, and every slot nobody earned, is given on
//                 trial for 30 s, to newcomers three times as likely. A peer that snubs us can only have one on trial.
//   seeding       slots go round: 30 s a turn, then to whoever waited longest; what is left over goes to the fastest takers.
// How many slots: as many as still get a useful rate each. All peers have one until the uplink shows that it is too thin.
// Pure: the time, the figures and the dice are handed in.
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>Decides who is unchoked. Not thread-safe.</summary>
/// <param name="pieceLength">Bytes.</param>
sealed class Choker(Random random, int pieceLength)
{
    /// <summary>Between calls of <see cref="Decide"/>.</summary>
    public static readonly TimeSpan Round = TimeSpan.FromSeconds(10);

    /// <summary>Instead, until the uplink is known: all who wait at first would share a thin one so that none has a piece for minutes.</summary>
    public static readonly TimeSpan FirstRound = TimeSpan.FromSeconds(2);

    /// <summary>How long a slot on trial, or a turn at a seed, lasts.</summary>
    public static readonly TimeSpan Turn = TimeSpan.FromSeconds(30);

    public const int MinSlots = 4;

    // Of small pieces the slots together have so many bytes under way, at least: they are passed on soon however many share the
    // uplink, and among more peers somebody is more often in want of one.
    const int SmallPieces = 256 * 1024, MinSlotsOfSmall = 16;
    readonly int _minSlots = Math.Clamp(SmallPieces / pieceLength, MinSlots, MinSlotsOfSmall);

    const int FirstSlots = 256, MaxSlots = 1024;
    const int SlotsPerTrial = 5;
    const int NewcomerWeight = 3;

    // Bytes per second. Only whole pieces can be passed on: at less than this those of a usual length take so long that a crowd
    // waits for them, and many unfinished pieces help nobody. Of small ones a seed gives to more peers at once: what nobody else
    // has is then to be had in more places.
    const double MaxUsefulRate = 50 * 1024, MinUsefulRate = 25 * 1024, SecondsPerPiece = 2.5;
    readonly double _pieceRate = Math.Clamp(pieceLength, Geometry.BlockLength, MaxUsefulRate * SecondsPerPiece) / SecondsPerPiece;

    // Measures of the uplink, and rounds, until it is known.
    const int FirstRounds = 2;

    // The uplink is idle below this share of what it has shown lately; what it has shown fades by this much a round.
    const double IdleShare = 0.85, Fading = 0.97;

    readonly List<ChokerPeer> _candidates = [];
    double _capacity;
    int _measures;

    /// <summary>Until the next call of <see cref="Decide"/>.</summary>
    public TimeSpan Pause => _measures < FirstRounds ? FirstRound : Round;

    /// <summary>Peers that may be unchoked at a time.</summary>
    public int Slots { get; private set; } = FirstSlots;

    /// <summary>Decides a round: sets <see cref="ChokerPeer.Unchoked"/> of every peer.</summary>
    /// <param name="seeding">We have all we want.</param>
    /// <param name="uploadRate">Bytes per second to all peers together.</param>
    public void Decide(IReadOnlyList<ChokerPeer> peers, bool seeding, double uploadRate, TimeSpan now)
    {
        AdjustSlots(peers, seeding ? _pieceRate : Math.Max(_pieceRate, MinUsefulRate), uploadRate);
        _candidates.Clear();
        foreach (ChokerPeer peer in peers)
        {
            peer.Lot = random.Next();
            if (peer.Interested) _candidates.Add(peer);
            else Set(peer, unchoked: false, optimistic: false, now);
        }
        if (seeding) DecideSeeding(now);
        else DecideDownloading(now);
    }

    /// <summary>A peer became interested between rounds: gives it a slot at once if one is free.</summary>
    /// <param name="unchoked">How many peers have a slot.</param>
    public void OnInterested(ChokerPeer peer, int unchoked, TimeSpan now)
    {
        if (!peer.Unchoked && unchoked < Slots) Set(peer, unchoked: true, optimistic: true, now);
    }

    void DecideDownloading(TimeSpan now)
    {
        int earned = Math.Max(1, Slots - Math.Max(1, Slots / SlotsPerTrial)), free = Slots;
        _candidates.Sort(static (a, b) => a.Snubbed != b.Snubbed ? a.Snubbed.CompareTo(b.Snubbed)
            : a.Rate != b.Rate ? b.Rate.CompareTo(a.Rate) : a.Lot.CompareTo(b.Lot));
        int rest = 0;
        for (int i = 0; i < _candidates.Count; i++)
        {
            ChokerPeer peer = _candidates[i];
            if (earned > 0 && !peer.Snubbed && peer.Rate > 0)
            {
                Set(peer, unchoked: true, optimistic: false, now);
                earned--;
                free--;
            }
            else
            {
                _candidates[rest++] = peer;
            }
        }
        _candidates.RemoveRange(rest, _candidates.Count - rest);
        // Those on trial go on until their turn is over; the others draw lots.
        for (int i = rest - 1; i >= 0; i--)
        {
            ChokerPeer peer = _candidates[i];
            if (free == 0 || !peer.Unchoked || !peer.Optimistic || now - peer.Since >= Turn) continue;
            _candidates.RemoveAt(i);
            free--;
        }
        for (; free > 0 && _candidates.Count > 0; free--)
        {
            int drawn = Draw();
            Set(_candidates[drawn], unchoked: true, optimistic: true, now);
            _candidates.RemoveAt(drawn);
        }
        foreach (ChokerPeer peer in _candidates) Set(peer, unchoked: false, optimistic: false, now);
    }

    int Draw()
    {
        int weights = 0;
        foreach (ChokerPeer peer in _candidates) weights += peer.IsNew ? NewcomerWeight : 1;
        int ticket = random.Next(weights), i = 0;
        while ((ticket -= _candidates[i].IsNew ? NewcomerWeight : 1) >= 0) i++;
        return i;
    }

    void DecideSeeding(TimeSpan now)
    {
        _candidates.Sort((a, b) => ByTurn(a, b, now));
        for (int i = 0; i < _candidates.Count; i++) Set(_candidates[i], unchoked: i < Slots, optimistic: false, now);
    }

    // In the middle of a turn, then the longest wait, then the fastest.
    static int ByTurn(ChokerPeer a, ChokerPeer b, TimeSpan now)
    {
        int rankA = RankAtSeed(a, now), rankB = RankAtSeed(b, now);
        if (rankA != rankB) return rankA.CompareTo(rankB);
        if (rankA == 1 && a.Since != b.Since) return a.Since.CompareTo(b.Since);
        return rankA == 2 && a.Rate != b.Rate ? b.Rate.CompareTo(a.Rate) : a.Lot.CompareTo(b.Lot);
    }

    static int RankAtSeed(ChokerPeer peer, TimeSpan now) => !peer.Unchoked ? 1 : now - peer.Since < Turn ? 0 : 2;

    void AdjustSlots(IReadOnlyList<ChokerPeer> peers, double usefulRate, double uploadRate)
    {
        int used = 0;
        foreach (ChokerPeer peer in peers) if (peer.Unchoked && peer.Interested) used++;
        if (used == 0) return;
        _capacity = Math.Max(uploadRate, _capacity * Fading);
        if (uploadRate < _capacity * IdleShare) Slots = Math.Max(Slots, used) * 3 / 2;
        else if (uploadRate < used * usefulRate) Slots = Math.Max(_measures < FirstRounds ? 0 : used / 2, (int)(uploadRate / usefulRate));
        else if (uploadRate >= 2 * used * usefulRate) Slots = Math.Max(Slots, used * 2);
        Slots = Math.Clamp(Slots, _minSlots, MaxSlots);
        if (uploadRate > 0 && _measures < FirstRounds) _measures++;
    }

    static void Set(ChokerPeer peer, bool unchoked, bool optimistic, TimeSpan now)
    {
        // A turn begins with a slot; one on trial that is drawn again begins anew.
        if (peer.Unchoked != unchoked || optimistic) peer.Since = now;
        if (unchoked) peer.IsNew = false;
        peer.Unchoked = unchoked;
        peer.Optimistic = optimistic;
    }
}
