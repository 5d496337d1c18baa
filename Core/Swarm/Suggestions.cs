// What a seed advises peers to ask it for (suggest_piece, BEP 6): pieces that no peer has yet, each told to one peer only.
// Why: peers do not know what others ask of the seed, and all choose among the same rarest pieces. Of what a seed sends to a
// crowd that comes at once, a quarter is then second copies while everybody waits for the first. Unlike super-seeding
// (BEP 16) nothing is hidden: who does not listen loses nothing.
// Invariant: a piece is promised while it stands in a list of exactly one peer. Under the torrent's lock.
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Swarm;

sealed class Suggestions(PiecePicker picker, Random random)
{
    /// <summary>Suggestions a peer has not taken up. With more, the last pieces would be promised to the slowest peers.</summary>
    const int Ahead = 4;

    readonly Bitfield _promised = new(picker.Have.Length);

    /// <summary>Advises a peer that we let ask.</summary>
    public void Advise(Peer peer)
    {
        if (!peer.Fast || peer.AmChoking || !picker.IsComplete) return;
        while (peer.Suggested.Count < Ahead && picker.Unseen(_promised, random) is >= 0 and int piece)
        {
            _promised.Set(piece);
            peer.Suggested.Add(piece);
            peer.Outbox.Send(MessageId.SuggestPiece, piece);
        }
    }

    /// <summary>A peer asks for a block of a piece: nobody else need be told to take it.</summary>
    public void OnRequest(Peer peer, int piece)
    {
        if (!picker.IsComplete || picker.Availability(piece) > 0) return;
        if (peer.Suggested.Remove(piece) || _promised.Set(piece)) peer.Asked.Add(piece);
        Advise(peer);
    }

    /// <summary>The peer is choked or gone: what it did not take is anybody's.</summary>
    public void Withdraw(Peer peer)
    {
        foreach (int piece in peer.Suggested) _promised.Clear(piece);
        foreach (int piece in peer.Asked) _promised.Clear(piece);
        peer.Suggested.Clear();
        peer.Asked.Clear();
    }

    /// <summary>Now and then: forgets what has arrived somewhere.</summary>
    public void Settle(Peer peer)
    {
        peer.Suggested.RemoveAll(Arrived);
        peer.Asked.RemoveAll(Arrived);
    }

    bool Arrived(int piece) => picker.Availability(piece) > 0 && _promised.Clear(piece);
}
