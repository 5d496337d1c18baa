// Finds a key that one dictionary holds twice, for inputs whose keys are not in order; ordered ones need no search.
// All keys are sorted by dictionary and content: comparing each key with each other would let 1 MB of input cost hours.
namespace TinyTorrent.Bencode;

static class DuplicateKeys
{
    readonly record struct Key(int Dictionary, int Token, int Content, int Length);

    /// <param name="input">One value that <see cref="BencodeReader"/> has accepted.</param>
    /// <param name="offset">Where the second of two equal keys starts.</param>
    public static bool TryFind(ReadOnlySpan<byte> input, out int offset)
    {
        byte[] bytes = input.ToArray(); // a comparison cannot hold a span
        List<Key> keys = Collect(input);
        keys.Sort((a, b) =>
        {
            int order = Compare(bytes, a, b);
            return order != 0 ? order : a.Token.CompareTo(b.Token);
        });
        for (int i = 1; i < keys.Count; i++)
        {
            offset = keys[i].Token;
            if (Compare(bytes, keys[i - 1], keys[i]) == 0) return true;
        }
        offset = 0;
        return false;
    }

    static List<Key> Collect(ReadOnlySpan<byte> input)
    {
        var keys = new List<Key>();
        var reader = new BencodeReader(input);
        Span<int> open = stackalloc int[BencodeReader.MaxDepth + 1]; // the number of the dictionary open at each depth
        int dictionaries = 0;
        while (reader.Read())
        {
            if (reader.Kind == BencodeKind.Dictionary) open[reader.Depth] = dictionaries++;
            if (reader.IsKey) keys.Add(new Key(open[reader.Depth], reader.Offset, reader.Position - reader.Bytes.Length, reader.Bytes.Length));
        }
        return keys;
    }

    static int Compare(byte[] bytes, Key a, Key b) =>
        a.Dictionary != b.Dictionary
            ? a.Dictionary.CompareTo(b.Dictionary)
            : bytes.AsSpan(a.Content, a.Length).SequenceCompareTo(bytes.AsSpan(b.Content, b.Length));
}
