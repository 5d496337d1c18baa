// Bencode (BEP 3), token by token: integers i42e, byte strings 4:spam, lists l…e, dictionaries d…e.
// The input is hostile: nothing here recurses, allocates or throws, and every length is checked before it is used.
// There is one accepted spelling for each integer and length (no leading zero, no -0, nothing beyond 64 bits).
using System.Runtime.CompilerServices;

namespace TinyTorrent.Bencode;

enum BencodeKind : byte
{
    /// <summary>Nothing read, or an error.</summary>
    None,
    Integer,
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
/// <param name="strict">Refuse dictionaries whose keys are not in ascending order (many real .torrents have them).</param>
ref struct BencodeReader(ReadOnlySpan<byte> input, bool strict = false)
{
    /// <summary>Lists and dictionaries open at once.</summary>
    public const int MaxDepth = 100;

    /// <summary>Values and keys in one input; with it, what is built from an input stays in proportion to its bytes.</summary>
    public const int MaxTokens = 3_000_000;

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

    /// <summary>True while every key was greater than the one before it: then no dictionary can hold a key twice.</summary>
    public bool KeysAscend { get; private set; } = true;

    /// <summary>Moves to the next token. False after the value's last token, and at an error.</summary>
    public bool Read()
    {
        if (Error.Reason is not null || (Depth == 0 && Position > 0)) return false;
        Offset = Position;
        if (Position >= _input.Length) return Fail("the data ends before the value does");

        byte first = _input[Position];
        if (first == 'e') return ReadEnd();
        if (++_tokens > MaxTokens) return Fail("more than 3,000,000 values");
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
        bool negative = rest.Length > 0 && rest[0] == '-';
        if (negative) rest = rest[1..];
        ulong limit = negative ? 1UL << 63 : long.MaxValue;
        ulong value = 0;
        int digits = 0;
        for (; digits < rest.Length && IsDigit(rest[digits]); digits++)
        {
            uint digit = (uint)(rest[digits] - '0');
            if (value > (limit - digit) / 10) return Fail("an integer that does not fit in 64 bits");
            value = value * 10 + digit;
        }
        if (digits == rest.Length) return Fail("the data ends inside an integer");
        if (digits == 0 || rest[digits] != 'e') return Fail("an integer must be digits between i and e");
        if (rest[0] == '0' && (digits > 1 || negative)) return Fail("an integer with a leading zero, or -0");
        Integer = negative ? unchecked(-(long)value) : (long)value;
        Kind = BencodeKind.Integer;
        Position += 1 + (negative ? 1 : 0) + digits + 1;
        return true;
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
        if (rest[0] == '0' && digits > 1) return Fail("the length of a byte string has a leading zero");
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
            if (order == 0) return Fail("a dictionary key appears twice");
            if (order < 0 && strict) return Fail("dictionary keys are not in ascending order");
            KeysAscend &= order > 0;
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
