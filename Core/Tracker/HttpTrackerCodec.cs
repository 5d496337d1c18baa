// The queries of an HTTP tracker (BEP 3, 7, 23, 48), read from the raw bytes behind the question mark.
// An info-hash is binary, so escapes become bytes and never text. Each field that counts is checked and may come once;
// fields nobody here knows are skipped. What is wrong is told by name, as the line the peer's user will see.
using System.Buffers.Text;
using System.Globalization;
using TinyTorrent.Types;

namespace TinyTorrent.Tracker;

/// <summary>An announce as it came over HTTP.</summary>
/// <param name="Compact">False if the peer asked for dictionaries (compact=0).</param>
readonly record struct HttpAnnounce(Announce Announce, bool Compact);

static class HttpTrackerCodec
{
    /// <summary>Torrents in one scrape at most; a request of 8 KiB has no room for more.</summary>
    public const int MaxScrapeHashes = 128;

    /// <summary>Bytes of the longest name or value, unescaped, that means something, but for the binary ones: an IPv6 address.</summary>
    const int MaxPlain = 64;

    [Flags]
    enum Field
    {
        None = 0,
        InfoHash = 1, PeerId = 2, Port = 4, Uploaded = 8, Downloaded = 16, Left = 32, Event = 64, NumWant = 128, Key = 256, Compact = 512, Ip = 1024,
    }

