// All pieces in one array, grouped by how many peers have them, and within that by whether they may be started.
//
//   availability 0                        availability 1                       …
//   | high | normal | not startable |     | high | normal | not startable |    …     <- groups, borders in _starts
//
// A piece moves to a neighbouring group by one swap and one step of a border, so a `have` is O(1) however many
// pieces there are. 12 bytes a piece. Peers that have everything are not counted here (see PiecePicker).
using TinyTorrent.Types;

namespace TinyTorrent.Swarm;

/// <summary>Whether a piece may be started, and how urgently.</summary>
enum Startable { High, Normal, No }

/// <summary>Pieces ordered by availability; every change is O(1).</summary>
sealed class RarityOrder
{
    const int Groups = 3;

    readonly int[] _order;
    readonly int[] _position;
    readonly int[] _group;

    // _starts[g] is where group g begins; the entry behind the last group is the piece count.
    int[] _starts = new int[4 * Groups + 1];

    /// <summary>All pieces at availability 0.</summary>
    public RarityOrder(int pieces, Startable startable)
    {
        _order = new int[pieces];
        _position = new int[pieces];
        _group = new int[pieces];
        for (int i = 0; i < pieces; i++)
        {
            _order[i] = _position[i] = i;
            _group[i] = (int)startable;
        }
        _starts.AsSpan((int)startable + 1).Fill(pieces);
    }

    public int Availability(int piece) => _group[piece] / Groups;

    public Startable StartableAt(int piece) => (Startable)(_group[piece] % Groups);

    public void SetStartable(int piece, Startable to) => Move(piece, _group[piece] - _group[piece] % Groups + (int)to);

    /// <summary>One more peer has the piece.</summary>
    public void Gain(int piece) => Move(piece, _group[piece] + Groups);

    /// <summary>One peer fewer has the piece.</summary>
    public void Lose(int piece) => Move(piece, _group[piece] - Groups);

    /// <summary>A peer with these pieces came (<paramref name="sign"/> 1) or went (-1).</summary>
    public void Shift(Bitfield pieces, int sign)
    {
        // Swapping costs several cache misses a piece; beyond a share of the pieces sorting everything anew is cheaper.
        bool many = pieces.Count > pieces.Length / 8;
        int highest = 0;
        for (int i = pieces.NextSet(0); i >= 0; i = pieces.NextSet(i + 1))
        {
            if (many) highest = Math.Max(highest, _group[i] += sign * Groups);
            else Move(i, _group[i] + sign * Groups);
        }
        if (!many) return;
        Reserve(highest);
        Sort();
    }

    /// <summary>
    /// The rarest startable piece of the peer, chosen at random among equals, or -1 when <paramref name="looks"/> pieces were
    /// looked at in vain (which does not mean that there is none).
    /// </summary>
    /// <param name="from">The lowest availability a piece of this peer can have: 1 if the peer is counted here, else 0.</param>
    public int Rarest(Bitfield has, Startable startable, int from, int looks, Random random)
    {
        for (int g = from * Groups + (int)startable; g < _starts.Length - 1; g += Groups)
        {
            int start = _starts[g], length = _starts[g + 1] - start;
            if (length == 0) continue;
            int at = random.Next(length), count = Math.Min(length, looks);
            for (int i = 0; i < count; i++)
            {
                int piece = _order[start + at];
                if (has[piece]) return piece;
                if (++at == length) at = 0;
            }
            if ((looks -= count) == 0) return -1;
        }
        return -1;
    }

    /// <summary>There are pieces that nobody counted here has.</summary>
    public bool HasUnseen => _starts[Groups] > 0;

    /// <summary>One of them, at random, that is not in <paramref name="except"/>, or -1 if none is found in so many looks.</summary>
    public int Unseen(Bitfield except, int looks, Random random)
    {
        int length = _starts[Groups];
        int at = random.Next(length);
        for (int left = Math.Min(length, looks); left > 0; left--)
        {
            if (!except[_order[at]]) return _order[at];
            if (++at == length) at = 0;
        }
        return -1;
    }

    void Move(int piece, int to)
    {
        Reserve(to);
        int g = _group[piece];
        for (; g < to; g++) Swap(piece, --_starts[g + 1]);
        for (; g > to; g--) Swap(piece, _starts[g]++);
        _group[piece] = to;
    }

    void Swap(int piece, int at)
    {
        int other = _order[at], hole = _position[piece];
        _order[hole] = other;
        _position[other] = hole;
        _order[at] = piece;
        _position[piece] = at;
    }

    void Reserve(int group)
    {
        int length = _starts.Length;
        if (group < length - 1) return;
        Array.Resize(ref _starts, (group / Groups + 1) * 2 * Groups + 1);
        _starts.AsSpan(length).Fill(_order.Length);
    }

    void Sort()
    {
        Array.Clear(_starts);
        foreach (int g in _group) _starts[g + 1]++;
        for (int g = 1; g < _starts.Length; g++) _starts[g] += _starts[g - 1];
        // Each start walks forward as its group fills and ends where the next begins: shifted back by one group afterwards.
        for (int piece = 0; piece < _group.Length; piece++) _order[_position[piece] = _starts[_group[piece]]++] = piece;
        Array.Copy(_starts, 0, _starts, 1, _starts.Length - 1);
        _starts[0] = 0;
    }

    /// <summary>Throws if the array, its index and its borders disagree.</summary>
    public void CheckInvariants()
    {
        for (int i = 0; i < _order.Length; i++)
        {
            int g = _group[_order[i]];
            if (_position[_order[i]] != i) throw new InvalidOperationException($"piece {_order[i]} is not where the index says");
            if (i < _starts[g] || i >= _starts[g + 1]) throw new InvalidOperationException($"piece {_order[i]} is outside its group {g}");
        }
    }
}
