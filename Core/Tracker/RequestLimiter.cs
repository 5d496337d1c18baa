// How often one address may ask. Of each address is kept when it will have paid for its last request, one request being paid
// for in 1/rate seconds: an address that is more than ten seconds in debt is refused, and a refusal costs nothing. Over IPv6 a /64
// counts as one address, which is what a household has, and a whole /48, which one customer of a provider may have, gets
// sixteen times the rate.
//
// The table never grows. An address has eight places, chosen by a keyed hash, in one line of the cache; a newcomer takes the
// place of who owes least. So a flood from a million addresses pushes out those who have paid, not those who owe.
// Any thread may call: a place is one word, exchanged whole.
using TinyTorrent.Hashing;

namespace TinyTorrent.Tracker;

sealed class RequestLimiter
{
    /// <summary>The largest rate: a request then costs ten microseconds.</summary>
    public const double MaxRate = 100_000;

    const int Sets = 8192, Ways = 8;

    // A place: the upper 24 bits of the address's hash, then microseconds modulo 2^40 (12 days).
    const int TimeBits = 40;
    const ulong TimeMask = (1ul << TimeBits) - 1;
    const long MaxDebt = 10_000_000;

    const int CustomerRate = 16;

    readonly ulong[] _places = new ulong[Sets * Ways];
    readonly SipHash _hash;
    readonly long _cost;

    /// <param name="rate">Requests a second, above 0 and up to <see cref="MaxRate"/>.</param>
    /// <param name="secret">16 bytes nobody else knows.</param>
    public RequestLimiter(double rate, ReadOnlySpan<byte> secret)
    {
        _cost = (long)Math.Min(1e6 / rate, 3600e6);
        _hash = new SipHash(secret);
    }

    /// <summary>Notes a request. False if the address has asked too often; then <paramref name="wait"/> says how long it should be silent.</summary>
    public bool TryTake(in PeerAddress from, TimeSpan now, out TimeSpan wait)
    {
        long time = now.Ticks / TimeSpan.TicksPerMicrosecond;
        if (!from.IsIPv6) return TryTake(from.Bytes, _cost, time, out wait);
        ReadOnlySpan<byte> household = from.Bytes[..(PeerAddress.HouseholdBits / 8)], customer = from.Bytes[..(PeerAddress.CustomerBits / 8)];
        // The customer is only asked at first: a household that is refused must not cost its neighbours anything.
        return TryTake(customer, 0, time, out wait) && TryTake(household, _cost, time, out wait)
            && TryTake(customer, Math.Max(1, _cost / CustomerRate), time, out wait);
    }

    /// <param name="cost">Microseconds; 0 only looks.</param>
    bool TryTake(ReadOnlySpan<byte> network, long cost, long time, out TimeSpan wait)
    {
        ulong hash = _hash.Hash(network), mark = hash & ~TimeMask;
        Span<ulong> places = _places.AsSpan((int)(hash % Sets) * Ways, Ways);
        while (true)
        {
            int place = Find(places, mark, time, out ulong seen, out long debt);
            wait = TimeSpan.FromMicroseconds(Math.Max(0, debt - MaxDebt));
            if (debt > MaxDebt) return false;
            if (cost == 0) return true;
            ulong paid = mark | ((ulong)(time + debt + cost) & TimeMask);
            if (Interlocked.CompareExchange(ref places[place], paid, seen) == seen) return true;
        }
    }

    /// <summary>The address's place with what it owes, or the place of who owes least, with a debt of 0.</summary>
    int Find(ReadOnlySpan<ulong> places, ulong mark, long time, out ulong seen, out long debt)
    {
        int least = 0;
        long leastDebt = long.MaxValue;
        seen = 0;
        for (int i = 0; i < places.Length; i++)
        {
            ulong place = Volatile.Read(in places[i]);
            debt = Debt(place, time);
            if ((place & ~TimeMask) == mark && place != 0)
            {
                seen = place;
                return i;
            }
            if (debt >= leastDebt) continue;
            (least, leastDebt, seen) = (i, debt, place);
        }
        debt = 0;
        return least;
    }

    /// <summary>Microseconds until all is paid; 0 if it is, or if the place is so old that its time has come around.</summary>
    long Debt(ulong place, long time)
    {
        long ahead = ((long)place - time) << (64 - TimeBits) >> (64 - TimeBits);
        return ahead > 0 && ahead <= MaxDebt + _cost ? ahead : 0;
    }
}
