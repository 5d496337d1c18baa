// Bencode (BEP 3), token by token: integers i42e, byte strings 4:spam, lists l…e, dictionaries d…e.
// The input is hostile: nothing here recurses, allocates or throws, and every length is checked before it is used.
// Strict reading takes one spelling of each value, for files of our own. What others wrote is read as other programs read
// it: with leading zeros, -0, keys out of order or twice. A number that no 64-bit integer holds (i1800.5e, ie) is passed over
// as a kind of its own, so that it matters only to those who need that very field.
using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace TinyTorrent.Bencode;

enum BencodeKind : byte
{
    /// <summary>Nothing read, or an error.</summary>
    None,
    Integer,

    /// <summary>Between i and e stands something other than a 64-bit integer.</summary>
    OddNumber,
    Bytes,
    List,
    Dictionary,

    /// <summary>The end of a list or dictionary; only the reader reports it.</summary>
    End,
}

/// <summary>Where the input stopped being bencode, and why. <c>default</c> means no error.</summary>
readonly record struct BencodeError(int Offset, string? Reason)
{
    public override string ToString() => Reason is null ? "no error" : $"byte {Offset}: {Reason}";
}

/// <summary>A pull parser over one value. It stops after that value; what follows is the caller's business.</summary>
/// <param name="strict">Refuse what the canonical form does not have: other spellings of a number, keys that do not ascend.</param>
ref struct BencodeReader(ReadOnlySpan<byte> input, bool strict = false)
{
    /// <summary>Lists and dictionaries open at once.</summary>
    public const int MaxDepth = 100;

    /// <summary>Values and keys in one input: a list of 166,000 files with all that programs note of each has 2.3 million.</summary>
    public const int MaxTokens = 12_000_000;

    static readonly SearchValues<byte> NumberBytes = SearchValues.Create("0123456789+-."u8);

    readonly ReadOnlySpan<byte> _input = input;
    Levels _levels;
    int _tokens;

    public BencodeKind Kind { get; private set; }

    /// <summary>True if the byte string just read is a dictionary's key.</summary>
    public bool IsKey { get; private set; }

    /// <summary>Where the token starts.</summary>
    public int Offset { get; private set; }

    /// <summary>Where the next token starts: after the last one, the length of the whole value.</summary>
    public int Position { get; private set; }

    /// <summary>Lists and dictionaries open after this token: one that was just opened counts, one just ended does not.</summary>
    public int Depth { get; private set; }

    public long Integer { get; private set; }
    public ReadOnlySpan<byte> Bytes { get; private set; }
    public BencodeError Error { get; private set; }

    /// <summary>Moves to the next token. False after the value's last token, and at an error.</summary>
    public bool Read()
    {
        if (Error.Reason is not null || (Depth == 0 && Position > 0)) return false;
        Offset = Position;
        if (Position >= _input.Length) return Fail("the data ends before the value does");

        byte first = _input[Position];
        if (first == 'e') return ReadEnd();
        if (++_tokens > MaxTokens) return Fail("more than 12,000,000 values");
        IsKey = Depth > 0 && _levels[Depth - 1].Expects == Expects.Key;
        if (IsKey) return IsDigit(first) ? ReadBytes() && AcceptKey() : Fail("a dictionary key must be a byte string");
        if (Depth > 0 && _levels[Depth - 1].Expects == Expects.Value) _levels[Depth - 1].Expects = Expects.Key;
        return first switch
        {
            (byte)'i' => ReadInteger(),
            (byte)'l' => Open(BencodeKind.List, Expects.Item),
            (byte)'d' => Open(BencodeKind.Dictionary, Expects.Key),
            _ when IsDigit(first) => ReadBytes(),
            _ => Fail("a value must start with a digit, i, l or d"),
        };
    }

    bool Open(BencodeKind kind, Expects expects)
    {
        if (Depth == MaxDepth) return Fail("lists and dictionaries nested more than 100 deep");
        _levels[Depth++] = new Level { Expects = expects, KeyOffset = -1 };
        Kind = kind;
        Position++;
        return true;
    }

    bool ReadEnd()
    {
        if (Depth == 0) return Fail("an 'e' that ends nothing");
        if (_levels[Depth - 1].Expects == Expects.Value) return Fail("a dictionary key has no value");
        Depth--;
        Kind = BencodeKind.End;
        IsKey = false;
        Position++;
        return true;
    }

    bool ReadInteger()
    {
        ReadOnlySpan<byte> rest = _input[(Position + 1)..];
        int length = rest.IndexOfAnyExcept(NumberBytes);
        if (length < 0) return Fail("the data ends inside an integer");
        if (rest[length] != 'e') return Fail("an integer must be digits between i and e");
        bool fits = TryReadInteger(rest[..length], out long value);
        if (strict && !(fits && IsCanonical(rest[..length]))) return Fail("an integer that is not 64 bits in their shortest form");
        Integer = value;
        Kind = fits ? BencodeKind.Integer : BencodeKind.OddNumber;
        Position += 1 + length + 1;
        return true;
    }

    /// <param name="text">What stands between i and e.</param>
    internal static bool TryReadInteger(ReadOnlySpan<byte> text, out long value)
    {
        if (Utf8Parser.TryParse(text, out value, out int taken) && taken == text.Length) return true;
        value = 0;
        return false;
    }

    /// <summary>True for the shortest form of an integer: no plus, no leading zero.</summary>
    static bool IsCanonical(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> digits = text[0] == '-' ? text[1..] : text;
        return digits[0] != '+' && (digits[0] != '0' || text.Length == 1);
    }

    bool ReadBytes()
    {
        ReadOnlySpan<byte> rest = _input[Position..];
        int length = 0, digits = 0;
        for (; digits < rest.Length && IsDigit(rest[digits]); digits++)
        {
            // Compared with the input before the next digit is taken in, so the product cannot overflow.
            if (length > rest.Length / 10) return Fail("a byte string longer than the data");
            length = length * 10 + (rest[digits] - '0');
        }
        if (digits == rest.Length) return Fail("the data ends inside the length of a byte string");
        if (rest[digits] != ':') return Fail("the length of a byte string must end with a colon");
        if (strict && rest[0] == '0' && digits > 1) return Fail("the length of a byte string has a leading zero");
        if (length > rest.Length - digits - 1) return Fail("a byte string longer than the data");
        Bytes = rest.Slice(digits + 1, length);
        Kind = BencodeKind.Bytes;
        Position += digits + 1 + length;
        return true;
    }

    bool AcceptKey()
    {
        ref Level level = ref _levels[Depth - 1];
        level.Expects = Expects.Value;
        if (level.KeyOffset >= 0)
        {
            int order = Bytes.SequenceCompareTo(_input.Slice(level.KeyOffset, level.KeyLength));
            if (order <= 0 && strict) return Fail("dictionary keys are not in ascending order");
        }
        level.KeyOffset = Position - Bytes.Length;
        level.KeyLength = Bytes.Length;
        return true;
    }

    bool Fail(string reason)
    {
        Kind = BencodeKind.None;
        Error = new BencodeError(Offset, reason);
        return false;
    }

    static bool IsDigit(byte b) => (uint)(b - '0') <= 9;

    enum Expects : byte
    {
        Item,
        Key,
        Value,
    }

    /// <summary>An open list or dictionary. KeyOffset is -1 before a dictionary's first key.</summary>
    struct Level
    {
        public int KeyOffset, KeyLength;
        public Expects Expects;
    }

    [InlineArray(MaxDepth)]
    struct Levels
    {
        Level _first;
    }
}
