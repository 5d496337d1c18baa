// Small damage to valid input: flips, cuts, repeats, bytes that mean something in bencode, numbers at the edge of their range
// as the wire has them. For the fuzz tests.
namespace TinyTorrent.Tests.Bencode;

static class Mutation
{
    static readonly uint[] s_edges = [0, 1, 2, 13, 16393, 16394, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF];

    public static byte[] Of(ReadOnlySpan<byte> input, Random random)
    {
        var bytes = new List<byte>(input.ToArray());
        for (int times = random.Next(1, 4); times > 0 && bytes.Count > 0; times--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = "ilde:-0123456789"u8[random.Next(16)];
                    break;
                case 2:
                    bytes.Insert(at, "ilde:-0123456789"u8[random.Next(16)]);
                    break;
                case 3:
                    bytes.RemoveAt(at);
                    break;
                case 4:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at));
                    break;
                case 5:
                    uint number = s_edges[random.Next(s_edges.Length)];
                    for (int i = 0; i < 4 && at + i < bytes.Count; i++) bytes[at + i] = (byte)(number >> (24 - 8 * i));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)));
                    break;
            }
        }
        return [.. bytes];
    }
}