    /// <returns>False with the reason in <paramref name="failure"/>.</returns>
    public static bool TryReadAnnounce(ReadOnlySpan<byte> query, out HttpAnnounce announce, out ReadOnlySpan<byte> failure)
    {
        announce = default;
        failure = default;
        Span<byte> hash = stackalloc byte[InfoHash.Size], id = stackalloc byte[PeerId.Size];
        long port = 0, uploaded = 0, downloaded = 0, left = Announce.UnknownLeft, wanted = -1;
        var happened = AnnounceEvent.None;
        uint key = 0;
        bool compact = true;
        PeerAddress address = default;

        Field seen = Field.None;
        Span<byte> plain = stackalloc byte[MaxPlain];
        while (TryNext(ref query, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
        {
            Field field = FieldOf(name);
            if ((seen & field) != 0) return Fail("a parameter was given twice"u8, out failure);
            seen |= field;
            switch (field)
            {
                case Field.InfoHash when !TryUnescape(value, hash): return Fail("info_hash is not 20 bytes"u8, out failure);
                case Field.PeerId when !TryUnescape(value, id): return Fail("peer_id is not 20 bytes"u8, out failure);
                case Field.Port when !TryNumber(value, out port) || port is < 1 or > 65535: return Fail("port is not a number from 1 to 65535"u8, out failure);
                case Field.Uploaded when !TryNumber(value, out uploaded): return Fail("uploaded is not a number"u8, out failure);
                case Field.Downloaded when !TryNumber(value, out downloaded): return Fail("downloaded is not a number"u8, out failure);
                case Field.Left when !TryNumber(value, out left): return Fail("left is not a number"u8, out failure);
                case Field.NumWant when !TryNumber(value, out wanted): return Fail("numwant is not a number"u8, out failure);
                case Field.Event: happened = EventOf(Plain(value, plain)); break;
                case Field.Key: key = KeyOf(Plain(value, plain)); break;
                case Field.Compact: compact = !Plain(value, plain).SequenceEqual("0"u8); break;
                case Field.Ip: address = PeerAddress.TryParse(Plain(value, plain), out PeerAddress named) ? named : default; break; // a host name is none
                default: break;
            }
        }
        if ((seen & Field.InfoHash) == 0) return Fail("info_hash is missing"u8, out failure);
        if ((seen & Field.PeerId) == 0) return Fail("peer_id is missing"u8, out failure);
        if ((seen & Field.Port) == 0) return Fail("port is missing"u8, out failure);
        announce = new HttpAnnounce(new Announce
        {
            InfoHash = new InfoHash(hash), PeerId = new PeerId(id), Port = (ushort)port,
            Uploaded = uploaded, Downloaded = downloaded, Left = left, Event = happened,
            NumWant = (int)Math.Clamp(wanted, -1, int.MaxValue), Key = key, Address = address,
        }, compact);
        return true;
    }

    /// <summary>False if a scrape asks for everything there is.</summary>
    public static bool NamesTorrents(ReadOnlySpan<byte> query)
    {
        while (TryNext(ref query, out ReadOnlySpan<byte> name, out _))
            if (FieldOf(name) == Field.InfoHash) return true;
        return false;
    }

    /// <summary>Reads the info-hashes of a scrape, sorted and without repetitions as the answer's dictionary wants them.</summary>
    /// <param name="names"><see cref="MaxScrapeHashes"/> long.</param>
    /// <param name="count">0 if none is named.</param>
    /// <returns>False with the reason in <paramref name="failure"/>.</returns>
    public static bool TryReadScrape(ReadOnlySpan<byte> query, Span<InfoHash> names, out int count, out ReadOnlySpan<byte> failure)
    {
        count = 0;
        failure = default;
        Span<byte> hash = stackalloc byte[InfoHash.Size];
        while (TryNext(ref query, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
        {
            if (FieldOf(name) != Field.InfoHash) continue;
            if (!TryUnescape(value, hash)) return Fail("info_hash is not 20 bytes"u8, out failure);
            if (count == names.Length) return Fail("too many torrents at once"u8, out failure);
            names[count++] = new InfoHash(hash);
        }
        count = SortDistinct(names[..count]);
        return true;
    }

    /// <summary>Brings names into the order of a bencoded dictionary, each once. The number of them.</summary>
    public static int SortDistinct(Span<InfoHash> names)
    {
        names.Sort(static (a, b) => a.Bytes.SequenceCompareTo(b.Bytes));
        int kept = Math.Min(1, names.Length);
        for (int i = 1; i < names.Length; i++)
            if (names[i] != names[kept - 1]) names[kept++] = names[i];
        return kept;
    }

    static bool Fail(ReadOnlySpan<byte> reason, out ReadOnlySpan<byte> failure)
    {
        failure = reason;
        return false;
    }

    /// <summary>Takes the next <c>name=value</c> off the front; false at the end.</summary>
    static bool TryNext(ref ReadOnlySpan<byte> query, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int end = query.IndexOf((byte)'&');
        ReadOnlySpan<byte> pair = end < 0 ? query : query[..end];
        int equals = pair.IndexOf((byte)'=');
        name = equals < 0 ? pair : pair[..equals];
        value = equals < 0 ? default : pair[(equals + 1)..];
        bool any = !query.IsEmpty;
        query = end < 0 ? default : query[(end + 1)..];
        return any;
    }

    /// <summary>Escapes are rare in names and in all values but the binary ones: they are looked for where a name means nothing as it is.</summary>
    static Field FieldOf(ReadOnlySpan<byte> name)
    {
        Field field = FieldOfPlain(name);
        return field != Field.None || !name.Contains((byte)'%') ? field : FieldOfPlain(Plain(name, stackalloc byte[MaxPlain]));
    }

    static Field FieldOfPlain(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 when name.SequenceEqual("ip"u8) => Field.Ip,
        3 when name.SequenceEqual("key"u8) => Field.Key,
        4 when name.SequenceEqual("left"u8) => Field.Left,
        4 when name.SequenceEqual("port"u8) => Field.Port,
        5 when name.SequenceEqual("event"u8) => Field.Event,
        7 when name.SequenceEqual("compact"u8) => Field.Compact,
        7 when name.SequenceEqual("numwant"u8) => Field.NumWant,
        7 when name.SequenceEqual("peer_id"u8) => Field.PeerId,
        8 when name.SequenceEqual("uploaded"u8) => Field.Uploaded,
        9 when name.SequenceEqual("info_hash"u8) => Field.InfoHash,
        10 when name.SequenceEqual("downloaded"u8) => Field.Downloaded,
        _ => Field.None,
    };

    static AnnounceEvent EventOf(ReadOnlySpan<byte> value)
    {
        if (value.SequenceEqual("started"u8)) return AnnounceEvent.Started;
        if (value.SequenceEqual("completed"u8)) return AnnounceEvent.Completed;
        if (value.SequenceEqual("stopped"u8)) return AnnounceEvent.Stopped;
        // Whatever comes later is a sign of life like any other.
        return value.SequenceEqual("paused"u8) ? AnnounceEvent.Paused : AnnounceEvent.None;
    }

    /// <summary>Most clients send 8 hex digits; what others send names nobody.</summary>
    static uint KeyOf(ReadOnlySpan<byte> value) =>
        uint.TryParse(value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint key) ? key : 0;

    /// <summary>A name or value without its escapes; as it is if it has none, or none that can be undone.</summary>
    static ReadOnlySpan<byte> Plain(ReadOnlySpan<byte> text, Span<byte> room) =>
        text.ContainsAny((byte)'%', (byte)'+') && TryUnescape(text, room, out int length) ? room[..length] : text;

    /// <summary>Undoes percent-encoding. True if that gives exactly as many bytes as <paramref name="to"/> has.</summary>
    static bool TryUnescape(ReadOnlySpan<byte> value, Span<byte> to) => TryUnescape(value, to, out int length) && length == to.Length;

    static bool TryUnescape(ReadOnlySpan<byte> value, Span<byte> to, out int length)
    {
        length = 0;
        for (int i = 0; i < value.Length; i++)
        {
            if (length == to.Length) return false;
            byte b = value[i];
            if (b == '%')
            {
                if (value.Length - i < 3) return false;
                int high = HexValue(value[i + 1]), low = HexValue(value[i + 2]);
                if ((high | low) < 0) return false;
                b = (byte)((high << 4) | low);
                i += 2;
            }
            else if (b == '+')
            {
                b = (byte)' '; // as forms encode it, and scripts with them; BitTorrent clients leave neither bare
            }
            to[length++] = b;
        }
        return true;
    }

    static int HexValue(byte digit) => HexValues[digit];

    // A table, because the digits of a hash are random and every comparison would be guessed wrong now and then.
    static readonly sbyte[] HexValues = MakeHexValues();

    static sbyte[] MakeHexValues()
    {
        var values = new sbyte[256];
        Array.Fill(values, (sbyte)-1);
        for (int i = 0; i < 16; i++) values["0123456789abcdef"[i]] = values["0123456789ABCDEF"[i]] = (sbyte)i;
        return values;
    }

    /// <summary>Decimal digits, with a sign perhaps: some clients say -1 for "unknown". What is too large for a long is its largest.</summary>
    static bool TryNumber(ReadOnlySpan<byte> value, out long number)
    {
        if (Utf8Parser.TryParse(value, out number, out int consumed) && consumed == value.Length) return value[0] != '+';
        if (value.Contains((byte)'%'))
        {
            ReadOnlySpan<byte> plain = Plain(value, stackalloc byte[MaxPlain]);
            return !plain.Contains((byte)'%') && TryNumber(plain, out number);
        }
        number = long.MaxValue;
        return value.Length > 0 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }
}
