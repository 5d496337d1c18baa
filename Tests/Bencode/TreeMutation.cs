// Damage that bencode does not notice: one value of a valid input becomes another, and all lengths around it are right again.
// Changed bytes hardly ever get past the parser; this gets to those who read what was parsed. For the fuzz tests.
using System.Globalization;
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Tests.Bencode;

static class TreeMutation
{
    static readonly string[] s_numbers =
        ["0", "-1", "1", "2", "16384", "2147483647", "2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4611686018427387904"];

    static readonly string[] s_texts =
        ["", ".", "..", "/", "a/b", "\\", "\0", "con", "\x1b[2J", "p", "l", "caf\u00e9", "cafe\u0301", new('x', 300), "name", "path", "length", "http://h/announce", "udp://h:1"];

    /// <summary>Null if the input is not bencode.</summary>
    public static byte[]? Of(byte[] input, Random random)
    {
        if (Values(input) is not { } values) return null;
        (int at, int length, bool isKey) = values[random.Next(values.Count)];
        if (isKey) (at, length, _) = values[random.Next(values.Count)]; // what stands under a key matters more often
        (int other, int otherLength, _) = values[random.Next(values.Count)];
        byte[] one = input[at..(at + length)];
        byte[] another = random.Next(8) switch
        {
            < 4 => Alike(one, random),
            4 => input[other..(other + otherLength)],
            5 => [.. "l"u8, .. one, .. one, .. "e"u8],
            6 => random.Next(2) == 0 ? [.. one, .. one] : [], // an item too many or too few
            _ => random.Next(3) switch { 0 => Number(0, random), 1 => Ben.Encode(s_texts[random.Next(s_texts.Length)]), _ => "de"u8.ToArray() },
        };
        return [.. input[..at], .. another, .. input[(at + length)..]];
    }

    /// <summary>The input with this in place of its last value; null if it is not bencode.</summary>
    public static byte[]? WithLast(byte[] input, byte[] value)
    {
        if (Values(input) is not { } values) return null;
        (int at, int length, _) = values[^1];
        return [.. input[..at], .. value, .. input[(at + length)..]];
    }

    /// <summary>Another value of the same kind.</summary>
    static byte[] Alike(byte[] one, Random random)
    {
        if (!BencodeValue.TryParse(one, out BencodeValue value, out _)) return one;
        if (value.Kind == BencodeKind.Integer) return Number(value.Integer, random);
        byte[] bytes = value.Bytes.ToArray();
        if (value.Kind != BencodeKind.Bytes || bytes.Length == 0) return "le"u8.ToArray();
        switch (random.Next(4))
        {
            case 0:
                return Ben.Encode(bytes[random.Next(bytes.Length)..]);
            case 1:
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return Ben.Encode(bytes);
            default:
                return Ben.Encode(s_texts[random.Next(s_texts.Length)]);
        }
    }

    static byte[] Number(long one, Random random)
    {
        string[] near = unchecked([.. new[] { one - 1, one + 1, -one, 2 * one }.Select(number => number.ToString(CultureInfo.InvariantCulture))]);
        return Encoding.ASCII.GetBytes($"i{(random.Next(4) == 0 ? near[random.Next(near.Length)] : s_numbers[random.Next(s_numbers.Length)])}e");
    }

    /// <summary>Where each value lies, the outermost first.</summary>
    static List<(int At, int Length, bool IsKey)>? Values(byte[] input)
    {
        if (!BencodeValue.TryParse(input, out BencodeValue root, out _)) return null;
        var found = new List<(int, int, bool)>();
        Walk(root, 0, found);
        return found;
    }

    /// <param name="at">Where the value lies in the input; a view knows only where it lies in its own.</param>
    static void Walk(BencodeValue value, int at, List<(int At, int Length, bool IsKey)> found)
    {
        found.Add((at, value.Raw.Length, false));
        int next = at + 1;
        foreach (BencodeValue item in value.Items)
        {
            Walk(item, next, found);
            next += item.Raw.Length;
        }
        foreach (BencodeEntry entry in value.Entries)
        {
            int key = Ben.Encode(entry.Key.ToArray()).Length;
            found.Add((next, key, true));
            Walk(entry.Value, next + key, found);
            next += key + entry.Value.Raw.Length;
        }
    }
}
