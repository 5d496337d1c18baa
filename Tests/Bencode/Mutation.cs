// Small damage to valid input: flips, cuts, repeats and bytes that mean something in bencode. For the fuzz tests.
namespace TinyTorrent.Tests.Bencode;

static class Mutation
{
    public static byte[] Of(ReadOnlySpan<byte> input, Random random)
    {
        var bytes = new List<byte>(input.ToArray());
        for (int times = random.Next(1, 4); times > 0 && bytes.Count > 0; times--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
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
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)));
                    break;
            }
        }
        return [.. bytes];
    }
}
