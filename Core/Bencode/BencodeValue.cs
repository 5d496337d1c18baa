// A view of one bencoded value inside bytes that were checked once, as a whole. After TryParse nothing about the structure
// can fail, so looking things up neither allocates nor throws: a value of another kind than asked for reads as 0 or empty.
// A lookup walks the dictionary's own entries and steps over their values; to read many fields, enumerate the entries once.
// If a key appears twice, a lookup finds the first.
namespace TinyTorrent.Bencode;

readonly ref struct BencodeValue
{
    readonly ReadOnlySpan<byte> _input;
    readonly int _end;

    BencodeValue(ReadOnlySpan<byte> input, int offset, int end)
    {
        _input = input;
        Offset = offset;
        _end = end;
    }

    /// <summary>Where the value starts in the parsed input.</summary>
    public int Offset { get; }

    /// <summary>The value's own bytes, as they came: what an info-hash is made from.</summary>
    public ReadOnlySpan<byte> Raw => _input[Offset.._end];

    public BencodeKind Kind => Offset == _end ? BencodeKind.None : _input[Offset] switch
    {
        (byte)'i' => TryReadInteger(out _) ? BencodeKind.Integer : BencodeKind.OddNumber,
        (byte)'l' => BencodeKind.List,
        (byte)'d' => BencodeKind.Dictionary,
        _ => BencodeKind.Bytes,
    };

    /// <summary>The number; 0 if this is not an integer.</summary>
    public long Integer => Offset < _end && _input[Offset] == 'i' && TryReadInteger(out long value) ? value : 0;

    /// <summary>The content of a byte string; empty if this is not one.</summary>
    public ReadOnlySpan<byte> Bytes => Kind == BencodeKind.Bytes ? Raw[(Raw.IndexOf((byte)':') + 1)..] : default;

    /// <summary>A list's items; none if this is not a list.</summary>
    public BencodeItems Items => new(Kind == BencodeKind.List ? _input : "e"u8, Kind == BencodeKind.List ? Offset + 1 : 0);

    /// <summary>A dictionary's entries in the order they came; none if this is not a dictionary.</summary>
    public BencodeEntries Entries => new(Kind == BencodeKind.Dictionary ? _input : "e"u8, Kind == BencodeKind.Dictionary ? Offset + 1 : 0);

    /// <summary>Parses an input that is one value and nothing more.</summary>
    /// <param name="strict">Only the canonical form, as our own files have it.</param>
    public static bool TryParse(ReadOnlySpan<byte> input, out BencodeValue root, out BencodeError error, bool strict = false)
    {
        if (TryParsePrefix(input, out root, out error, strict) && root._end < input.Length)
            error = new BencodeError(root._end, "bytes after the end of the value");
        if (error.Reason is null) return true;
        root = default;
        return false;
    }

    /// <summary>Parses the value an input starts with; <c>Raw.Length</c> of it tells where the rest begins (BEP 9 appends data).</summary>
    public static bool TryParsePrefix(ReadOnlySpan<byte> input, out BencodeValue root, out BencodeError error, bool strict = false)
    {
        root = default;
        var reader = new BencodeReader(input, strict);
        while (reader.Read()) { }
        error = reader.Error;
        if (error.Reason is not null) return false;
        root = new BencodeValue(input, 0, reader.Position);
        return true;
    }

    public bool TryGet(ReadOnlySpan<byte> key, out BencodeValue value)
    {
        foreach (BencodeEntry entry in Entries)
        {
            if (!entry.Key.SequenceEqual(key)) continue;
            value = entry.Value;
            return true;
        }
        value = default;
        return false;
    }

    /// <summary>False if the key is missing or its value is not an integer.</summary>
    public bool TryGetInteger(ReadOnlySpan<byte> key, out long value)
    {
        bool found = TryGet(key, out BencodeValue at) && at.Kind == BencodeKind.Integer;
        value = at.Integer;
        return found;
    }

    /// <summary>False if the key is missing or its value is not a byte string.</summary>
    public bool TryGetBytes(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        bool found = TryGet(key, out BencodeValue at) && at.Kind == BencodeKind.Bytes;
        value = at.Bytes;
        return found;
    }

    bool TryReadInteger(out long value) => BencodeReader.TryReadInteger(_input[(Offset + 1)..(_end - 1)], out value);

    /// <summary>The value at an offset of a validated input.</summary>
    internal static BencodeValue At(ReadOnlySpan<byte> input, int offset) => new(input, offset, SkipFrom(input, offset));

    /// <summary>Where the value that starts at <paramref name="offset"/> ends. The input must have been validated.</summary>
    static int SkipFrom(ReadOnlySpan<byte> input, int offset)
    {
        int depth = 0;
        do
        {
            switch (input[offset])
            {
                case (byte)'l' or (byte)'d':
                    depth++;
                    offset++;
                    break;
                case (byte)'e':
                    depth--;
                    offset++;
                    break;
                case (byte)'i':
                    offset += input[offset..].IndexOf((byte)'e') + 1;
                    break;
                default:
                    int length = 0;
                    for (; input[offset] != ':'; offset++) length = length * 10 + (input[offset] - '0');
                    offset += 1 + length;
                    break;
            }
        }
        while (depth > 0);
        return offset;
    }
}

/// <summary>Walks a list's items: <c>foreach (BencodeValue item in list.Items)</c>.</summary>
ref struct BencodeItems(ReadOnlySpan<byte> input, int offset)
{
    readonly ReadOnlySpan<byte> _input = input;
    int _next = offset;

    public BencodeValue Current { get; private set; }

    public readonly BencodeItems GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_input[_next] == 'e') return false;
        Current = BencodeValue.At(_input, _next);
        _next += Current.Raw.Length;
        return true;
    }
}

readonly ref struct BencodeEntry(ReadOnlySpan<byte> key, BencodeValue value)
{
    public ReadOnlySpan<byte> Key { get; } = key;
    public BencodeValue Value { get; } = value;
}

/// <summary>Walks a dictionary: <c>foreach (BencodeEntry entry in dictionary.Entries)</c>.</summary>
ref struct BencodeEntries(ReadOnlySpan<byte> input, int offset)
{
    readonly ReadOnlySpan<byte> _input = input;
    int _next = offset;

    public BencodeEntry Current { get; private set; }

    public readonly BencodeEntries GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_input[_next] == 'e') return false;
        BencodeValue key = BencodeValue.At(_input, _next);
        BencodeValue value = BencodeValue.At(_input, _next + key.Raw.Length);
        Current = new BencodeEntry(key.Bytes, value);
        _next += key.Raw.Length + value.Raw.Length;
        return true;
    }
}
